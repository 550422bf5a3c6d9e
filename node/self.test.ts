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

test('ranked attributes: which they are is told at once, a change of a tenth twice a minute, a smaller one after five minutes', () => {
  let time = 1_700_000_000_000
  let ranked: Record<string, number> = { load: 1 }
  let sequence = 1
  const self = new Self(
    ID,
    sign,
    () => time,
    () => [],
    () => ranked,
  )
  const after = (ms: number, now: Record<string, number>) => {
    time += ms
    ranked = now
    return self.update()
  }
  self.start({ next: () => sequence++ })
  assert.deepEqual(self.descriptor.attributes, { load: 1 })
  assert.equal(after(1000, { load: 5 }), false)
  assert.equal(after(29_000, { load: 5 }), true)
  assert.deepEqual(self.descriptor.attributes, { load: 5 })
  assert.equal(after(60_000, { load: 5.4 }), false)
  assert.equal(after(240_000, { load: 5.4 }), true)
  assert.equal(after(10, { load: 5.4, in_torus: 1 }), true)
  assert.equal(after(10, { in_torus: 1 }), true)
  assert.equal(after(3_600_000, { in_torus: 1 }), false)
  // Jitter all day long: two descriptors a minute and no more.
  const before = sequence
  for (let second = 0; second < 3600; second++) after(1000, { in_torus: 1 + (second % 2) })
  assert.ok(sequence - before <= 120, `${sequence - before} descriptors in an hour`)
})

test('an address that no descriptor holds takes no place, and is not taken for a change', () => {
  const long = `/dns4/${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(20)}.org/tcp/1`
  const addresses = [multiaddr(long), multiaddr('/ip4/8.8.8.8/tcp/1')]
  let sequence = 1
  const self = new Self(
    ID,
    sign,
    () => 1,
    () => addresses,
  )
  self.start({ next: () => sequence++ })
  assert.deepEqual(self.descriptor.addresses, ['/ip4/8.8.8.8/tcp/1'])
  assert.equal(self.update(), false)
})
