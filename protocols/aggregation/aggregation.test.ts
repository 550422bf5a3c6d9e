import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { lying } from '../../testnet/simulator/byzantine.ts'
import { Simulation, type SimulationOptions } from '../../testnet/simulator/simulation.ts'
import { Aggregation, type AggregationOptions } from './aggregation.ts'
import { type AggregationMessage, aggregationCodec } from './codec.ts'
import { quantileOf } from './reading.ts'

interface Setting extends Partial<SimulationOptions<AggregationMessage>> {
  readonly nodes?: number
  readonly options?: Partial<AggregationOptions>
}

/** Nodes with an attribute `load` each, who know everybody that lives, and their neighbours on the ring. */
class Fleet {
  readonly simulation: Simulation<AggregationMessage, Aggregation>
  readonly load = new Map<string, number | string>()
  readonly #options: Partial<AggregationOptions>
  #known:
    | { ring: PeerDescriptor[]; place: Map<string, number>; others: Map<string, readonly PeerDescriptor[]> }
    | undefined

  constructor({ nodes = 200, options = {}, ...rest }: Setting = {}) {
    this.#options = options
    this.simulation = new Simulation({ seed: 7, codec: aggregationCodec, notices: true, ...rest })
    for (let i = 0; i < nodes; i++) this.join()
  }

  get live() {
    return this.simulation.nodes.filter(({ alive }) => alive)
  }

  /** Those who live, in the order of the ring, and the place of each; made anew after every change. */
  #ring() {
    if (this.#known === undefined) {
      const ring = this.live.map(({ self }) => self).sort((a, b) => a.position - b.position)
      this.#known = { ring, place: new Map(ring.map(({ id }, i) => [id, i])), others: new Map() }
    }
    return this.#known
  }

  #othersOf(id: string): readonly PeerDescriptor[] {
    const { ring, others } = this.#ring()
    const known = others.get(id) ?? ring.filter((self) => self.id !== id)
    others.set(id, known)
    return known
  }

  #neighboursOf(id: string) {
    const { ring, place } = this.#ring()
    const step = (by: number) => ring[((place.get(id) ?? 0) + by + ring.length) % ring.length]!
    return { successors: [1, 2, 3, 4].map(step), predecessors: [-1, -2, -3, -4].map(step) }
  }

  make = (environment: Environment<AggregationMessage>): Aggregation => {
    const { id } = environment.self
    if (!this.load.has(id)) this.load.set(id, (this.load.size * 37) % 101)
    return new Aggregation(environment, {
      partners: () => this.#othersOf(id),
      attributes: () => ({ load: this.load.get(id) ?? null, name: 'text' }),
      names: ['load', 'nothing'],
      neighbours: () => this.#neighboursOf(id),
      budget: new TokenBucket(48 * 1024, 16 * 1024),
      options: { quantiles: ['load'], ...this.#options },
    })
  }

  join(): void {
    this.simulation.add({}, this.make)
    this.#known = undefined
  }

  /** Dies; failure detection tells some others 3 s later. */
  die(id: string): void {
    this.simulation.kill(id)
    this.#known = undefined
    this.simulation.after(3000, () => {
      for (const { protocol } of this.live.slice(0, 32)) protocol.peerDown(id)
    })
  }

  run(seconds: number): void {
    this.simulation.run(seconds * 1000)
  }

  get truth() {
    const loads = this.live.map(({ id }) => this.load.get(id)).filter((one) => typeof one === 'number')
    const sum = loads.reduce((a, b) => a + b, 0)
    return {
      size: this.live.length,
      count: loads.length,
      sum,
      average: sum / loads.length,
      min: Math.min(...loads),
      max: Math.max(...loads),
      sorted: [...loads].sort((a, b) => a - b),
    }
  }
}

const near = (found: number | undefined, expected: number, relative = 1e-6) =>
  assert.ok(
    found !== undefined && Math.abs(found - expected) <= relative * Math.abs(expected),
    `${found}, not ${expected}`,
  )

describe('standing aggregates of 200 nodes', () => {
  test('every node comes to know everything about all of them, byte by byte over the wire, at 20 % loss', () => {
    const fleet = new Fleet({ wire: true, loss: 0.2 })
    fleet.load.set('n3', 'not a number')
    fleet.run(80)
    const { truth } = fleet
    for (const { protocol } of fleet.live) {
      const known = protocol.read()
      near(known.averages.load?.value, truth.average)
      near(known.sums.load?.value, truth.sum)
      near(known.counts.load?.value, truth.count)
      near(known.size?.value, truth.size)
      near(known.min.load, truth.min, 0)
      near(known.max.load, truth.max, 0)
      near(quantileOf(known, 'load', 0.5), truth.sorted[Math.ceil(truth.count / 2) - 1] as number, 0.11)
      assert.ok(known.averages.load!.ageMs < 10_000)
      assert.deepEqual([known.averages.nothing, known.averages.name], [undefined, undefined])
    }
    assert.ok(fleet.live.every(({ sent }) => sent.maxBytes <= 64 * 1024))
  })

  test('values that change go in at once, without a new epoch, and the result is exact again when they rest', () => {
    const fleet = new Fleet({ loss: 0.2 })
    fleet.run(60)
    const epoch = fleet.live[0]!.protocol.read().epoch
    for (let second = 0; second < 20; second++) {
      // In the middle of the others, since a new extreme would need a new epoch.
      const middle = [...fleet.load].filter(([, load]) => typeof load === 'number' && load > 20 && load < 80)
      for (let i = 0; i < 20; i++)
        fleet.load.set(middle[(second * 20 + i) % middle.length]![0], 21 + ((second * i) % 58))
      fleet.run(1)
    }
    fleet.run(80)
    const { truth } = fleet
    const readings = fleet.live.map(({ protocol }) => protocol.read())
    for (const { averages } of readings) near(averages.load?.value, truth.average, 1e-9)
    assert.ok(readings.every((reading) => reading.epoch === epoch))
  })

  test('while nothing changes no epoch ends, and what is stated gets narrower', () => {
    const fleet = new Fleet({ nodes: 60 })
    fleet.run(60)
    const before = fleet.live.map(({ protocol }) => protocol.read())
    fleet.run(300)
    for (const [i, { protocol }] of fleet.live.entries()) {
      const now = protocol.read()
      assert.equal(now.epoch, before[i]!.epoch)
      const width = ({ high, low }: { high: number; low: number }) => high - low
      assert.ok(width(now.averages.load!) < width(before[i]!.averages.load!))
    }
  })

  test('nodes die and come all the time, at 10 % loss: what is told stays near the truth, which is mostly where it says', () => {
    const fleet = new Fleet({ loss: 0.1 })
    fleet.run(60)
    let asked = 0
    const inside = { average: 0, size: 0 }
    for (let second = 0; second < 120; second++) {
      if (second % 2 === 0) {
        fleet.die(fleet.live[(second * 13) % fleet.live.length]!.id)
        fleet.join()
      }
      fleet.run(1)
      if (second % 10 !== 9) continue
      const { truth } = fleet
      for (const { protocol } of fleet.live) {
        if (!protocol.settled) continue
        const { averages, size } = protocol.read()
        asked++
        near(averages.load?.value, truth.average, 0.15)
        near(size?.value, truth.size, 0.25)
        if (averages.load!.low <= truth.average && truth.average <= averages.load!.high) inside.average++
        if (size!.low <= truth.size && truth.size <= size!.high) inside.size++
      }
    }
    assert.ok(asked > 1500)
    assert.ok(inside.average / asked > 0.93, `average: ${inside.average / asked}`)
    assert.ok(inside.size / asked > 0.93, `size: ${inside.size / asked}`)
    fleet.run(120)
    for (const { protocol } of fleet.live) {
      near(protocol.read().averages.load?.value, fleet.truth.average)
      near(protocol.read().size?.value, fleet.truth.size)
    }
  })

  test('a node that restarts waits for the next epoch and then knows what all know; half of the nodes lost at once are forgotten', () => {
    const fleet = new Fleet()
    fleet.run(60)
    fleet.simulation.restart('n5', fleet.make)
    fleet.run(1)
    assert.equal(fleet.simulation.node('n5').protocol.read().epoch, 0)
    fleet.run(100)
    near(fleet.simulation.node('n5').protocol.read().averages.load?.value, fleet.truth.average)
    for (let i = 0; i < 200; i += 2) fleet.die(`n${i}`)
    fleet.run(120)
    for (const { protocol } of fleet.live) {
      near(protocol.read().averages.load?.value, fleet.truth.average)
      near(protocol.read().size?.value, 100)
      near(protocol.read().max.load, fleet.truth.max, 0)
    }
  })

  test('one that claims the moon moves everybody, unless a range is stated', () => {
    const lie = (message: AggregationMessage): AggregationMessage => {
      if (message.kind !== 'offer') return message
      const { transfer, minima } = message.body
      const values = transfer.values.map(() => 1e9)
      const lowest = new Map([...minima].map(([key]) => [key, -1e9]))
      return { ...message, body: { ...message.body, minima: lowest, transfer: { ...transfer, values } } }
    }
    const told = (ranges: AggregationOptions['ranges']) => {
      const fleet = new Fleet({ nodes: 50, options: { ranges } })
      fleet.simulation.corrupt('n0', lying(fleet.make, lie))
      fleet.run(60)
      const honest = fleet.simulation.node('n1').protocol
      const { sums, size, min, max } = honest.read()
      return { mean: sums.load!.value / size!.value, min: min.load, max: max.load }
    }
    const free = told({})
    assert.ok(free.mean > 1e6)
    assert.deepEqual([free.min, free.max], [-1e9, 1e9])
    const bounded = told({ load: [0, 100] })
    assert.ok(bounded.mean < 1000)
    assert.deepEqual([bounded.min, bounded.max], [0, 100])
  })

  test('a node alone is its network, exactly and at once; one that outlives all others is so again', () => {
    const fleet = new Fleet({ nodes: 1 })
    const [first] = fleet.live
    fleet.load.set(first!.id, -3)
    const { size, averages, sums, counts, min, max, deviations } = first!.protocol.read()
    assert.deepEqual([size?.value, size?.low, size?.high, size?.ageMs], [1, 1, 1, 0])
    assert.deepEqual([averages.load?.value, sums.load?.value, counts.load?.value], [-3, -3, 1])
    assert.deepEqual([min.load, max.load, deviations.load], [-3, -3, 0])
    assert.deepEqual([averages.nothing, counts.nothing?.value], [undefined, 0])
    fleet.join()
    fleet.run(90)
    near(first!.protocol.read().size?.value, 2)
    fleet.die('n1')
    fleet.run(10)
    assert.equal(first!.protocol.read().size?.value, 1)
    assert.equal(quantileOf(first!.protocol.read(), 'load', 0.5)! < 0, true)
  })

  test('a stopped node neither speaks nor listens', () => {
    const fleet = new Fleet({ nodes: 10 })
    fleet.run(60)
    const [node] = fleet.live
    node!.protocol.stop()
    const { messages } = node!.sent
    fleet.run(20)
    assert.equal(node!.sent.messages, messages)
  })

  test('more than 16 attributes are refused', () => {
    const names = Array.from({ length: 17 }, (_, i) => `a${i}`)
    const simulation = new Simulation<AggregationMessage, Aggregation>({ seed: 1 })
    const budget = new TokenBucket(1, 1)
    assert.throws(
      () =>
        simulation.add(
          {},
          (environment) => new Aggregation(environment, { partners: () => [], attributes: () => ({}), names, budget }),
        ),
      /at most 16 attributes/,
    )
  })
})

test('who was told that some of its contacts died says how many nodes there may be the less surely', () => {
  const fleet = new Fleet({ nodes: 40 })
  const [first, ...others] = fleet.live
  assert.ok(first !== undefined)
  const high = () => first.protocol.sizes().ring?.high as number
  const before = high()
  for (const { id } of others.slice(0, 13)) first.protocol.peerDown(id)
  // 3 of 39 that may have gone unseen, and 13 that did go.
  assert.ok(Math.abs(high() / before - (1 + 16 / 39) / (1 + 3 / 39)) < 1e-9, `${high()} after ${before}`)
})
