import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../core/codec.fixture.ts'
import { type SlicesMessage, slicesCodec } from './codec.ts'
import { MAX_VALUES } from './slices.ts'
import { SlicesMessageSchema } from './slices_pb.ts'
import { signValue, valueToWire } from './value.ts'

const value = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    attribute: fc.stringMatching(/^[a-z_][a-z0-9_]{0,63}$/),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    issued: fc.maxSafeNat(),
  })
  .map((fields) => signValue({ ...fields }, () => new Uint8Array(64).fill(7)))

const message: fc.Arbitrary<SlicesMessage> = fc.oneof(
  fc.nat(0xffff_ffff).map((round) => ({ kind: 'offer' as const, round, body: null })),
  fc
    .tuple(fc.nat(0xffff_ffff), fc.array(value, { maxLength: MAX_VALUES }))
    .map(([round, body]) => ({ kind: 'answer' as const, round, body })),
)

const malformed = (bytes: Uint8Array) => refusal(slicesCodec, bytes)

test('what is encoded is decoded the same, within the size foretold, and every value is claimed by its owner', () => {
  travels(slicesCodec, message, (original) => (original.body ?? []).map(({ id }) => `slice-value/1 ${id}`))
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(slicesCodec, message)
})

test('limits are refused with their reason', () => {
  const fields = { id: 'a', attribute: 'load', value: 1, issued: 5 }
  const good = valueToWire(signValue(fields))
  const wire = (values: (typeof good)[], answer = true) =>
    malformed(toBinary(SlicesMessageSchema, create(SlicesMessageSchema, { round: 1, answer, values })))
  assert.equal(wire(Array.from({ length: MAX_VALUES }, () => good)), 'accepted')
  assert.equal(wire(Array.from({ length: MAX_VALUES + 1 }, () => good)), 'slices-values')
  assert.equal(wire([good], false), 'slices-values') // whoever asks tells nothing
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.equal(wire([valueToWire(signValue({ ...fields, value }))]), 'slices-value')
  }
  assert.equal(wire([valueToWire(signValue({ ...fields, attribute: 'No name' }))]), 'slices-attribute')
  assert.equal(wire([valueToWire(signValue({ ...fields, id: 'no id!' }))]), 'id')
  assert.equal(wire([{ ...good, body: new Uint8Array(193) }]), 'slices-value-size')
  assert.equal(wire([{ ...good, signature: new Uint8Array(513) }]), 'slices-signature')
  assert.equal(malformed(new Uint8Array([0xff, 0xff])), 'slices')
})
