import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import type { MembershipMessage } from './messages.ts'
import { type Bed, downs, network, type Watcher } from './network.fixture.ts'

function stranger(i: number): PeerDescriptor {
  return describe({ id: `made${i}`, addresses: [], sequence: 1, issued: 1_700_000_000_000 })
}

/** From now on the node answers to `lie` alone: what it gives is sent back. */
function corrupt(
  simulation: Bed,
  id: string,
  lie: (from: PeerDescriptor, m: MembershipMessage) => MembershipMessage[],
) {
  const { protocol, environment } = simulation.node(id)
  protocol.receive = (from, message) => {
    for (const answer of lie(from, message)) environment.send(from, answer)
  }
}

const honestPong = (m: MembershipMessage): MembershipMessage[] =>
  m.kind === 'ping' ? [{ kind: 'pong', nonce: m.nonce, dead: [] }] : []

function sentPings(simulation: Bed, id: string): number {
  return simulation.node(id).sent.messages
}

test('rumours kill nobody, and make a node ping none but its contacts, each once a round', () => {
  const simulation = network({ nodes: 40, contacts: 10 })
  const victim = simulation.node('n0')
  const everybody = simulation.nodes.map(({ id }) => ({ id, sequence: 9 }))
  for (const { self } of simulation.nodes.slice(1)) victim.protocol.membership.heard(self) // it knows all 39
  simulation.run(3000)
  const before = sentPings(simulation, 'n0')
  const liar = simulation.node('n39')
  for (let i = 0; i < 600; i++) {
    const dead = Array.from({ length: 8 }, (_, k) => everybody[(i * 8 + k) % 40] as (typeof everybody)[number])
    liar.environment.send(victim.self, { kind: 'pong', nonce: i, dead })
    simulation.run(50)
  }
  assert.deepEqual(downs(simulation), [])
  const rumours = victim.protocol.membership.tally.get('rumours')
  assert.ok(rumours > 30, `${rumours} looks`)
  assert.ok(rumours <= 30 * 10 + 10, `${rumours} looks in 30 s at 10 contacts`)
  assert.ok(sentPings(simulation, 'n0') - before < 30 * 30, 'messages a second')
})

test('helpers that vouch for a dead peer delay its end by less than a minute; without the limit for ever', () => {
  for (const [reprieves, limit] of [
    [8, 60_000],
    [Number.POSITIVE_INFINITY, 300_000],
  ] as const) {
    const simulation = network({ nodes: 12, options: { reprieves } })
    for (let i = 2; i < 12; i++) {
      corrupt(simulation, `n${i}`, (_, m) =>
        m.kind === 'request' ? [{ kind: 'result', nonce: m.nonce, alive: true }] : honestPong(m),
      )
    }
    simulation.kill('n1')
    const { downs: seen } = simulation.node('n0').protocol
    assert.equal(
      simulation.runUntil(() => seen.length > 0, limit),
      reprieves === 8,
    )
    assert.ok(seen.every(({ id }) => id === 'n1'))
  }
})

test('helpers that say dead of everybody, and at once, bury nobody alive', () => {
  const simulation = network({ nodes: 12, loss: 0.1, seed: 2 })
  for (let i = 2; i < 12; i++) {
    corrupt(simulation, `n${i}`, (_, m) =>
      m.kind === 'request' ? [{ kind: 'result', nonce: m.nonce, alive: false }] : honestPong(m),
    )
  }
  simulation.run(120_000)
  assert.deepEqual(simulation.node('n0').protocol.downs, [])
})

test('guessed nonces do nothing: a result counts from the helper that was asked, a pong from the peer that was pinged', () => {
  const simulation = network({ nodes: 12 })
  const { protocol } = simulation.node('n0')
  const liar = simulation.node('n11').self
  simulation.kill('n1')
  const begin = simulation.now
  const flood = () => {
    for (let nonce = 1; nonce < 400; nonce++) {
      protocol.receive(liar, { kind: 'pong', nonce, dead: [] })
      // Not asked itself: taken out of the contacts below.
      protocol.receive(liar, { kind: 'result', nonce, alive: true })
    }
    return protocol.downs.some(({ id }) => id === 'n1')
  }
  protocol.contacts = protocol.contacts.filter(({ id }) => id !== liar.id)
  assert.ok(simulation.runUntil(flood, 20_000))
  assert.ok(simulation.now - begin < 15_000)
  assert.equal(protocol.membership.tally.get('vouched'), 0)
})

test('a pong counts from the peer that was pinged alone: nobody spoils another one’s round trip', () => {
  const simulation = network({ nodes: 3, latency: 20 })
  const { membership } = simulation.node('n0').protocol
  const liar = simulation.node('n2').self
  for (let i = 0; i < 20; i++) {
    membership.probe(simulation.node('n1').self, 'to see')
    for (let nonce = 1; nonce < 200; nonce++) membership.receive(liar, { kind: 'pong', nonce, dead: [] })
    simulation.run(100)
  }
  assert.equal(membership.member('n1')?.rtt, 40)
  assert.ok([40, undefined].includes(membership.member('n2')?.rtt), `${membership.member('n2')?.rtt}`)
})

test('made-up peers fill no table beyond its bound, and do not keep a node from noticing a real death', () => {
  const simulation = network({ nodes: 12 })
  const node = simulation.node('n0')
  const { membership } = node.protocol
  let made = 0
  const flood = () => {
    for (let i = 0; i < 200; i++) membership.probe(stranger(made++), 'no answer to gossip')
    const { members } = membership.status()
    assert.ok(members.alive + members.suspect + members.dead + members.left <= 1024)
    assert.ok(node.environment.timers <= 64 + 64 + 2, `${node.environment.timers} timers`)
    return node.protocol.downs.length > 0
  }
  const before = node.sent.messages
  simulation.runUntil(() => flood() && false, 10_000)
  for (const { protocol } of simulation.nodes) {
    assert.equal(protocol.membership.tally.get('relayed'), 0, 'nobody else is troubled with strangers')
    assert.equal(protocol.membership.tally.get('relay-refused'), 0)
  }
  assert.ok((node.sent.messages - before) / 10 < 150, `${(node.sent.messages - before) / 10} messages a second`)
  assert.ok(membership.tally.get('too-many-probes') > 1000)
  simulation.kill('n1')
  assert.ok(simulation.runUntil(flood, 20_000))
  assert.deepEqual(
    node.protocol.downs.map(({ id }) => id),
    ['n1'],
    'strangers that never were up are no deaths',
  )

  for (let i = 0; i < 5000; i++) membership.heard(stranger(i))
  const { members } = membership.status()
  assert.ok(members.alive + members.suspect + members.dead + members.left <= 1024)
  assert.ok(
    node.protocol.contacts.every(({ id }) => membership.member(id) !== undefined),
    'contacts are kept',
  )
})

/** For a minute new keys come, say one word and hang up, each `pause` ms. @returns how the node is doing meanwhile */
function visited(simulation: Bed, id: string, pause: number): { alarmed: number; slow: number; probes: number } {
  const { membership } = simulation.node(id).protocol
  const before = membership.tally.get('probes')
  const begin = simulation.now
  const ms = { alarmed: 0, slow: 0 }
  for (let i = 0; i < 60_000 / pause; i++) {
    const visitor = stranger(begin + i)
    simulation.node(id).protocol.receive(visitor, { kind: 'ping', nonce: 1, dead: [] })
    simulation.run(pause)
    membership.unreachable(visitor.id, 'connection closed')
    if (membership.alarmed) ms.alarmed += pause
    if (membership.status().stretch > 2) ms.slow += pause
  }
  return { ...ms, probes: membership.tally.get('probes') - before }
}

test('strangers that say one word and hang up, each under a new key, neither raise an alarm nor slow a node down, nor make it look around', () => {
  for (const pause of [1000, 500, 100]) {
    const simulation = network({ nodes: 30, contacts: 16 })
    const { probes, ...ms } = visited(simulation, 'n0', pause)
    assert.deepEqual(ms, { alarmed: 0, slow: 0 }, `one each ${pause} ms`)
    const own = 2 * 60 // two contacts a second
    assert.ok(probes <= own + 60_000 / pause, `${probes} probes in a minute, one stranger each ${pause} ms`)
    for (const { id } of simulation.nodes.slice(1, 16)) simulation.kill(id)
    assert.ok(
      simulation.runUntil(() => simulation.node('n0').protocol.membership.alarmed, 10_000),
      'contacts raise it',
    )
  }
})

test('strangers that come and go take no room among the lost: the contacts of an earlier partition are all asked again', () => {
  const simulation = network({ nodes: 30, contacts: 16 })
  const { protocol } = simulation.node('n0')
  const { membership } = protocol
  const gone = protocol.contacts.map(({ id }) => id)
  for (const id of gone) simulation.kill(id)
  assert.ok(simulation.runUntil(() => protocol.contacts.length === 0, 20_000))
  assert.equal(membership.status().lost, gone.length)
  simulation.run(20_000)
  visited(simulation, 'n0', 500)
  simulation.run(10_000)
  assert.ok(membership.tally.get('deaths') > gone.length + 100, 'the strangers were up, and are dead')
  assert.equal(membership.status().lost, gone.length)
})

test('a flood of requests makes a node ping seldom, and strangers never', () => {
  const simulation = network({ nodes: 6 })
  const helper = simulation.node('n0')
  const liar = simulation.node('n1')
  const count = (reason: string) => helper.protocol.membership.tally.get(reason)
  const request = (nonce: number, target: PeerDescriptor) =>
    liar.environment.send(helper.self, { kind: 'request', nonce, target })
  const before = count('relayed')
  for (let i = 0; i < 50; i++) request(i, stranger(i))
  simulation.run(1000)
  assert.equal(count('relayed'), before)
  for (let i = 0; i < 100; i++) {
    for (let k = 0; k < 10; k++) request(i * 10 + k, simulation.node('n4').self)
    simulation.run(100)
  }
  const relayed = count('relayed') - before
  assert.ok(relayed > 50 && relayed <= 20 + 10 * 20, `${relayed} pings for others in 10 s`)
  assert.ok(count('relay-refused') > 700)
})

test('every death has a reason; after stop no timer is left and nothing is answered or remembered', () => {
  const simulation = network({ nodes: 12 })
  simulation.kill('n1')
  simulation.run(1200) // in the middle of probes and relays
  const node = simulation.node('n0')
  const { protocol, environment } = node
  protocol.stop()
  protocol.stop()
  assert.equal(environment.timers, 0)
  const before = [node.sent.messages, JSON.stringify(protocol.membership.status())]
  for (const message of [
    { kind: 'ping', nonce: 1, dead: [] },
    { kind: 'request', nonce: 1, target: simulation.node('n2').self },
    { kind: 'goodbye' },
  ] as const) {
    protocol.receive(stranger(1), message)
  }
  assert.equal(protocol.membership.probe(stranger(2), 'why'), false)
  protocol.unreachable('n2', 'why')
  simulation.run(5000)
  assert.deepEqual([node.sent.messages, JSON.stringify(protocol.membership.status())], before)
  assert.equal(environment.timers, 0)
  for (const { protocol: other } of simulation.nodes.filter(({ alive }) => alive) as { protocol: Watcher }[]) {
    for (const { reason } of other.downs) assert.ok(reason.length > 0)
  }
  protocol.start()
  simulation.run(20_000)
  assert.equal(protocol.state('n1'), 'dead')
})
