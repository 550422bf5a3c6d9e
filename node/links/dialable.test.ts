import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialable } from './connections.ts'

const ID = '12D3KooWA7CvJqahmKuYUxwRMMzhKeXEpmvAhSzBybo2dDeHrZY9'
const OTHER = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
const hosts = (addresses: readonly string[]) =>
  dialable(addresses, ID).map((address) => address.getComponents()[0]?.value)

test('a peer that has a public address is not looked for at private ones; one that has none, is', () => {
  const own = ['/ip4/192.168.1.1/tcp/80', '/ip4/127.0.0.1/tcp/22', '/ip6/fd00::1/tcp/80']
  assert.deepEqual(hosts([...own, '/ip4/8.8.8.8/tcp/9']), ['8.8.8.8'])
  assert.deepEqual(hosts([...own, '/dns4/example.org/tcp/9']), ['example.org'])
  assert.deepEqual(hosts(own), ['192.168.1.1', '127.0.0.1', 'fd00::1'])
})

test('addresses of another peer, and what is none, are left out', () => {
  const theirs = [`/ip4/8.8.8.8/tcp/9/p2p/${OTHER}`, 'nonsense', '/ip4/8.8.4.4/tcp/9', `/ip4/9.9.9.9/tcp/9/p2p/${ID}`]
  assert.deepEqual(hosts(theirs), ['8.8.4.4', '9.9.9.9'])
})
