import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { TokenBucket } from '../../core/bucket.ts'
import { describe as describePeer, MAX_DESCRIPTOR_AGE, type PeerDescriptor } from '../../core/descriptor.ts'
import { Network } from '../tree/network.fixture.ts'
import {
  assertLimits,
  faults,
  lone,
  type Net,
  network,
  optimum,
  PERIOD,
  report,
  superPeers,
  uniform,
} from './bed.fixture.ts'
import { superPeersCodec } from './codec.ts'
import type { SuperPeersMessage } from './messages.ts'
import { SuperPeers } from './superpeers.ts'

suite('superpeers', () => {
  test('as few super-peers as the best choice needs, within tens of rounds, and everybody assigned exactly once', () => {
    for (const seed of [1, 2, 3]) {
      const capacities = uniform(200, seed)
      const net = network(capacities, seed)
      for (let round = 0; round < 45; round++) {
        net.run(PERIOD)
        assertLimits(net)
      }
      assert.deepEqual(faults(net), [])
      const best = optimum(capacities)
      assert.ok(superPeers(net).length <= best + 1, `seed ${seed}: ${superPeers(net).length}, best ${best}`)
    }
  })

  test('a few capable ones among nodes that can serve nobody or one: they serve', () => {
    const capacities = Array.from({ length: 100 }, (_, i) => (i % 20 === 3 ? 30 : i % 2))
    const net = network(capacities)
    net.run(40 * PERIOD)
    assert.deepEqual(faults(net), [])
    assert.ok(superPeers(net).length <= optimum(capacities) + 1, `${superPeers(net).length}`)
    assert.ok(superPeers(net).every(({ protocol }) => protocol.capacity === 30))
  })

  test('where nobody can serve, everybody is its own', () => {
    const net = network([0, 0, 0])
    net.run(20 * PERIOD)
    assert.equal(superPeers(net).length, 3)
  })

  test('clients of dead super-peers are taken by others within 12 rounds, without a word from failure detection', () => {
    const net = network(uniform(200))
    net.run(45 * PERIOD)
    const dying = superPeers(net).slice(0, Math.ceil(superPeers(net).length / 2))
    for (const { id } of dying) net.kill(id)
    net.run(12 * PERIOD)
    const lost = net.live.filter(({ protocol }) => protocol.superPeer && !net.node(protocol.superPeer.id).alive)
    assert.deepEqual(
      lost.map(({ id }) => id),
      [],
    )
    net.run(40 * PERIOD)
    assertLimits(net)
    assert.deepEqual(faults(net), [])
  })

  test('a super-peer that failure detection names is left at once', () => {
    const net = network(uniform(60))
    net.run(40 * PERIOD)
    const [dead] = superPeers(net)
    net.kill(dead?.id as string)
    for (const { protocol } of net.live) protocol.remove(dead?.id as string)
    assert.ok(net.live.every(({ protocol }) => protocol.superPeer?.id !== dead?.id))
  })

  test('places of clients that died come free within 14 rounds, without a word from failure detection', () => {
    const net = network([20, ...Array.from({ length: 15 }, () => 0)])
    net.run(20 * PERIOD)
    const [superPeer] = superPeers(net)
    const clients = superPeer?.protocol.clients ?? []
    assert.equal(clients.length, 15)
    for (const { id } of clients.slice(0, 7)) net.kill(id)
    net.run(14 * PERIOD)
    assert.equal(superPeer?.protocol.clients.length, 8)
  })

  test('what the gossip budget does not allow is not said, and counted', () => {
    const rate = 400
    const sent = new Map<string, number>()
    const net: Net = new Network(1, (environment) => {
      const sample = (count: number) =>
        environment.random.sample([...net.nodes.values()], count).map(({ self }) => self)
      const budget = new TokenBucket(rate, rate)
      const capacityOf = ({ attributes }: PeerDescriptor) => attributes.capacity
      return new SuperPeers(environment, { capacityOf, sample, budget, period: PERIOD })
    })
    for (const [i, capacity] of uniform(30).entries()) net.add(`n${i}`, { capacity })
    net.watch = (from, _to, message) => {
      sent.set(from, (sent.get(from) ?? 0) + superPeersCodec.encode(message).length)
    }
    let refused = 0
    for (let second = 0; second < 20; second++) {
      sent.clear()
      net.run(1000)
      for (const [id, bytes] of sent) assert.ok(bytes <= 2 * rate, `${id} sent ${bytes}`)
    }
    for (const { protocol } of net.live) refused += protocol.tally.get('over-budget')
    assert.ok(refused > 0)
    assertLimits(net)
  })

  test('however many ask, answers leave half of the budget’s burst to what the node says of its own accord', () => {
    const budget = new TokenBucket(1, 10_000)
    const net: Net = new Network(1, (environment) => {
      return new SuperPeers(environment, { capacityOf: () => 5, sample: () => [], budget, period: PERIOD })
    })
    net.add('n0')
    for (let i = 0; i < 500; i++) {
      const from = describePeer({ id: `peer${i}`, addresses: [], sequence: 1, issued: net.now })
      net.inject(from, 'n0', report('gossip'))
      net.inject(from, 'n0', { kind: 'join' })
    }
    net.run(1)
    assert.ok(budget.take(net.now, 5000))
    assert.ok(!budget.take(net.now, 1000), 'the rest was there for answers')
  })

  test('a handover is a hint: of clients told to move to a place that is taken or dead, none is lost', () => {
    const net = network([20, 20, 20, ...Array.from({ length: 20 }, () => 0)])
    net.run(20 * PERIOD)
    const [full] = superPeers(net).filter(({ protocol }) => protocol.clients.length > 0)
    const dead = net.add('dead', { capacity: 500 })
    net.kill('dead')
    for (const client of full?.protocol.clients ?? []) {
      net.inject(full?.self as PeerDescriptor, client.id, { kind: 'move', to: dead.self })
    }
    net.run(1)
    assert.deepEqual(faults(net), [])
    net.run(15 * PERIOD)
    assert.deepEqual(faults(net), [])
  })

  test('one that has room tells the smaller ones it knows, who could not find it; a full one does not', () => {
    const { net, said, peer, hear } = lone()
    const small = peer('small', 2)
    const known = { id: small.id, peer: small, room: 0, age: 0 }
    const rounds = (count: number) => {
      let told = 0
      for (let round = 0; round < count; round++) {
        hear(peer('other', 9), report('gossip', { clients: 9, known: [known] }))
        said.length = 0
        net.run(PERIOD)
        if (!said.includes('gossip small')) continue
        told++
        hear(small, report('answer', { superPeer: false })) // or nobody's word about it would be heard
      }
      return told
    }
    const told = rounds(100)
    assert.ok(told > 10 && told < 60, `${told} of 100 rounds`)
    for (const client of ['c1', 'c2', 'c3', 'c4', 'c5']) hear(peer(client, 0), { kind: 'join' })
    assert.equal(rounds(10), 0)
  })

  test('liars cannot order others about: only its own super-peer moves a client, only who was asked accepts it', () => {
    const net = network([30, ...Array.from({ length: 15 }, () => 2)])
    net.run(20 * PERIOD)
    const [superPeer] = superPeers(net)
    const liar = net.add('liar', { capacity: 1 })
    const victim = net.live.find(
      ({ protocol }) => protocol.superPeer?.id === superPeer?.id && true,
    ) as (typeof net.live)[0]
    for (const kind of ['move', 'accepted', 'refused', 'leave'] as const) {
      const message: SuperPeersMessage =
        kind === 'move' ? { kind, to: liar.self } : kind === 'leave' ? { kind } : { kind, clients: 0, known: [] }
      net.inject(liar.self, victim.id, message)
      net.run(10)
      assert.equal(victim.protocol.superPeer?.id, superPeer?.id, kind)
    }
    // The same from whom it listens to.
    net.inject(superPeer?.self as PeerDescriptor, victim.id, { kind: 'move', to: liar.self })
    net.run(200)
    assert.equal(victim.protocol.superPeer?.id, 'liar')
  })

  test('three in ten tell of super-peers with room that are none: it takes longer, and comes to the same', () => {
    const capacities = uniform(200)
    const net = network(capacities)
    const liars = new Set(net.live.slice(0, 60).map(({ id }) => id))
    net.watch = (from, _to, message) => {
      if (!liars.has(from) || !('known' in message)) return
      const made = net.random.sample(net.live, 8).map(({ id, self }) => ({ id, peer: self, room: 500, age: 0 }))
      ;(message as { known: unknown }).known = made
    }
    net.run(70 * PERIOD)
    assertLimits(net)
    assert.deepEqual(faults(net), [])
    assert.ok(superPeers(net).length <= optimum(capacities) + 1, `${superPeers(net).length}`)
  })

  test('a client that is asked to serve by everybody does so once in a while only, and by nobody more capable', () => {
    const net = network([30, ...Array.from({ length: 15 }, () => 2)])
    net.run(20 * PERIOD)
    const [superPeer] = superPeers(net)
    const victim = net.live.find(({ protocol }) => protocol.superPeer !== undefined) as (typeof net.live)[0]
    net.inject(superPeer?.self as PeerDescriptor, victim.id, { kind: 'promote' })
    net.run(1)
    assert.equal(victim.protocol.superPeer?.id, superPeer?.id)
    const liar = net.add('liar', { capacity: 1 })
    for (let i = 0; i < 300; i++) {
      net.inject(liar.self, victim.id, { kind: 'promote' })
      net.run(100)
    }
    assert.ok(victim.protocol.tally.get('promoted') <= 4, `${victim.protocol.tally.get('promoted')}`)
    net.run(20 * PERIOD)
    assert.deepEqual(faults(net), [])
  })

  test('who asks for places all the time, or gossips, is answered once in a while', () => {
    const net = network([5, 5])
    const [a, b] = ['n0', 'n1'].map((id) => net.node(id)) as [ReturnType<Net['node']>, ReturnType<Net['node']>]
    let answers = 0
    net.watch = (from) => {
      if (from === a.id) answers++
    }
    for (let i = 0; i < 1000; i++) {
      net.inject(b.self, a.id, { kind: 'join' })
      net.inject(b.self, a.id, { kind: 'gossip', superPeer: true, clients: 0, known: [], spare: undefined })
    }
    net.run(300)
    assert.ok(answers <= 6, `${answers}`)
  })

  test('an answer that nobody asked for moves nobody, and is counted; the same as gossip does', () => {
    const { node, peer, hear } = lone()
    assert.deepEqual(hear(peer('big'), report('answer')), [])
    assert.equal(node.tally.get('unasked'), 1)
    assert.deepEqual(hear(peer('big'), report('gossip')), ['join big'])
  })

  test('in one round gossip goes on to another twice at most, however many turn out to be clients', () => {
    const { net, said, peer, hear } = lone()
    const known = Array.from({ length: 8 }, (_, i) => ({ id: `s${i}`, peer: peer(`s${i}`), room: 9, age: 0 }))
    hear(peer('small', 1), report('gossip', { known }))
    let gossiped = 0
    net.watch = (_from, to, message) => {
      if (message.kind !== 'gossip') return
      gossiped++
      net.inject(peer(to), 'n0', report('answer', { superPeer: false }))
    }
    said.length = 0
    while (gossiped === 0) net.run(10)
    net.run(300)
    assert.equal(gossiped, 3)
  })

  test('a client asks nobody for a place whose descriptor is too old, and gives up a place that another keeps for it', () => {
    const { net, node, peer, hear } = lone()
    hear(peer('big'), report('gossip'))
    hear(peer('big'), { kind: 'accepted', clients: 1, known: [] })
    assert.equal(node.superPeer?.id, 'big')
    const old = peer('old', 40, net.now - MAX_DESCRIPTOR_AGE)
    assert.deepEqual(hear(peer('big'), { kind: 'move', to: old }), [])
    assert.equal(node.tally.get('stale'), 1)
    assert.deepEqual(hear(peer('stranger'), { kind: 'move', to: peer('fresh') }), ['leave stranger'])
    assert.equal(node.tally.get('not-my-super-peer'), 1)
    assert.deepEqual(hear(peer('big'), { kind: 'move', to: peer('fresh') }), ['join fresh'])
  })

  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ op: fc.constant('run' as const), rounds: fc.integer({ min: 1, max: 8 }) }) },
    fc.record({
      op: fc.constantFrom('kill' as const, 'restart' as const, 'pause' as const, 'resume' as const),
      node: fc.nat(29),
    }),
    fc.record({ op: fc.constant('top' as const) }),
    fc.record({ op: fc.constant('partition' as const), mask: fc.nat(2 ** 30 - 1), oneWay: fc.boolean() }),
    fc.record({ op: fc.constant('heal' as const) }),
    fc.record({
      op: fc.constant('weather' as const),
      loss: fc.constantFrom(0, 0.1, 0.4),
      late: fc.constantFrom(60, 600, 2500),
    }),
  )

  test('whatever happens, no super-peer is above its capacity and no client has two; afterwards nobody is lost or doubled', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 30 }),
        fc.array(step, { maxLength: 20 }),
        (seed, capacities, steps) => {
          const net = network(capacities, seed)
          net.duplicate = 0.1
          const side = (mask: number, id: string) => (mask >> Number(id.slice(1))) & 1
          for (const one of steps) {
            const id = 'node' in one ? `n${one.node % capacities.length}` : ''
            if (one.op === 'run') {
              for (let i = 0; i < 4 * one.rounds; i++) {
                net.run(PERIOD / 4)
                assertLimits(net)
              }
            } else if (one.op === 'kill') net.kill(id)
            else if (one.op === 'restart') net.restart(id)
            else if (one.op === 'pause') net.pause(id)
            else if (one.op === 'resume') net.resume(id)
            else if (one.op === 'heal') net.open = () => true
            else if (one.op === 'top') {
              const most = [...superPeers(net)].sort((a, b) => b.protocol.clients.length - a.protocol.clients.length)[0]
              if (most !== undefined) net.kill(most.id)
            } else if (one.op === 'weather') {
              net.loss = one.loss
              net.latency = [10, one.late]
            } else if (one.op === 'partition') {
              const { mask, oneWay } = one
              net.open = (from, to) => side(mask, from) === side(mask, to) || (oneWay && side(mask, from) === 0)
            }
          }
          net.loss = 0
          net.duplicate = 0
          net.latency = [10, 60]
          net.open = () => true
          for (const { id } of net.live) net.resume(id)
          for (let i = 0; i < 60; i++) {
            net.run(PERIOD)
            assertLimits(net)
          }
          // A handover may be under way at any one moment, but not all the time.
          for (let i = 0; i < 20 && faults(net).length > 0; i++) net.run(PERIOD)
          assert.deepEqual(faults(net), [])
        },
      ),
      { numRuns: 80 },
    )
  })
})
