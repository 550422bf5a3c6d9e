import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { addressGroup } from './groups.ts'
import { Slots } from './slots.ts'

function peer(id: string, address: string | undefined, sequence = 1): PeerDescriptor {
  return describe({ id, addresses: address === undefined ? [] : [address], sequence, issued: 0 })
}

const inGroup = (id: string, group: number, sequence = 1) =>
  peer(id, `/ip4/10.${group >> 8}.${group & 255}.7`, sequence)

function slots(count: number, seed = 1): Slots {
  return new Slots(count, (offered) => addressGroup(offered), new Random(seed))
}

const shown = (held: Slots) => held.peers().map(({ id, sequence }) => `${id}/${sequence}`)

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
  assert.deepEqual(shown(held), ['pushy/1'])
  for (let i = 0; i < 1000; i++) held.offer(inGroup(`key${i}`, 2))
  assert.equal(held.peers().length, 2)
})

test('no group and no id twice, the newest descriptor kept, whatever is offered and removed', () => {
  const operation = fc.record({
    remove: fc.boolean(),
    id: fc.nat(9),
    group: fc.nat(9),
    sequence: fc.nat(5),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100, size: 'max' }), (operations) => {
      const held = slots(6)
      const newest = new Map<string, number>()
      for (const { remove, id, group, sequence } of operations) {
        if (remove) held.remove(`n${id}`)
        else held.offer(inGroup(`n${id}`, group, sequence))
        const peers = held.peers()
        assert.ok(peers.length <= 6)
        assert.equal(new Set(peers.map((p) => p.id)).size, peers.length)
        assert.equal(new Set(peers.map((p) => addressGroup(p))).size, peers.length)
        for (const p of peers) {
          assert.ok(p.sequence >= (newest.get(p.id) ?? 0), `${p.id} went back to ${p.sequence}`)
        }
        newest.clear()
        for (const p of peers) newest.set(p.id, p.sequence)
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
  assert.deepEqual(shown(held), ['b/1'])
})

test('a peer that moved sits in its new group, and the old one is free', () => {
  const held = slots(4)
  held.offer(inGroup('a', 1, 1))
  held.offer(inGroup('a', 2, 2))
  held.offer(inGroup('a', 3, 1)) // old news
  assert.deepEqual(shown(held), ['a/2'])
  held.offer(inGroup('b', 1))
  held.offer(inGroup('c', 2))
  assert.equal(held.peers().length, 2)
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
