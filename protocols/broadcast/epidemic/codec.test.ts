import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { survivesDamage } from '../../../core/codec.fixture.ts'
import { describe } from '../../../core/descriptor.ts'
import { Malformed } from '../../../core/malformed.ts'
import type { Signed } from '../../../core/signed.ts'
import { MAX_CLAIMS, signClaim } from '../adaptive/claims.ts'
import { compose } from '../publication.ts'
import { MAX_AGE } from './age-order.ts'
import { epidemicCodec } from './codec.ts'
import { GossipSchema } from './epidemic_pb.ts'
import type { Gossip } from './messages.ts'
import { MAX_SUBSCRIPTIONS } from './view.ts'

const sign = () => new Uint8Array(64).fill(7)
const id = fc.stringMatching(/^[A-Za-z0-9]{1,64}$/)
const event = fc
  .record({ publisher: id, sequence: fc.integer({ min: 1, max: 2 ** 40 }), payload: fc.uint8Array({ maxLength: 40 }) })
  .map((fields) => compose({ ...fields, published: 5, topic: 'news' }, sign))
const claim = fc
  .record({ id, group: fc.string({ unit: 'binary', maxLength: 40 }), buffer: fc.nat(2 ** 20), issued: fc.maxSafeNat() })
  .map((fields) => signClaim(fields, sign))
const message: fc.Arbitrary<Gossip> = fc
  .record({
    ask: fc.boolean(),
    events: fc.array(
      fc.tuple(event, fc.nat(MAX_AGE)).map(([publication, age]) => ({ publication, age })),
      { maxLength: 6 },
    ),
    claims: fc.array(claim, { maxLength: MAX_CLAIMS }),
    subscriptions: fc.array(
      id.map((one) => describe({ id: one, addresses: [], sequence: 1, issued: 5 }, sign)),
      { maxLength: MAX_SUBSCRIPTIONS },
    ),
  })
  .map((fields) => ({ ...fields }))

test('what is encoded is decoded the same, within the size foretold, and everything signed is claimed', () => {
  fc.assert(
    fc.property(message, (original) => {
      const bytes = epidemicCodec.encode(original)
      assert.ok(bytes.length <= epidemicCodec.size(original), `${bytes.length} > ${epidemicCodec.size(original)}`)
      const claims: Signed[] = []
      assert.deepEqual(epidemicCodec.decode(bytes, claims), original)
      const { events, claims: buffers, subscriptions } = original
      assert.deepEqual(
        claims.map(({ signer }) => signer),
        [...events.map(({ publication }) => publication.publisher), ...buffers, ...subscriptions].map((one) =>
          typeof one === 'string' ? one : one.id,
        ),
      )
    }),
    { numRuns: 100 },
  )
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(epidemicCodec, message)
})

test('limits are refused with their reason', () => {
  const reason = (init: Parameters<typeof create<typeof GossipSchema>>[1]) => {
    try {
      epidemicCodec.decode(toBinary(GossipSchema, create(GossipSchema, init)), [])
    } catch (error) {
      assert.ok(error instanceof Malformed)
      return error.reason
    }
    return 'accepted'
  }
  const { record } = compose({ publisher: 'a', sequence: 1, published: 5, topic: 'news', payload: new Uint8Array(0) })
  const buffer = signClaim({ id: 'a', group: 'news', buffer: 5, issued: 5 }).record
  assert.equal(reason({ events: [{ ...record, age: MAX_AGE }], buffers: [buffer] }), 'accepted')
  assert.equal(reason({ events: [{ ...record, age: MAX_AGE + 1 }] }), 'epidemic-age')
  assert.equal(reason({ events: Array.from({ length: 1025 }, () => record) }), 'epidemic-events')
  assert.equal(reason({ buffers: Array.from({ length: MAX_CLAIMS + 1 }, () => buffer) }), 'epidemic-buffers')
  const large = signClaim({ id: 'a', group: 'news', buffer: 2 ** 20 + 1, issued: 5 }).record
  assert.equal(reason({ buffers: [large] }), 'buffer-claim-buffer')
})
