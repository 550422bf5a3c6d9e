import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { assertLimits, faults, lone, type Net, network, optimum, PERIOD, report, superPeers } from './bed.fixture.ts'
import type { SuperPeersInit } from './init.ts'
import { type Known, MAX_CAPACITY, MAX_KNOWN_SENT } from './messages.ts'

type Options = Pick<SuperPeersInit, 'known' | 'doublings' | 'mostMoves'>

/** All words are believed, as they come. */
const CREDULOUS: Options = {
  known: { places: Number.POSITIVE_INFINITY, reserved: 0, quarantine: 0, passing: 'all', believed: 1 },
}

const capacities = Array.from({ length: 100 }, () => 16)
const liarOf = ({ now }: Net, capacity = 1, id = 'a liar'): PeerDescriptor =>
  describe({ id, addresses: [], sequence: 1, issued: now, attributes: { capacity } })

let made = 0
/** Super-peers that are none, larger than any and just heard of. */
function inventions(now: number): Known[] {
  return Array.from({ length: MAX_KNOWN_SENT }, () => {
    const attributes = { capacity: MAX_CAPACITY }
    const peer = describe({ id: `made up ${made++}`, addresses: [], sequence: 1, issued: now, attributes })
    return { id: peer.id, peer, room: MAX_CAPACITY, age: 0 }
  })
}

/** One liar tells everybody of ever new super-peers, as often as it is heard, and answers nobody asked for. */
function invent(net: Net, rounds: number): void {
  for (let half = 0; half < 2 * rounds; half++) {
    const known = inventions(net.now)
    const unasked = inventions(net.now)
    for (const { id } of net.live) {
      net.inject(liarOf(net), id, report('gossip', { superPeer: false, known }))
      net.inject(liarOf(net), id, report('answer', { superPeer: false, known: unasked }))
      net.inject(liarOf(net), id, { kind: 'refused', clients: 0, known: unasked })
    }
    net.run(PERIOD / 2)
  }
}

const idle = (net: Net) => superPeers(net).filter(({ protocol }) => protocol.clients.length === 0).length

test('one liar that invents super-peers all the time: it takes longer, and those of the dead find others; where its every word counts, nobody is served', () => {
  const course = (options: Options) => {
    const net = network(capacities, 1, options)
    net.run(40 * PERIOD)
    invent(net, 15)
    const dying = superPeers(net).slice(0, Math.ceil(superPeers(net).length / 2))
    for (const { id } of dying) net.kill(id)
    invent(net, 40)
    assertLimits(net)
    return net
  }
  const defended = course({})
  assert.deepEqual(faults(defended), [])
  assert.equal(idle(defended), 0)
  assert.ok(superPeers(defended).length <= 2 * optimum(capacities), `${superPeers(defended).length} super-peers`)
  assert.ok(idle(course(CREDULOUS)) > 20)
})

test('the same from the first round on: twice as many super-peers as without it at most, and fewer with time; where its every word counts, everybody is its own', () => {
  const course = (options: Options) => {
    const net = network(capacities, 1, options)
    invent(net, 50)
    return superPeers(net).length
  }
  const [defended, undefended] = [course({}), course(CREDULOUS)]
  assert.ok(defended <= 2 * optimum(capacities), `${defended} super-peers`)
  assert.equal(undefended, capacities.length)
})

test('what an answer, an acceptance or a refusal that nobody asked for tells of others is not heard', () => {
  const { net, node, said, peer, hear } = lone()
  const known = [{ id: 'told', peer: peer('told'), room: 9, age: 0 }]
  const liar = peer('liar', 1)
  hear(liar, report('answer', { known }))
  hear(liar, { kind: 'accepted', clients: 0, known })
  hear(liar, { kind: 'refused', clients: 0, known })
  said.length = 0
  net.run(5 * PERIOD)
  assert.equal(said.length, 0)
  assert.ok(node.tally.get('unasked') >= 2)
  hear(liar, report('gossip', { known }))
  net.run(2 * PERIOD)
  assert.ok(said.includes('gossip told'))
})

test('who is told of and does not answer is asked once in ten rounds, however often others tell; without quarantine in every second', () => {
  const asked = (quarantine: number) => {
    const { net, said, peer } = lone({ known: { quarantine } })
    for (let round = 0; round < 20; round++) {
      const known = [{ id: 'dead', peer: peer('dead'), room: 9, age: 0 }]
      net.inject(peer(`teller${round}`, 1), 'n0', report('gossip', { superPeer: false, known }))
      net.run(PERIOD)
    }
    return said.filter((one) => one === 'gossip dead').length
  }
  assert.ok(asked(10) <= 2, `${asked(10)} of 20`)
  assert.ok(asked(0) > 6, `${asked(0)} of 20`)
})

test('one liar that promotes everybody as often as it may: of clients few serve in vain, and ever fewer; without doubling most do', () => {
  /** The share of nodes without clients that are super-peers, on average over the last rounds. */
  const course = (options: Options) => {
    const net = network(capacities, 1, options)
    net.run(40 * PERIOD)
    let sum = 0
    for (let round = 0; round < 240; round++) {
      for (const { id } of net.live) net.inject(liarOf(net, 0), id, { kind: 'promote' })
      net.run(PERIOD)
      if (round >= 120) sum += idle(net)
    }
    assertLimits(net)
    return sum / 120 / capacities.length
  }
  const [defended, undefended] = [course({}), course({ doublings: 0 })]
  assert.ok(defended < 0.06, `${defended}`)
  assert.ok(undefended > 4 * defended, `${undefended} undefended`)
})

test('a super-peer whose capacity falls keeps no more clients than it has now, once they had to renew', () => {
  const net = network([40, ...Array.from({ length: 30 }, () => 0)])
  net.run(30 * PERIOD)
  const { protocol, self } = net.node('n0')
  assert.equal(protocol.clients.length, 30)
  Object.assign(self, { attributes: { capacity: 7 } })
  net.run(5 * PERIOD)
  assert.equal(protocol.capacity, 7)
  assert.equal(protocol.clients.length, 7)
  net.run(20 * PERIOD)
  assertLimits(net)
  assert.deepEqual(faults(net), [])
  assert.equal(superPeers(net).length, 31 - 7)
})

test('where those without any capacity are too many, they promote a client that serves them', () => {
  const net = network([30, 25, ...Array.from({ length: 45 }, () => 0)])
  net.run(60 * PERIOD)
  assert.deepEqual(faults(net), [])
  assert.equal(superPeers(net).length, 2)
})

test('one liar that is everybody’s client and moves nowhere keeps nobody from becoming a client; where it may stay, it does', () => {
  const course = (options: Options) => {
    const net = network(capacities, 1, options)
    for (let round = 0; round < 80; round++) {
      for (const { id } of net.live) net.inject(liarOf(net, 0), id, { kind: 'join' })
      net.run(PERIOD)
    }
    assertLimits(net)
    return superPeers(net).length
  }
  const [defended, undefended] = [course({}), course({ mostMoves: Number.POSITIVE_INFINITY })]
  assert.ok(defended <= optimum(capacities) + 3, `${defended} super-peers`)
  assert.ok(undefended > 2 * optimum(capacities), `${undefended} undefended`)
})

test('nor do two or three together, of which one comes back when the other has lost its place', () => {
  for (const count of [2, 3]) {
    const net = network(capacities)
    for (let round = 0; round < 80; round++) {
      const joining = Array.from({ length: Math.min(count, 1 + round / 4) }, (_, i) => liarOf(net, 0, `liar ${i}`))
      for (const { id } of net.live) for (const liar of joining) net.inject(liar, id, { kind: 'join' })
      net.run(PERIOD)
    }
    assertLimits(net)
    const found = superPeers(net).length
    assert.ok(found <= optimum(capacities) + 3, `${found} super-peers with ${count} liars`)
  }
})

test('nor does one that joins everybody under a new key every round, though it fills most places', () => {
  const course = (options: Options) => {
    const net = network(capacities, 1, options)
    for (let round = 0; round < 80; round++) {
      const liar = liarOf(net, 0, `liar ${round}`)
      for (const { id } of net.live) net.inject(liar, id, { kind: 'join' })
      net.run(PERIOD)
    }
    assertLimits(net)
    return superPeers(net).length
  }
  const [defended, undefended] = [course({}), course({ mostMoves: Number.POSITIVE_INFINITY })]
  assert.ok(defended <= 3 * optimum(capacities), `${defended} super-peers`)
  assert.ok(undefended > 90, `${undefended} undefended`)
})

test('one liar that has room for everybody and takes nobody costs no client its place, and those of the dead find others', () => {
  const net = network(capacities)
  const claim = (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      for (const { id } of net.live) net.inject(liarOf(net, MAX_CAPACITY), id, report('gossip'))
      net.run(PERIOD)
    }
  }
  claim(40)
  assert.deepEqual([superPeers(net).length, faults(net)], [optimum(capacities), []])
  const orphaned = () => net.live.reduce((sum, { protocol }) => sum + protocol.tally.get('orphaned'), 0)
  const before = orphaned()
  claim(40)
  assert.deepEqual([superPeers(net).length, orphaned() - before], [optimum(capacities), 0])
  net.kill(superPeers(net)[0]?.id as string)
  claim(60)
  assertLimits(net)
  assert.deepEqual(faults(net), [])
  assert.ok(superPeers(net).length <= optimum(capacities) + 1, `${superPeers(net).length} super-peers`)
})
