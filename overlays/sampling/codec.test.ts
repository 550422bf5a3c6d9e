import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../core/codec.fixture.ts'
import { anyDescriptor } from '../../core/descriptor.fixture.ts'
import { describe, descriptorToWire } from '../../core/descriptor.ts'
import { type SamplingMessage, samplingCodec } from './codec.ts'
import { MAX_AGE } from './held.ts'
import { MAX_SAMPLE } from './sampling.ts'
import { SamplingMessageSchema } from './sampling_pb.ts'

const message: fc.Arbitrary<SamplingMessage> = fc
  .record({
    kind: fc.constantFrom('offer' as const, 'answer' as const),
    round: fc.nat(0xffff_ffff),
    body: fc.array(
      fc.record({ peer: anyDescriptor, age: fc.nat(MAX_AGE) }).map(({ peer, age }) => ({ id: peer.id, peer, age })),
      { maxLength: MAX_SAMPLE },
    ),
  })
  .map(({ kind, round, body }) => ({ kind, round, body }))

const malformed = (bytes: Uint8Array) => refusal(samplingCodec, bytes)

test('what is encoded is decoded the same, within the size foretold, and every descriptor is claimed', () => {
  travels(samplingCodec, message, ({ body }) => body.map(({ id }) => `descriptor/1 ${id}`))
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(samplingCodec, message, 400)
})

test('limits are refused with their reason', () => {
  const peer = descriptorToWire(describe({ id: 'a', addresses: [], sequence: 1, issued: 0 }))
  const wire = (entries: { peer?: typeof peer; age: number }[]) =>
    malformed(toBinary(SamplingMessageSchema, create(SamplingMessageSchema, { round: 1, entries })))
  assert.equal(wire([{ peer, age: MAX_AGE }]), 'accepted')
  assert.equal(wire([{ peer, age: MAX_AGE + 1 }]), 'sampling-age')
  assert.equal(wire([{ age: 1 }]), 'sampling-peer')
  assert.equal(wire(Array.from({ length: MAX_SAMPLE }, () => ({ peer, age: 0 }))), 'accepted')
  assert.equal(wire(Array.from({ length: MAX_SAMPLE + 1 }, () => ({ peer, age: 0 }))), 'sampling-entries')
  assert.equal(malformed(new Uint8Array([0xff, 0xff])), 'sampling')
})
