import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { positionOf, ringDistance, SPACE } from '../../core/position.ts'
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

test('who left, and is a contact of others still, says so when it gets a message: that goes round it, sooner than any repair', () => {
  const bed = settled()
  const ends = Array.from({ length: 48 }, (_, index) => bed.subscribe(index, 'left'))
  bed.simulation.run(12_000)
  for (const end of ends.slice(12)) end()
  bed.simulation.run(33_000)
  const ids: string[] = []
  for (let index = 0; index < 12; index++) {
    const receipt = bed.stack(index).publish('left', new Uint8Array(10))
    if (receipt.status === 'accepted') ids.push(receipt.id)
  }
  bed.simulation.run(500)
  for (const { id } of bed.simulation.nodes.slice(0, 12)) {
    assert.deepEqual(bed.got.get(id)?.toSorted(), ids.toSorted())
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
      const message = { group, message: { kind: 'register', member: self, hops: 0, across: false } } as const
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

test('a network cut in two, with members of a group on both sides: after it has healed all of them are one group again', () => {
  const bed = settled(32)
  const ids = bed.simulation.nodes.map(({ id }) => id)
  const inside = Array.from({ length: 8 }, (_, i) => 4 * i)
  for (const index of inside) bed.subscribe(index, 'cut')
  bed.simulation.run(10_000)
  bed.simulation.partition([ids.filter((_, i) => i % 8 < 4), ids.filter((_, i) => i % 8 >= 4)])
  bed.simulation.run(40_000)
  // Each side has members that never knew the other.
  for (const index of [1, 9, 6, 14]) bed.subscribe(index, 'cut')
  bed.simulation.run(20_000)
  bed.simulation.heal()
  bed.simulation.run(60_000)
  const receipt = bed.stack(0).publish('cut', new Uint8Array(10))
  bed.simulation.run(2000)
  assert.equal(receipt.status, 'accepted')
  const id = receipt.status === 'accepted' ? receipt.id : ''
  for (const index of [...inside, 1, 9, 6, 14]) {
    assert.deepEqual(bed.got.get(ids[index] as string)?.slice(-1), [id], `node ${index}`)
  }
})

test('a node in 64 topics where it is alone, or with few others, sends little while nothing is published', () => {
  const bed = settled()
  for (let topic = 0; topic < 64; topic++) {
    bed.subscribe(0, `lone ${topic}`)
    for (let index = 1; index < 6; index++) bed.subscribe(index, `few ${topic}`)
  }
  bed.simulation.run(60_000)
  const sent = () => bed.simulation.nodes.map(({ sent }) => sent.messages)
  const before = sent()
  bed.simulation.run(30_000)
  const rates = sent().map((messages, index) => (messages - (before[index] as number)) / 30)
  for (const index of [0, 1, 2, 3, 4, 5]) {
    assert.ok((rates[index] as number) < 60, `node ${index}: ${(rates[index] as number).toFixed(1)} messages/s`)
  }
})

test('contacts that die silently leave all groups, also those of more peers than failure detection watches', () => {
  const bed = settled(160)
  const others = (topic: number) => [0, 1, 2].map((k) => 1 + 3 * topic + k)
  for (let topic = 0; topic < 53; topic++) {
    for (const index of [0, ...others(topic)]) bed.subscribe(index, `many ${topic}`)
  }
  bed.simulation.run(20_000)
  for (let index = 1; index < 160; index += 3) bed.simulation.kill((bed.simulation.nodes[index] as { id: string }).id)
  bed.simulation.run(60_000)
  for (const [name, { contacts }] of Object.entries(bed.stack(0).status().groups.groups)) {
    assert.equal(contacts, 2, name)
  }
})

test('who sits at a group’s place and swallows its registrations hides it from nobody; who sits across the ring as well does', () => {
  const place = positionOf('hidden')
  const found = (goals: readonly number[]) => {
    const bed = settled(200)
    const { nodes } = bed.simulation
    const near = (goal: number) =>
      nodes.toSorted((a, b) => ringDistance(a.self.position, goal) - ringDistance(b.self.position, goal)).slice(0, 4)
    const liars = goals.flatMap(near)
    for (const { protocol } of liars) {
      const receive = protocol.receive.bind(protocol)
      protocol.receive = (from, message) => {
        if (message.channel !== 'groups' || message.message.message.kind !== 'register') receive(from, message)
      }
    }
    // Two that are not each other's contacts, and meet by registering alone.
    const honest = [...nodes.entries()].filter(([, node]) => !liars.includes(node))
    const [first, self] = honest[0] as (typeof honest)[0]
    const known = new Set(self.protocol.contacts().map(({ id }) => id))
    const [second] = honest.find(([i, { id, protocol }]) => {
      return i !== first && !known.has(id) && protocol.contacts().every((peer) => peer.id !== self.id)
    }) as (typeof honest)[0]
    for (const index of [first, second]) bed.subscribe(index, 'hidden')
    bed.simulation.run(20_000)
    return members(bed, 'hidden')[first] === 1
  }
  assert.ok(found([]))
  assert.ok(found([place]))
  assert.ok(!found([place, (place + SPACE / 2) % SPACE]), 'the attack works')
})

test('who answers all searches before anybody else can, and knows nobody, hides no group', () => {
  const bed = settled(120)
  const place = positionOf('hidden')
  const away = ({ self }: { readonly self: PeerDescriptor }) => Math.abs(ringDistance(self.position, place) - SPACE / 4)
  const [liar, ...honest] = bed.simulation.nodes.toSorted((a, b) => away(a) - away(b)) // far from both of the group's places
  // Two that are not each other's contacts, and meet by registering alone.
  const [first] = honest as [(typeof honest)[0]]
  const knows = (one: typeof first, other: typeof first) => one.protocol.contacts().some(({ id }) => id === other.id)
  const second = honest.find((one) => one !== first && !knows(first, one) && !knows(one, first)) as typeof first
  for (const { protocol } of [first, second]) protocol.subscribe('hidden', () => {})
  const message = { group: place, message: { kind: 'members', peers: [] } } as const
  for (let i = 0; i < 1200; i++) {
    for (const { self } of [first, second]) liar?.environment.send(self, { channel: 'groups', message })
    bed.simulation.run(10)
  }
  assert.deepEqual(
    [first, second].map(({ protocol }) => protocol.topics()[0]?.members),
    [1, 1],
  )
})

test('members that a registry tells unasked are not looked for', () => {
  const bed = settled()
  bed.subscribe(0, 'told')
  bed.simulation.run(10_000)
  const [victim, ...others] = bed.simulation.nodes as [(typeof bed.simulation.nodes)[0], ...typeof bed.simulation.nodes]
  const liar = others[40] as (typeof others)[0]
  const asked = () => others.filter(({ protocol }) => (protocol.status().groups.counts['not-a-member'] ?? 0) > 0).length
  bed.simulation.run(4000)
  const before = asked()
  for (let i = 0; i < 7; i++) {
    const peers = others.slice(8 * i, 8 * i + 8).map(({ self }) => self)
    liar.environment.send(victim.self, {
      channel: 'groups',
      message: { group: positionOf('told'), message: { kind: 'members', peers } },
    })
    bed.simulation.run(100)
  }
  bed.simulation.run(500)
  assert.ok(asked() - before <= 16, `${asked() - before} strangers were asked`)
})

test('who floods registries with made-up groups pushes out its own, not those of others, and is slowed down', () => {
  const peer = (i: number) => describe({ id: `p${i}`, addresses: [], sequence: 1, issued: 0 })
  const registry = new Registry(new Random(1))
  for (let group = 0; group < 100; group++) registry.add(group, peer(group), `honest ${group % 5}`, 0)
  for (let group = 1000; group < 11_000; group++) registry.add(group, peer(1), 'flood', 0)
  for (let i = 0; i < 1000; i++) registry.add(5, peer(1000 + i), 'flood', 0)
  for (let group = 0; group < 100; group++) {
    assert.ok(
      registry.some(group, 100, '', 1).some(({ id }) => id === `p${group}`),
      `group ${group}`,
    )
  }

  const bed = settled(16)
  const [liar, victim] = bed.simulation.nodes as [(typeof bed.simulation.nodes)[0], (typeof bed.simulation.nodes)[0]]
  for (let i = 0; i < 1200; i++) {
    const group = (i * 4_503_599_627) % 2 ** 52
    const message = { group, message: { kind: 'register', member: liar.self, hops: 0, across: false } } as const
    liar.environment.send(victim.self, { channel: 'groups', message })
  }
  bed.simulation.run(1000)
  assert.ok((victim.protocol.status().groups.counts['registration-rate'] ?? 0) > 800)
})

test('a full registry forgets the oldest of who brought most, not one that was just renewed', () => {
  const registry = new Registry(new Random(1))
  const peer = (i: number) => describe({ id: `p${i}`, addresses: [], sequence: 1, issued: 0 })
  const knows = (group: number, id: string) => registry.some(group, 2, '', 5000).some((one) => one.id === id)
  for (let i = 0; i < 4096; i++) registry.add(i >> 1, peer(i), 'one', i)
  // The first groups keep their place while both of their members come again, one by one.
  for (let i = 0; i < 100; i++) registry.add(i >> 1, peer(i), 'one', 4096 + i)
  for (let i = 0; i < 100; i++) registry.add(3000 + i, peer(0), 'other', 4200 + i)
  for (let i = 0; i < 4096; i++) assert.equal(knows(i >> 1, `p${i}`), i < 100 || i >= 200, `p${i}`)
})

test('a registry is bounded: 4096 members, 32 of a group, and forgets who does not come again', () => {
  const registry = new Registry(new Random(1))
  const peer = (i: number) => describe({ id: `p${i}`, addresses: [], sequence: 1, issued: 0 })
  for (let i = 0; i < 100; i++) registry.add(7, peer(i), `via ${i % 3}`, 0)
  assert.equal(registry.some(7, 1000, 'p99', 1).length, 31)
  for (let group = 0; group < 5000; group++) registry.add(group, peer(1), `via ${group % 3}`, 0)
  assert.ok(registry.size <= 4096 && registry.size > 4000)
  registry.turn(60_001)
  assert.equal(registry.size, 0)
})
