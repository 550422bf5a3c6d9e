import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { positionOf } from '../../core/position.ts'
import { Random } from '../../core/random.ts'
import { Simulation } from '../../testnet/simulator/simulation.ts'
import { type GroupMessage, type GroupsMessage, groupsCodec, MAX_HOPS } from './codec.ts'
import { Groups } from './groups.ts'
import { Registry } from './registry.ts'

const peer = (id: string): PeerDescriptor => describe({ id, addresses: [], sequence: 1, issued: 1_700_000_000_000 })
const crowd = (count: number, name = 'p') => Array.from({ length: count }, (_, i) => peer(`${name}${i}`))

/** One node, to which the test says what it likes, and what it says to whom. */
function lone(contacts: readonly PeerDescriptor[] = [], budget = new TokenBucket(1e9, 1e9)) {
  const simulation = new Simulation<GroupsMessage, Groups>({ seed: 1, codec: groupsCodec })
  const { protocol: groups } = simulation.add({ id: 'me' }, (environment) => {
    return new Groups(environment, {
      budget,
      period: 500,
      contacts: () => contacts,
      admits: () => 'yes',
      doubt: () => {},
      left: () => {},
      changed: () => {},
    })
  })
  const { environment } = simulation.node('me')
  const said: { readonly to: string; readonly message: GroupMessage }[] = []
  const send = environment.send.bind(environment)
  environment.send = (to, message) => {
    said.push({ to: to.id, message: message.message })
    send(to, message)
  }
  const hear = (from: PeerDescriptor, topic: string, message: GroupMessage) =>
    groups.receive(from, { group: positionOf(topic), message })
  const kinds = (kind: GroupMessage['kind']) => said.filter(({ message }) => message.kind === kind).map(({ to }) => to)
  return { simulation, groups, said, hear, kinds }
}

const MEMBER = { kind: 'member', asks: false } as const

test('256 members of a group are remembered, the latest; 48 contacts of all groups together are kept connected', () => {
  const { groups, hear } = lone()
  for (const topic of ['a', 'b', 'c']) {
    groups.join(topic)
    for (const one of crowd(300, topic)) hear(one, topic, MEMBER)
    assert.equal(groups.status().groups[topic]?.members, 256)
  }
  const kept = groups.kept()
  assert.equal(kept.length, 48)
  for (const topic of ['a', 'b', 'c']) assert.equal(kept.filter(({ id }) => id.startsWith(topic)).length, 16)
})

test('64 peers at most are asked at a time whether they are members', () => {
  const { groups, kinds } = lone(crowd(100))
  groups.join('a')
  assert.equal(kinds('member').length, 64)
})

test('who leaves a group tells each of its contacts there, and is asked nothing more', () => {
  const { simulation, groups, said, hear, kinds } = lone()
  groups.join('a')
  for (const one of crowd(10)) hear(one, 'a', MEMBER)
  const contacts = groups.contacts('a').map(({ id }) => id)
  assert.equal(contacts.length, 10)
  groups.leave('a')
  assert.deepEqual(kinds('stranger').sort(), contacts.sort())
  const before = said.length
  simulation.run(60_000)
  assert.equal(said.length, before)
  assert.deepEqual([groups.contacts('a'), groups.status().groups], [[], {}])
})

test('a registration goes so many hops and no further', () => {
  const { groups, hear, kinds } = lone(crowd(50))
  const register = (hops: number) => ({ kind: 'register', member: peer('new'), hops, across: false }) as const
  const nearest = crowd(50).find(({ id }) => id === 'p7') as PeerDescriptor
  // Where p7 sits it is nearer than this node.
  groups.receive(peer('x'), { group: nearest.position, message: register(MAX_HOPS) })
  assert.deepEqual([groups.tally.toJSON(), kinds('register')], [{ 'too-far': 1 }, []])
  groups.receive(peer('x'), { group: nearest.position, message: register(MAX_HOPS - 1) })
  assert.deepEqual(kinds('register'), ['p7'])
  hear(peer('x'), 'not mine', MEMBER)
  assert.equal(groups.tally.get('not-a-member'), 1)
})

test('registrations are counted for 256 peers, the longest silent forgotten first', () => {
  const { groups, hear } = lone()
  const register = (from: PeerDescriptor) => hear(from, 'a', { kind: 'register', member: from, hops: 0, across: false })
  const refused = () => groups.tally.get('registration-rate')
  for (let i = 0; i < 257; i++) register(peer('flood'))
  assert.equal(refused(), 1)
  for (const one of crowd(255)) register(one)
  register(peer('flood'))
  assert.equal(refused(), 2, 'still known')
  for (const one of crowd(256)) register(one)
  register(peer('flood'))
  assert.equal(refused(), 2, 'forgotten, as anybody else')
})

test('a registry tells nobody of a member whose registration has run out, nor the asker of itself', () => {
  const registry = new Registry(new Random(1))
  registry.add(7, peer('old'), 'via', 0)
  registry.add(7, peer('new'), 'via', 30_000)
  const told = (now: number, except = '') => registry.some(7, 8, except, now).map(({ id }) => id)
  assert.deepEqual(told(59_999).sort(), ['new', 'old'])
  assert.deepEqual([told(60_000), told(60_000, 'new')], [['new'], []])
})

test('however many register, what they are told leaves half of the budget’s burst to what the node says of its own accord', () => {
  const budget = new TokenBucket(1, 10_000)
  const { simulation, hear } = lone([], budget)
  for (const one of crowd(500)) hear(one, 'a', { kind: 'register', member: one, hops: 0, across: false })
  const { environment } = simulation.node('me')
  assert.ok(budget.take(environment.now(), 5000))
  assert.ok(!budget.take(environment.now(), 1000), 'the rest was there for answers')
})
