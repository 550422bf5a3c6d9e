import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Environment } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import { uniform } from '../../../testnet/simulator/latency.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { Host as AnyHost } from '../host.fixture.ts'
import { compose } from '../publication.ts'
import { Anonymous } from './anonymous.ts'
import { type AnonymousMessage, anonymousCodec } from './codec.ts'

type Host = AnyHost<AnonymousMessage>

interface Bed {
  readonly simulation: Simulation<AnonymousMessage>
  readonly hosts: Host[]
}

/** Links by node; they go both ways. */
function network(links: readonly (readonly number[])[], walks: number, loss: number, seed = 1, options = {}): Bed {
  const simulation = new Simulation<AnonymousMessage>({ seed, loss, latency: uniform(5, 20), codec: anonymousCodec })
  const hosts = links.map((near) => {
    const neighbours = () => near.flatMap((index) => simulation.nodes[index]?.self ?? [])
    const make = (environment: Environment<AnonymousMessage>) =>
      new AnyHost<AnonymousMessage>(environment, {
        name: 'anonymous',
        peers: neighbours,
        make: (own, init) => new Anonymous(own, init, options),
        options: { patience: 60_000, fanout: walks },
      })
    return simulation.add({}, make).protocol
  })
  return { simulation, hosts }
}

function ring(nodes: number): number[][] {
  return Array.from({ length: nodes }, (_, i) => [(i + 1) % nodes, (i + nodes - 1) % nodes])
}

function lost({ hosts }: Bed, ids: readonly string[]): number {
  return hosts.reduce((sum, { got }) => sum + ids.filter((id) => !got.has(id)).length, 0)
}

function refused({ hosts }: Bed, reason: string): number {
  return hosts.reduce((sum, { counts }) => sum + counts.refused.get(reason), 0)
}

function publishing(bed: Bed): string[] {
  const ids: string[] = []
  for (let i = 0; i < 20; i++) {
    ids.push((bed.hosts[i % 3] as Host).publish())
    bed.simulation.run(500)
  }
  bed.simulation.run(30_000)
  return ids
}

test('where every fifth message is lost walks repair what the flood lost, whatever the seed; without walks it stays lost', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const repaired = network(ring(20), 1, 0.2, seed)
    const flooded = network(ring(20), 0, 0.2, seed)
    assert.equal(lost(repaired, publishing(repaired)), 0, `seed ${seed}`)
    assert.ok(lost(flooded, publishing(flooded)) > 50, `seed ${seed}`)
  }
})

test('a node that was out of reach gets what it missed from whoever it meets, the last publication and unknown publishers too', () => {
  const links = [[1], [0, 2], [1], []]
  const bed = network(links, 1, 0)
  const ids = [0, 1, 2].map((node) => {
    bed.simulation.run(700)
    return (bed.hosts[node] as Host).publish()
  })
  bed.simulation.run(5000)
  assert.equal(bed.hosts[3]?.got.size, 0)
  links[3]?.push(2)
  links[2]?.push(3)
  bed.simulation.run(10_000)
  assert.deepEqual([...(bed.hosts[3]?.got ?? [])].sort(), ids.sort())
})

test('a walk goes no further than its hops; an answer goes back hop by hop, and serves those on the way', () => {
  for (const hops of [2, 3]) {
    // n0 alone has it; n4 asks n3 by hand.
    const bed = network([[1], [0, 2], [1, 3], [2, 4], [3]], 0, 1)
    const { simulation, hosts } = bed
    const id = (hosts[0] as Host).publish()
    simulation.run(3000)
    simulation.lose(0)
    let answers = 0
    simulation.corrupt('n4', (environment) => ({
      start: () => {
        const walk = { kind: 'walk', number: 5, hops, partial: false, holdings: [] } as const
        environment.send((simulation.nodes[3] as (typeof simulation.nodes)[number]).self, walk)
      },
      stop: () => {},
      receive: () => void answers++,
    }))
    simulation.run(3000)
    const far = hops === 3
    assert.equal(answers, far ? 1 : 0)
    assert.deepEqual(
      hosts.slice(0, 4).map(({ got }) => got.has(id)),
      [true, far, far, far],
    )
  }
  assert.throws(() => network([[1], [0]], 1, 0, 1, { hops: 17 }), RangeError)
})

/** A neighbour that sends walks as fast as it can. */
function flooder(walkRate: number): { walked: number; refused: number; sent: number; repairedByBudget: number } {
  const bed = network([[1, 3], [0, 2], [1], [0]], 1, 0, 1, { walkRate, walkBurst: 2 * walkRate })
  const { simulation } = bed
  simulation.corrupt('n3', (environment) => {
    const random = new Random(7)
    const ask = () => {
      const number = random.integer(2 ** 52)
      const walk = { kind: 'walk', number, hops: 16, partial: false, holdings: [] } as const
      environment.send((simulation.nodes[0] as (typeof simulation.nodes)[number]).self, walk)
    }
    return { start: () => void environment.every(2, ask), stop: () => {}, receive: () => {} }
  })
  simulation.run(10_000)
  const [first, second] = bed.hosts as [Host, Host]
  return {
    walked: first.counts.done.get('walked-on'),
    refused: first.counts.refused.get('walk-rate'),
    sent: second.counts.done.get('walked-on'),
    repairedByBudget: first.counts.refused.get('over-budget'),
  }
}

test('who floods a neighbour with walks gets 16 a second through, the rest is counted; without the limit all pass', () => {
  const limited = flooder(16)
  assert.ok(limited.walked <= 16 * 10 + 32 + 60, `${limited.walked} walked on`)
  assert.ok(limited.refused > 4000, `${limited.refused} refused`)
  const open = flooder(1e6)
  assert.ok(open.walked + open.repairedByBudget > 4000, `${open.walked} walked on`)
})

test('what no walk asked for is not taken, nor an answer from somebody who was not asked', () => {
  const bed = network([[1], [0]], 0, 0)
  const { simulation, hosts } = bed
  const fields = { publisher: 'n9', sequence: 1, published: 1_700_000_000_000, topic: 't', payload: new Uint8Array(9) }
  const publication = compose({ ...fields, delivery: 'anonymous' })
  hosts[1]?.start()
  simulation.run(100)
  const answer = { kind: 'answer', walk: 5, publication } as const
  const [first, second] = simulation.nodes as [(typeof simulation.nodes)[number], (typeof simulation.nodes)[number]]
  second.protocol.receive(first.self, answer)
  assert.equal(hosts[1]?.got.size, 0)
  assert.equal(refused(bed, 'unasked-answer'), 1)
  const walk = { kind: 'walk', number: 5, hops: 3, partial: false, holdings: [] } as const
  second.protocol.receive(first.self, walk) // from n0, so an answer by n0 is still nobody's business
  second.protocol.receive(first.self, answer)
  assert.equal(hosts[1]?.got.size, 0)
  assert.equal(refused(bed, 'unasked-answer'), 2)
})
