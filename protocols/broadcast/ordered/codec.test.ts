import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { survivesDamage } from '../../../core/codec.fixture.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Malformed } from '../../../core/malformed.ts'
import { compose } from '../publication.ts'
import { orderedCodec } from './codec.ts'
import { message, peers } from './messages.fixture.ts'
import { MAX_BATCH, MAX_LOG, type OrderedBody } from './messages.ts'
import { MAX_JOINED, MAX_MEMBERS } from './view.ts'

test('every message comes back as it was, and is no longer than its size says', () => {
  fc.assert(
    fc.property(message, (original) => {
      const bytes = orderedCodec.encode(original)
      assert.deepEqual(orderedCodec.decode(bytes, []), original)
      assert.ok(bytes.length <= orderedCodec.size(original), `${bytes.length} > ${orderedCodec.size(original)}`)
    }),
  )
})

test('whatever arrives is read or refused, and nothing else', () => {
  survivesDamage(orderedCodec, message)
})

test('what is signed in a message is claimed: publications by their publishers, descriptors by their owners', () => {
  const one = compose({
    publisher: 'n1',
    sequence: 1,
    published: 5,
    topic: 't',
    delivery: 'ordered',
    payload: new Uint8Array(3),
  })
  const claimed = (body: OrderedBody) => {
    const claims: { signer: string }[] = []
    orderedCodec.decode(orderedCodec.encode({ lineage: 1, view: 1, incarnation: 1, body }), claims as never)
    return claims.map(({ signer }) => signer)
  }
  assert.deepEqual(claimed({ kind: 'records', publications: [one] }), ['n1'])
  assert.deepEqual(claimed({ kind: 'pointer', leader: peers[3] as PeerDescriptor, live: true }), ['n3'])
  const joined = [{ peer: peers[5] as PeerDescriptor, incarnation: 2 }]
  assert.deepEqual(claimed({ kind: 'decided', value: { removed: [], joined, first: 1, tail: [] } }), ['n5'])
})

test('more of anything than a view, a batch or a log can hold is refused', () => {
  const refused = (body: OrderedBody, reason: string) => {
    const bytes = orderedCodec.encode({ lineage: 1, view: 1, incarnation: 1, body })
    const is = (error: unknown) => error instanceof Malformed && error.reason === reason
    assert.throws(() => orderedCodec.decode(bytes, []), is)
  }
  const many = (length: number) => Array.from({ length }, (_, i) => ({ member: 0, sequence: i + 1 }))
  const order = { kind: 'order', first: 1, commit: 0, stable: 0, live: true } as const
  refused({ ...order, placed: many(MAX_BATCH + 1) }, 'ordered-placed')
  const nothing = { removed: [], joined: [], first: 1, tail: [] }
  refused({ kind: 'decided', value: { ...nothing, tail: many(MAX_LOG + 1) } }, 'ordered-placed')
  refused({ kind: 'fetch', first: 1, last: MAX_LOG + 1 }, 'ordered-fetch')
  const crowd = peers.slice(0, MAX_JOINED + 1).map((peer) => ({ peer, incarnation: 1 }))
  refused({ kind: 'decided', value: { ...nothing, joined: crowd } }, 'ordered-members')
  const backwards = peers.slice(0, 9).map((peer) => ({ peer, incarnation: 1 }))
  refused({ kind: 'install', view: { number: 1, members: backwards, start: 0 }, last: [] }, 'ordered-members')
  refused({ ...order, placed: [{ member: MAX_MEMBERS, sequence: 1 }] }, 'ordered-place')
})
