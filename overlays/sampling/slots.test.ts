import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { addressGroup } from './groups.ts'
import { fingerprint, type Ranked, Slots } from './slots.ts'

function peer(id: string, address: string | undefined, sequence = 1): PeerDescriptor {
  return describe({ id, addresses: address === undefined ? [] : [address], sequence, issued: 0 })
}

const inGroup = (id: string, group: number, sequence = 1) =>
  peer(id, `/ip4/10.${group >> 8}.${group & 255}.7`, sequence)

function ranked(offered: PeerDescriptor): Ranked {
  return { peer: offered, key: fingerprint(7, offered.id), group: fingerprint(7, addressGroup(offered)) }
}

class Bed {
  readonly slots: Slots<Ranked>

  constructor(count: number, seed: number, apart: boolean, young: number) {
    this.slots = new Slots<Ranked>(count, young, apart, new Random(seed))
  }

  offer(offered: PeerDescriptor): void {
    this.slots.offer(ranked(offered))
  }

  remove(id: string): void {
    this.slots.remove(fingerprint(7, id), id)
  }

  peers(): PeerDescriptor[] {
    return this.slots.held.map(({ peer: held }) => held)
  }
}

function slots(count: number, seed = 1, apart = true, young = 0): Bed {
  return new Bed(count, seed, apart, young)
}

const shown = (held: Bed) => held.peers().map(({ id }) => id)

test('which peers hold the slots does not depend on how often and in which order they are offered', () => {
  const offers = fc.array(fc.nat(59), { minLength: 1, maxLength: 300, size: 'max' })
  fc.assert(
    fc.property(offers, fc.integer(), fc.integer({ min: 1, max: 20 }), (order, seed, count) => {
      const pushed = slots(count, seed)
      const once = slots(count, seed)
      for (const i of order) pushed.offer(inGroup(`n${i}`, i))
      for (const i of [...new Set(order)].sort((a, b) => a - b)) once.offer(inGroup(`n${i}`, i))
      assert.deepEqual(shown(pushed), shown(once))
    }),
    { numRuns: 200 },
  )
})

test('a peer pushed a thousand times, and a thousand keys on one network, hold one slot', () => {
  const held = slots(16)
  for (let i = 0; i < 1000; i++) held.offer(inGroup('pushy', 1))
  assert.deepEqual(shown(held), ['pushy'])
  for (let i = 0; i < 1000; i++) held.offer(inGroup(`key${i}`, 2))
  assert.equal(held.peers().length, 2)
})

test('who of a group holds its slot is not who came last, or spoke most: the same one whatever the order', () => {
  const random = new Random(1)
  const keys = Array.from({ length: 40 }, (_, i) => inGroup(`key${i}`, i % 4))
  const holders = new Set<string>()
  for (let i = 0; i < 30; i++) {
    const held = slots(16)
    for (const one of random.sample(keys, keys.length)) held.offer(one)
    for (let again = 0; again < 20; again++) held.offer(random.pick(keys) as PeerDescriptor)
    holders.add(shown(held).sort().join())
  }
  assert.equal(holders.size, 1)
})

test('no id twice, and no group twice where they are kept apart, whatever is offered, removed and re-salted', () => {
  const operation = fc.record({
    what: fc.constantFrom('offer', 'offer', 'remove', 'resalt'),
    id: fc.nat(9),
    group: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.boolean(), fc.array(operation, { maxLength: 100, size: 'max' }), (apart, operations) => {
      const held = slots(6, 1, apart)
      for (const { what, id, group } of operations) {
        if (what === 'remove') held.remove(`n${id}`)
        else if (what === 'resalt') held.slots.resalt(id * 7919 + group)
        else held.offer(inGroup(`n${id}`, group))
        const peers = held.peers()
        assert.equal(peers.length, held.slots.size)
        assert.ok(peers.length <= 6)
        assert.equal(new Set(peers.map((p) => p.id)).size, peers.length)
        if (apart) assert.equal(new Set(peers.map((p) => addressGroup(p))).size, peers.length)
        for (const p of peers) assert.ok(held.slots.holds(ranked(p)))
      }
    }),
    { numRuns: 200 },
  )
})

test('a removed peer frees its slot and its group', () => {
  const held = slots(1)
  held.offer(inGroup('a', 1))
  held.remove('a')
  assert.deepEqual(shown(held), [])
  held.offer(inGroup('b', 1))
  assert.deepEqual(shown(held), ['b'])
})

test('a new salt keeps who is there, and gives some of them other slots', () => {
  const held = slots(32, 3, false)
  for (let i = 0; i < 20; i++) held.offer(inGroup(`n${i}`, i))
  const before = shown(held)
  for (let slot = 0; slot < 32; slot++) held.slots.resalt(slot * 2654435761)
  assert.deepEqual(shown(held).sort(), [...before].sort())
  assert.notDeepEqual(shown(held), before)
})

test('liars that are told of at once hold little more than their share of the slots that matured first; of others twice it', () => {
  const share = (young: number) => {
    let liars = 0
    for (let seed = 0; seed < 10; seed++) {
      const held = slots(20, seed, false, young)
      const random = new Random(seed).fork('offers')
      for (let turn = 0; turn < 80; turn++) {
        held.slots.resalt(random.word())
        for (let i = 0; i < 20; i++) held.offer(inGroup(`liar${i}`, 100 + i))
        for (let i = 0; i < 3; i++) {
          const honest = random.integer(80)
          held.offer(inGroup(`n${honest}`, honest))
        }
      }
      liars += shown(held).filter((id) => id.startsWith('liar')).length
    }
    return liars / (10 * 20) // 0.2 would be fair
  }
  assert.ok(share(20) < 0.3, `${share(20)} of the mature`)
  assert.ok(share(0) > 0.4, `${share(0)} where nothing has to mature`)
})

test('with slots to spare, everybody shows: the young ones hold only whom the mature have no room for', () => {
  const held = slots(10, 2, false, 10)
  for (let i = 0; i < 8; i++) held.offer(inGroup(`n${i}`, i))
  for (let turn = 0; turn < 40; turn++) {
    assert.equal(held.peers().length, 8)
    held.slots.resalt(turn * 2654435761)
  }
})

test('on one network of many and one of a single node, the single one has one seat and the many have the rest', () => {
  const held = slots(30, 1, false)
  for (let i = 0; i < 200; i++) held.offer(inGroup(`lan${i}`, 1))
  held.offer(inGroup('alone', 2))
  assert.equal(held.peers().length, 30)
  assert.equal(shown(held).filter((id) => id === 'alone').length, 1)
})

test('attackers get the share of the slots that their networks have, though they push a hundred times as often', () => {
  let evil = 0
  let all = 0
  for (let seed = 0; seed < 20; seed++) {
    const held = slots(64, seed)
    const random = new Random(seed).fork('offers')
    for (let i = 0; i < 500; i++) held.offer(inGroup(`n${i}`, i))
    for (let k = 0; k < 10_000; k++) {
      const i = 500 + random.integer(100)
      held.offer(inGroup(`evil${i}`, i))
    }
    for (let i = 0; i < 500; i++) held.offer(inGroup(`n${i}`, i))
    evil += held.peers().filter(({ id }) => id.startsWith('evil')).length
    all += held.peers().length
  }
  assert.equal(all, 20 * 64)
  const share = evil / all // expected 1/6 of 1280, four deviations are 0.042
  assert.ok(share > 0.12 && share < 0.21, `${share}`)
})

test('address groups', () => {
  const groups: [string | undefined, string][] = [
    ['/ip4/192.0.2.77/tcp/4001', '192.0.2'],
    ['/ip6/2001:db8:abcd:12::1/tcp/4001', '2001:db8:abcd'],
    ['/ip6/2001:0DB8:ABCD:0012:0:0:0:1/tcp/4001', '2001:db8:abcd'],
    ['/ip6/2001:db8::1/tcp/4001', '2001:db8:0'],
    ['/ip6/::1/tcp/4001', '0:0:0'],
    ['/ip6/::/tcp/4001', '0:0:0'],
    ['/ip6/::ffff:192.0.2.77/tcp/4001', '192.0.2'],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/4001', 'fe80:0:0'],
    ['/ip6zone/eth1/ip6/fe80::2/tcp/4001', 'fe80:0:0'],
    ['/dns4/a1.Example.org/tcp/4001', 'example.org'],
    ['/dns/node1/tcp/4001', 'node1'],
    ['/ip4/127.0.0.1/tcp/1', '127.0.0'],
    ['/sim/n1', '/sim/n1'],
    ['nonsense', 'nonsense'],
    ['', ''],
    [undefined, 'id'],
  ]
  for (const [address, group] of groups) assert.equal(addressGroup(peer('id', address)), group, address)
  for (const address of ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2', '/ip6/::1/tcp/3']) {
    assert.equal(addressGroup(peer('id', address), true), address, 'apart in testnets')
  }
  fc.assert(fc.property(fc.string(), (text) => typeof addressGroup(peer('id', `/ip6/${text}`)) === 'string'))
})

test('after a new salt everybody sits where all who are held would sit if they came anew, whoever came and left before', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ op: fc.constant('offer' as const), peer: fc.nat(59) }) },
    fc.record({ op: fc.constant('remove' as const), peer: fc.nat(59) }),
    fc.record({ op: fc.constant('resalt' as const), peer: fc.nat() }),
  )
  const steps = fc.array(step, { maxLength: 200, size: 'max' })
  fc.assert(
    fc.property(steps, fc.integer(), fc.boolean(), fc.nat(5), (taken, seed, apart, young) => {
      const lived = slots(8, seed, apart, young)
      const salts = [...taken.filter(({ op }) => op === 'resalt').map(({ peer: salt }) => salt), 42]
      for (const { op, peer: i } of [...taken, { op: 'resalt' as const, peer: 42 }]) {
        if (op === 'offer') lived.offer(inGroup(`n${i}`, i % 40))
        else if (op === 'remove') lived.remove(`n${i}`)
        else lived.slots.resalt(i)
      }
      const anew = slots(8, seed, apart, young)
      for (const salt of salts) anew.slots.resalt(salt)
      const all = (bed: Bed) => {
        const held: PeerDescriptor[] = []
        bed.slots.forAll((one) => held.push(one.peer))
        return held
      }
      for (const one of all(lived)) anew.offer(one)
      assert.deepEqual(all(lived), all(anew))
      assert.deepEqual(shown(lived), shown(anew))
    }),
    { numRuns: 300 },
  )
})
