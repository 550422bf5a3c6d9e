import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../core/codec.fixture.ts'
import { anyDescriptor } from '../../core/descriptor.fixture.ts'
import { describe, descriptorToWire } from '../../core/descriptor.ts'
import { DescriptorSchema } from '../../core/descriptor_pb.ts'
import { type TManMessage, tmanCodec } from './codec.ts'
import { MAX_RANKED } from './tman.ts'
import { TManMessageSchema } from './tman_pb.ts'

const message: fc.Arbitrary<TManMessage> = fc
  .record({
    kind: fc.constantFrom('offer' as const, 'answer' as const),
    round: fc.nat(0xffff_ffff),
    body: fc.array(anyDescriptor, { maxLength: MAX_RANKED }),
  })
  .map(({ kind, round, body }) => ({ kind, round, body }))

const malformed = (bytes: Uint8Array) => refusal(tmanCodec, bytes)

test('what is encoded is decoded the same, within the size foretold, and every descriptor is claimed', () => {
  travels(tmanCodec, message, ({ body }) => body.map(({ id }) => `descriptor/1 ${id}`))
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(tmanCodec, message, 400)
})

test('limits are refused with their reason', () => {
  const peer = descriptorToWire(describe({ id: 'a', addresses: [], sequence: 1, issued: 0 }))
  const wire = (count: number, first = peer) => {
    const peers = [first, ...Array.from({ length: count - 1 }, () => peer)]
    return malformed(toBinary(TManMessageSchema, create(TManMessageSchema, { round: 1, peers })))
  }
  assert.equal(wire(MAX_RANKED), 'accepted')
  assert.equal(wire(MAX_RANKED + 1), 'tman-peers')
  assert.equal(wire(2, create(DescriptorSchema, { body: new Uint8Array(0) })), 'descriptor-size')
  assert.equal(malformed(new Uint8Array([0xff, 0xff])), 'tman')
})
