import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../../core/codec.fixture.ts'
import { SPACE } from '../../../core/position.ts'
import { type BroadcastMessage, broadcastCodec } from '../deliveries.ts'
import { DELIVERY_NAMES } from '../publication.ts'
import { MAX_BUFFER, MAX_CLAIMS, signClaim } from './claims.ts'

const claim = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    group: fc.string({ minLength: 1, maxLength: 160 }),
    buffer: fc.nat(MAX_BUFFER),
    issued: fc.maxSafeNat(),
  })
  .map((fields) => signClaim(fields, () => new Uint8Array(64).fill(7)))

const message: fc.Arbitrary<BroadcastMessage & { claims: object[] }> = fc.record(
  {
    group: fc.maxSafeNat().map((n) => n % SPACE),
    delivery: fc.constantFrom(...DELIVERY_NAMES),
    message: fc.constant(undefined),
    claims: fc.array(claim, { maxLength: MAX_CLAIMS }),
  },
  { noNullPrototype: true },
)

test('claims travel under every delivery, within the size foretold, and their owners are said to have signed them', () => {
  travels(broadcastCodec, message, ({ claims = [] }) => claims.map(({ id }) => `buffer/1 ${id}`))
})

test('damaged claims are Malformed, and never anything else', () => survivesDamage(broadcastCodec, message))

test('more claims than a message carries, and claims of no delivery, are refused', () => {
  const [one] = fc.sample(claim, 1) as [ReturnType<typeof signClaim>]
  const many = { group: 1, delivery: 'bimodal', message: undefined, claims: Array(MAX_CLAIMS + 1).fill(one) } as const
  const reason = (bytes: Uint8Array) => refusal(broadcastCodec, bytes)
  assert.equal(reason(broadcastCodec.encode(many)), 'buffer-claims')
  const bytes = broadcastCodec.encode({ ...many, claims: [one] })
  bytes[8] = DELIVERY_NAMES.length
  assert.equal(reason(bytes), 'broadcast-delivery')
  assert.equal(reason(bytes.subarray(0, 8)), 'broadcast-delivery')
})
