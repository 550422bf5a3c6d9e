import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../core/codec.fixture.ts'
import { anyDescriptor } from '../../core/descriptor.fixture.ts'
import { describe, descriptorToWire } from '../../core/descriptor.ts'
import { MembershipMessageSchema } from './membership_pb.ts'
import { MAX_RUMORS, type MembershipMessage, membershipCodec } from './messages.ts'

const nonce = fc.nat(0xffff_ffff)
const message: fc.Arbitrary<MembershipMessage> = fc
  .oneof(
    fc.record({
      kind: fc.constantFrom('ping' as const, 'pong' as const),
      nonce,
      dead: fc.array(fc.record({ id: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/), sequence: fc.maxSafeNat() }), {
        maxLength: MAX_RUMORS,
      }),
    }),
    fc.record({ kind: fc.constant('request' as const), nonce, target: anyDescriptor }),
    fc.record({ kind: fc.constant('result' as const), nonce, alive: fc.boolean() }),
    fc.record({ kind: fc.constant('goodbye' as const) }),
  )
  .map((made) => structuredClone(made)) // without the null prototypes of fast-check's records

const malformed = (bytes: Uint8Array) => refusal(membershipCodec, bytes)

test('what is encoded is decoded the same, within the size foretold, and every descriptor is claimed', () => {
  travels(membershipCodec, message, (original) =>
    original.kind === 'request' ? [`descriptor/1 ${original.target.id}`] : [],
  )
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(membershipCodec, message, 400)
})

test('limits are refused with their reason', () => {
  const wire = (kind: MessageInitShape<typeof MembershipMessageSchema>['kind'] & {}) =>
    malformed(toBinary(MembershipMessageSchema, create(MembershipMessageSchema, { kind })))
  const dead = (count: number, id = 'a', sequence = 1n) => Array.from({ length: count }, () => ({ id, sequence }))
  const target = descriptorToWire(describe({ id: 'a', addresses: [], sequence: 1, issued: 0 }))
  for (const kind of ['ping', 'pong'] as const) {
    assert.equal(wire({ case: kind, value: { nonce: 1, dead: dead(MAX_RUMORS) } }), 'accepted')
    assert.equal(wire({ case: kind, value: { nonce: 1, dead: dead(MAX_RUMORS + 1) } }), 'membership-rumors')
    assert.equal(wire({ case: kind, value: { dead: dead(1, 'no id!') } }), 'id')
    assert.equal(wire({ case: kind, value: { dead: dead(1, 'a', 2n ** 60n) } }), 'membership-sequence')
  }
  assert.equal(wire({ case: 'request', value: { nonce: 1, target } }), 'accepted')
  assert.equal(wire({ case: 'request', value: { nonce: 1 } }), 'membership-target')
  assert.equal(malformed(new Uint8Array(0)), 'membership-kind')
  assert.equal(malformed(new Uint8Array([0xff, 0xff])), 'membership')
})
