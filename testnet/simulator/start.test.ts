import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import { components, inDegrees } from '../observers/graph.ts'
import { Recorder } from './recorder.ts'
import { Simulation } from './simulation.ts'
import { begin, bootstrapStart, flashCrowd, growingStart, latticeStart, randomStart, type Start } from './start.ts'

const random = () => new Random(7)

function numbers({ first, nodes }: Start): number[] {
  return Array.from({ length: nodes }, (_, i) => first + i)
}

function graph(start: Start) {
  return { nodes: start.nodes, out: (node: number) => start.knows(node) }
}

const starts: Record<string, Start> = {
  random: randomStart({ nodes: 500, degree: 20, random: random() }),
  lattice: latticeStart({ nodes: 500, degree: 6 }),
  bootstrap: bootstrapStart({ nodes: 500, within: 10_000 }),
  growing: growingStart({ nodes: 500, perRound: 30, period: 1000 }),
  'growing at random': growingStart({ nodes: 500, perRound: 30, period: 1000, random: random() }),
  'flash crowd': flashCrowd({ first: 50, nodes: 500, within: 10_000, seeds: [3, 4, 5], random: random() }),
}

for (const [name, start] of Object.entries(starts)) {
  describe(`a ${name} start`, () => {
    test('lets nodes join in the order of their numbers; none knows itself, or twice the same, or one that comes later', () => {
      let before = 0
      for (const node of numbers(start)) {
        const at = start.at(node)
        assert.ok(at >= before)
        before = at
        const known = start.knows(node)
        assert.equal(new Set([...known, node]).size, known.length + 1)
        for (const peer of known) {
          assert.ok(
            peer >= 0 && (peer < start.first || start.at(peer) <= at),
            `${node} knows ${peer} before it is there`,
          )
        }
      }
    })

    test('says the same each time it is asked', () => {
      for (const node of numbers(start)) {
        assert.deepEqual(start.knows(node), start.knows(node))
        assert.equal(start.at(node), start.at(node))
      }
    })
  })
}

describe('the graph at the start', () => {
  const [everybody, lattice, bootstrap] = [starts.random, starts.lattice, starts.bootstrap] as [Start, Start, Start]

  test('random: everybody has the same out-degree, and the in-degrees are those of chance', () => {
    assert.ok(numbers(everybody).every((node) => everybody.knows(node).length === 20))
    const degrees = inDegrees(graph(everybody))
    const variance = degrees.reduce((sum, degree) => sum + (degree - 20) ** 2, 0) / degrees.length
    assert.ok(variance > 15 && variance < 25, `variance ${variance}, binomial 19.2`)
    assert.deepEqual(components(graph(everybody)), [500])
  })

  test('lattice: the nearest on each side, around the ring', () => {
    assert.deepEqual(
      lattice.knows(1).toSorted((a, b) => a - b),
      [0, 2, 3, 4, 498, 499],
    )
    assert.ok(inDegrees(graph(lattice)).every((degree) => degree === 6))
    assert.deepEqual(latticeStart({ nodes: 3, degree: 2 }).knows(0), [1, 2])
  })

  test('bootstrap: all know node 0, which knows nobody; they join at equal intervals', () => {
    assert.deepEqual(bootstrap.knows(0), [])
    assert.deepEqual(
      [1, 250, 499].map((node) => bootstrap.knows(node)),
      [[0], [0], [0]],
    )
    assert.deepEqual(
      [0, 1, 250].map((node) => bootstrap.at(node)),
      [0, 20, 5000],
    )
    assert.equal(bootstrapStart({ nodes: 9 }).at(8), 0)
  })

  test('growing: so many a round, through the oldest node or a random earlier one', () => {
    const [oldest, any] = [starts.growing, starts['growing at random']] as [Start, Start]
    assert.deepEqual(
      [0, 29, 30, 59, 60].map((node) => oldest.at(node)),
      [0, 0, 1000, 1000, 2000],
    )
    assert.ok(
      numbers(oldest)
        .slice(1)
        .every((node) => oldest.knows(node)[0] === 0),
    )
    const known = numbers(any)
      .slice(30)
      .map((node) => any.knows(node)[0] as number)
    assert.ok(new Set(known).size > 200, 'spread over many')
    assert.deepEqual(components(graph(any)), [500])
  })

  test('flash crowd: within its time, spread over its seeds', () => {
    const crowd = starts['flash crowd'] as Start
    const times = numbers(crowd).map((node) => crowd.at(node))
    assert.ok((times[0] as number) >= 0 && (times.at(-1) as number) < 10_000)
    for (const seed of [3, 4, 5]) {
      const share = numbers(crowd).filter((node) => crowd.knows(node)[0] === seed).length / 500
      assert.ok(Math.abs(share - 1 / 3) < 0.09, `${share} join through ${seed}`)
    }
  })

  test('that is impossible is refused with the reason', () => {
    for (const nodes of [0, 1.5, Number.NaN]) {
      assert.throws(() => bootstrapStart({ nodes }), /nodes: a whole number from 1/)
      assert.throws(() => growingStart({ nodes: 9, perRound: nodes, period: 1 }), /nodes a round/)
    }
    for (const degree of [0, 10, 2.5]) {
      assert.throws(() => randomStart({ nodes: 10, degree, random: random() }), RangeError)
      assert.throws(() => latticeStart({ nodes: 10, degree }), RangeError)
    }
    assert.throws(() => latticeStart({ nodes: 10, degree: 3 }), /degree 3 is odd/)
    assert.throws(() => bootstrapStart({ nodes: 9, within: -1 }), RangeError)
    assert.throws(() => growingStart({ nodes: 9, perRound: 1, period: Number.NaN }), RangeError)
    const crowd = { first: 5, nodes: 5, within: 10, random: random() }
    assert.throws(() => flashCrowd({ ...crowd, seeds: [] }), /needs a seed/)
    assert.throws(() => flashCrowd({ ...crowd, seeds: [5] }), /node 5 cannot be a seed/)
  })
})

/** Writes down whom it was introduced to. */
class Newcomer extends Recorder {
  readonly born: number
  met: string[] = []

  constructor(environment: Environment<number>) {
    super(environment)
    this.born = environment.now() - 1_700_000_000_000
  }

  introduce(peers: readonly PeerDescriptor[]): void {
    this.met = peers.map(({ id }) => id)
  }
}

describe('begin', () => {
  const overlay = {
    make: (environment: Environment<number>) => new Newcomer(environment),
    introduce: (newcomer: Newcomer, peers: readonly PeerDescriptor[]) => newcomer.introduce(peers),
  }

  test('adds every node at its time from now, and introduces it to those it knows', () => {
    for (const name of ['random', 'lattice', 'bootstrap', 'growing']) {
      const start = starts[name] as Start
      const simulation = new Simulation<number, Newcomer>({ seed: 1 })
      simulation.run(500)
      begin(simulation, start, overlay)
      simulation.run(20_000)
      assert.equal(simulation.nodes.length, 500)
      for (const node of numbers(start)) {
        const { protocol } = simulation.node(`n${node}`)
        assert.ok(Math.abs(protocol.born - 500 - start.at(node)) < 1e-6, `${name}: ${node} came at ${protocol.born}`)
        assert.deepEqual(
          protocol.met,
          start.knows(node).map((known) => `n${known}`),
        )
        assert.equal(protocol.started, 1)
      }
    }
  })

  test('of a crowd comes on top of what is there, whatever else joins meanwhile; nodes are given what init says', () => {
    const simulation = new Simulation<number, Newcomer>({ seed: 1 })
    begin(simulation, bootstrapStart({ nodes: 10 }), overlay)
    const crowd = { first: 10, nodes: 20, within: 1000, seeds: [2], random: simulation.random }
    begin(simulation, flashCrowd(crowd), { ...overlay, init: (node) => ({ attributes: { load: node } }) })
    simulation.add({ id: 'stranger' }, overlay.make)
    assert.equal(simulation.nodes.length, 11)
    simulation.run(1000)
    assert.equal(simulation.nodes.length, 31)
    assert.deepEqual(simulation.node('n29').protocol.met, ['n2'])
    assert.deepEqual(simulation.node('n29').self.attributes, { load: 29 })
  })
})
