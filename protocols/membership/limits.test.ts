import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Tally } from '../../core/tally.ts'
import { Disputes } from './disputes.ts'
import { Gone } from './gone.ts'
import { type Member, Members } from './members.ts'
import type { MembershipMessage } from './messages.ts'
import { network } from './network.fixture.ts'
import { Pings } from './pings.ts'
import { Relays } from './relays.ts'
import { Requests } from './requests.ts'
import { Rumors } from './rumors.ts'

const peer = (id: string): PeerDescriptor => describe({ id, addresses: [], sequence: 1, issued: 0 })

test('256 pings wait for an answer, the latest; an answer counts once, and from nobody else', () => {
  const sent: MembershipMessage[] = []
  const pings = new Pings({ now: () => 7, send: (_, message) => void sent.push(message) }, new Rumors())
  for (let i = 0; i < 257; i++) pings.send(peer(`p${i}`))
  const nonces = sent.map((message) => (message.kind === 'ping' ? message.nonce : 0))
  const answered = (i: number, id = `p${i}`) => pings.answered(nonces[i] as number, id)
  assert.deepEqual([answered(0), pings.waits('p0', 0)], [undefined, false])
  assert.deepEqual([answered(1, 'p2'), answered(1), answered(1)], [undefined, 7, undefined])
  assert.deepEqual([pings.waits('p2', 6), pings.waits('p2', 7)], [true, false])
})

test('256 requests to helpers are open, the latest; a result counts once, from the helper alone, and the last failure says so', () => {
  const requests = new Requests()
  for (let nonce = 0; nonce < 257; nonce++) requests.asked(nonce, 'helper', `p${nonce}`, 1)
  assert.equal(requests.result('helper', 0), undefined)
  assert.equal(requests.result('another', 1), undefined)
  assert.deepEqual(requests.result('helper', 1), { id: 'p1', allFailed: true })
  assert.equal(requests.result('helper', 1), undefined)
  for (let nonce = 300; nonce < 303; nonce++) requests.asked(nonce, `h${nonce}`, 'p', 3)
  const failed = [300, 301, 302].map((nonce) => requests.result(`h${nonce}`, nonce)?.allFailed)
  assert.deepEqual(failed, [false, false, true])
})

test('32 contacts that are gone are remembered, the latest, each once and for ten seconds', () => {
  const gone = new Gone()
  for (let i = 0; i < 40; i++) gone.add(peer(`p${i}`), i)
  gone.add(peer('p39'), 5000)
  const ids = (now: number) => gone.lately(now).map(({ id }) => id)
  assert.deepEqual([ids(50).length, ids(50)[0], ids(50).at(-1)], [32, 'p8', 'p39'])
  assert.deepEqual(ids(10_038), ['p39'])
  assert.deepEqual(ids(10_039), [])
})

test('of the dead that others offer nothing is kept once their offers are old', () => {
  class Looked extends Members {
    times = 0
    override get(id: string): Member | undefined {
      this.times++
      return super.get(id)
    }
  }
  const members = new Looked(() => [])
  const pings = new Pings({ now: () => 0, send: () => {} }, new Rumors())
  const disputes = new Disputes({ members, pings, period: 1000, tally: new Tally() })
  for (let i = 0; i < 20; i++) {
    const fields = { state: 'dead', since: 0, heardAt: 0, rtt: undefined, reason: 'silent', reprieves: 0 } as const
    members.remember({ ...fields, peer: peer(`p${i}`) })
    disputes.offered(peer(`p${i}`), 31_000 + i)
  }
  assert.equal(disputes.at(40_000).length, 20)
  disputes.forget(41_010)
  members.times = 0
  assert.deepEqual([disputes.at(41_010).length, members.times], [10, 10])
})

test('a stop in the first moments of an alarm leaves no timer', () => {
  const simulation = network({ nodes: 40, contacts: 10 })
  const { protocol, environment } = simulation.node('n0')
  for (const { id } of simulation.nodes.slice(5)) simulation.kill(id)
  assert.ok(simulation.runUntil(() => protocol.membership.tally.get('alarms') > 0, 20_000, 10))
  protocol.stop()
  assert.equal(environment.timers, 0)
})

test('an answer to a ping from before a stop tells nothing to the node that starts again', () => {
  const simulation = network({ nodes: 3, latency: 20 })
  const { protocol, environment } = simulation.node('n0')
  const { self } = simulation.node('n1')
  let nonce = 0
  const send = environment.send.bind(environment)
  environment.send = (to, message) => {
    if (message.kind === 'ping' && to.id === 'n1') nonce = message.nonce
    send(to, message)
  }
  simulation.block('n0', 'n1')
  assert.ok(simulation.runUntil(() => nonce > 0, 10_000, 10))
  protocol.stop()
  protocol.start()
  const { rtt } = protocol.membership.member('n1') ?? {}
  simulation.run(200)
  protocol.membership.receive(self, { kind: 'pong', nonce, dead: [] })
  assert.deepEqual([rtt, protocol.membership.member('n1')?.rtt], [40, 40])
})

test('64 pings for others are under way at most: who asks for more hears at once that this node cannot tell', () => {
  const simulation = network({ nodes: 2 })
  const { environment, protocol } = simulation.node('n0')
  protocol.stop()
  const tally = new Tally()
  const relays = new Relays(environment, 20_000, { ping: () => {}, refuses: () => false, tally })
  for (let i = 0; i < 100; i++) {
    relays.request(simulation.node('n1').self, i, peer(`p${i}`))
    simulation.run(50)
  }
  assert.deepEqual([tally.toJSON(), environment.timers], [{ 'relay-refused': 36, relayed: 64 }, 64])
  relays.heard('p0')
  relays.unreachable('p1')
  assert.equal(environment.timers, 62)
  relays.clear()
  assert.equal(environment.timers, 0)
})

test('who leaves says goodbye to its contacts first, and to 128 in all', () => {
  const simulation = network({ nodes: 3 })
  const { protocol, environment } = simulation.node('n0')
  for (let i = 0; i < 300; i++) protocol.membership.heard({ ...peer(`p${i}`), issued: environment.now() })
  const told: string[] = []
  environment.send = (to, { kind }) => void (kind === 'goodbye' && told.push(to.id))
  protocol.membership.leave()
  assert.equal(new Set(told).size, 128)
  assert.equal(told.length, 128)
  assert.deepEqual(told.slice(0, 2).sort(), ['n1', 'n2'])
})

test('64 probes of others than contacts are under way at most, and leave room for those of contacts', () => {
  const simulation = network({ nodes: 3 })
  const { protocol, environment } = simulation.node('n0')
  const { membership } = protocol
  const others = Array.from({ length: 100 }, (_, i) => ({ ...peer(`p${i}`), issued: environment.now() }))
  for (const one of others) membership.heard(one)
  const before = membership.tally.get('too-many-probes')
  assert.equal(others.filter((one) => membership.probe(one, 'why')).length, 64)
  assert.equal(membership.tally.get('too-many-probes') - before, 36)
  assert.ok(membership.probe(simulation.node('n1').self, 'why'))
})
