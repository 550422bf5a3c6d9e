import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { chosen, Self } from './self.ts'

const sign = () => new Uint8Array(64)
const ID = '12D3KooWQLcAYwpfoAft36sPpEaLCh6GrLVCbLmEtQqP7WKs5nfN'

test('others are told at most four addresses, without the id, the most useful first, each once', () => {
  const addresses = [
    `/ip4/127.0.0.1/tcp/1/p2p/${ID}`,
    `/ip4/192.168.1.2/tcp/1/p2p/${ID}`,
    `/ip4/8.8.8.8/tcp/1/p2p/${ID}`,
    '/ip4/8.8.8.8/tcp/1',
    '/dns4/example.org/tcp/1',
    '/ip4/10.0.0.1/tcp/1',
  ].map((text) => multiaddr(text))
  assert.deepEqual(chosen(addresses), [
    '/ip4/8.8.8.8/tcp/1',
    '/dns4/example.org/tcp/1',
    '/ip4/192.168.1.2/tcp/1',
    '/ip4/10.0.0.1/tcp/1',
  ])
})

test('a descriptor is made anew when the addresses change and before it is too old, else not', () => {
  let time = 1_700_000_000_000
  let addresses: Multiaddr[] = [multiaddr('/ip4/8.8.8.8/tcp/1')]
  let sequence = 10
  const self = new Self(
    ID,
    sign,
    () => time,
    () => addresses,
  )
  assert.equal(self.update(), false) // not before there are numbers
  self.start({ next: () => sequence++ })
  assert.equal(self.descriptor.sequence, 10)
  assert.equal(self.update(), false)
  addresses = [multiaddr('/ip4/9.9.9.9/tcp/1')]
  assert.equal(self.update(), true)
  assert.deepEqual([self.descriptor.sequence, self.descriptor.addresses], [11, ['/ip4/9.9.9.9/tcp/1']])
  time += 9 * 3600 * 1000
  assert.equal(self.update(), true)
  assert.deepEqual([self.descriptor.sequence, self.descriptor.issued], [12, time])
})

test('without a number there is no new descriptor, and the next update makes up for it', () => {
  let next: number | undefined = 5
  let addresses: Multiaddr[] = []
  const self = new Self(
    ID,
    sign,
    () => 1,
    () => addresses,
  )
  self.start({ next: () => next })
  next = undefined
  addresses = [multiaddr('/ip4/8.8.8.8/tcp/1')]
  assert.equal(self.update(), false)
  next = 6
  assert.equal(self.update(), true)
  assert.equal(self.descriptor.sequence, 6)
})
