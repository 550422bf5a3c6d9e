import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../core/descriptor.ts'
import { positionOf } from '../../core/position.ts'
import { Random } from '../../core/random.ts'
import { Simulation, type SimulationOptions } from '../../testnet/simulator/simulation.ts'
import { type StackMessage, stackCodec } from '../channels.ts'
import { Stack } from '../stack.ts'
import { Registry } from './registry.ts'

const NODES = 64

interface Bed {
  readonly simulation: Simulation<StackMessage, Stack>
  /** Ids of the messages that each node got, in order. */
  readonly got: Map<string, string[]>
  stack(index: number): Stack
  subscribe(index: number, topic: string): () => void
}

/** A network that has settled; nobody is in any group yet. */
function settled(nodes = NODES, simulated: Partial<SimulationOptions<StackMessage>> = {}): Bed {
  const simulation = new Simulation<StackMessage, Stack>({ seed: 3, latency: 20, ...simulated, codec: stackCodec })
  const got = new Map<string, string[]>()
  for (let i = 0; i < nodes; i++) {
    const { self } = simulation.add({}, (environment) => {
      let sequence = 0
      return new Stack(environment, { attributes: () => ({}), sequences: { next: () => ++sequence } })
    })
    got.set(self.id, [])
  }
  const [first, ...others] = simulation.nodes
  for (const { protocol } of others) protocol.introduce([(first as (typeof others)[0]).self])
  simulation.run(15_000)
  const node = (index: number) => simulation.nodes[index] as (typeof others)[0]
  const stack = (index: number) => node(index).protocol
  const subscribe = (index: number, topic: string) => {
    return stack(index).subscribe(topic, ({ id }) => got.get(node(index).id)?.push(id))
  }
  return { simulation, got, stack, subscribe }
}

const members = (bed: Bed, topic: string) =>
  bed.simulation.nodes.map(({ protocol }) => protocol.topics().find((one) => one.topic === topic)?.members)

test('members find each other, get every message once, and nobody else carries anything of the group', () => {
  const bed = settled()
  const inside = [3, 17, 22, 31, 40, 58]
  for (const index of inside) bed.subscribe(index, 'few')
  bed.simulation.run(12_000)
  for (const index of inside) assert.equal(members(bed, 'few')[index], inside.length - 1, `node ${index}`)
  const published: string[] = []
  for (let i = 0; i < 20; i++) {
    const receipt = bed.stack(inside[i % 3] as number).publish('few', new Uint8Array(100))
    assert.equal(receipt.status, 'accepted')
    if (receipt.status === 'accepted') published.push(receipt.id)
    bed.simulation.run(200)
  }
  bed.simulation.run(3000)
  for (const [index, { id, protocol }] of bed.simulation.nodes.entries()) {
    const { broadcast } = protocol.status()
    if (inside.includes(index)) assert.deepEqual(bed.got.get(id)?.toSorted(), published.toSorted())
    else assert.deepEqual([broadcast.topics, broadcast.stored.bytes, broadcast.done.copies ?? 0], [0, 0, 0])
  }
})

test('who publishes to a topic that it is not subscribed to reaches its subscribers, and leaves the group again', () => {
  const bed = settled()
  for (const index of [5, 50]) bed.subscribe(index, 'visited')
  bed.simulation.run(8000)
  const receipt = bed.stack(20).publish('visited', new Uint8Array(10))
  assert.equal(receipt.status, 'accepted')
  bed.simulation.run(8000)
  const id = receipt.status === 'accepted' ? receipt.id : ''
  for (const index of [5, 50]) assert.deepEqual(bed.got.get(bed.simulation.nodes[index]?.id as string), [id])
  bed.simulation.run(40_000)
  assert.deepEqual(bed.stack(20).topics(), [])
  for (const index of [5, 50]) assert.equal(members(bed, 'visited')[index], 1, 'and is no contact of theirs any more')
})

test('who unsubscribes, and who dies, leaves the others one ring', () => {
  const bed = settled()
  const ends = Array.from({ length: 30 }, (_, index) => bed.subscribe(index, 'half'))
  bed.simulation.run(15_000)
  for (const end of ends.slice(20)) end()
  for (let index = 15; index < 20; index++) bed.simulation.kill((bed.simulation.nodes[index] as { id: string }).id)
  bed.simulation.run(60_000)
  const receipt = bed.stack(2).publish('half', new Uint8Array(10))
  bed.simulation.run(3000)
  const id = receipt.status === 'accepted' ? receipt.id : ''
  for (const [index, node] of bed.simulation.nodes.entries()) {
    if (index < 15) assert.deepEqual(bed.got.get(node.id), [id], `node ${index}`)
    if (index >= 20 && index < 30) assert.deepEqual(node.protocol.topics(), [])
  }
})

test('registrations of nodes that are no members let nobody into the group, and cost it nothing', () => {
  const bed = settled()
  for (let index = 0; index < 12; index++) bed.subscribe(index, 'open')
  bed.simulation.run(10_000)
  const liar = bed.simulation.nodes[60] as (typeof bed.simulation.nodes)[number]
  const group = positionOf('open')
  // It registers others, who are no members, as if they were.
  for (const { self } of bed.simulation.nodes.slice(12, 60)) {
    for (const contact of liar.protocol.contacts()) {
      const message = { group, message: { kind: 'register', member: self, hops: 0 } } as const
      liar.environment.send(contact, { channel: 'groups', message })
    }
  }
  bed.simulation.run(20_000)
  const receipt = bed.stack(4).publish('open', new Uint8Array(10))
  bed.simulation.run(1000)
  const ids = receipt.status === 'accepted' ? [receipt.id] : []
  for (const [index, { id, protocol }] of bed.simulation.nodes.entries()) {
    assert.deepEqual(bed.got.get(id), index < 12 ? ids : [], `node ${index}`)
    assert.equal(protocol.status().broadcast.refused['not-a-member'] ?? 0, 0)
  }
})

test('a registry is bounded: 1024 groups, 32 members each, and forgets who does not come again', () => {
  const registry = new Registry(new Random(1))
  const peer = (i: number) => describe({ id: `p${i}`, addresses: [], sequence: 1, issued: 0 })
  for (let i = 0; i < 100; i++) assert.ok(registry.add(7, peer(i), 0))
  assert.equal(registry.some(7, 1000, 'p99', 1).length, 31)
  for (let group = 0; group < 2000; group++) registry.add(group, peer(1), 0)
  assert.equal(registry.size, 1024)
  registry.turn(60_001)
  assert.equal(registry.size, 0)
})
