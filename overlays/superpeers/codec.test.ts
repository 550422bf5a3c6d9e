import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../core/codec.fixture.ts'
import { anyDescriptor } from '../../core/descriptor.fixture.ts'
import { describe, descriptorToWire } from '../../core/descriptor.ts'
import { superPeersCodec } from './codec.ts'
import { type Known, MAX_CAPACITY, MAX_KNOWN_AGE, MAX_KNOWN_SENT, type SuperPeersMessage } from './messages.ts'
import { Kind, SuperPeersMessageSchema } from './superpeers_pb.ts'

const clients = fc.nat(MAX_CAPACITY)
const known: fc.Arbitrary<readonly Known[]> = fc.array(
  fc
    .record({ peer: anyDescriptor, room: fc.nat(MAX_CAPACITY), age: fc.nat(MAX_KNOWN_AGE) })
    .map((one) => ({ id: one.peer.id, ...one })),
  { maxLength: MAX_KNOWN_SENT },
)
const message: fc.Arbitrary<SuperPeersMessage> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('gossip' as const, 'answer' as const),
    superPeer: fc.boolean(),
    clients,
    known,
    spare: fc.option(anyDescriptor, { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom('accepted' as const, 'refused' as const), clients, known }),
  fc.record({ kind: fc.constant('move' as const), to: anyDescriptor }),
  fc.record({ kind: fc.constantFrom('join' as const, 'leave' as const, 'promote' as const) }),
)

const malformed = (bytes: Uint8Array) => refusal(superPeersCodec, bytes)

test('what is encoded is decoded the same, within the size foretold, and every descriptor is claimed', () => {
  travels(superPeersCodec, message, (original) => {
    const told = 'known' in original ? original.known.map(({ peer }) => peer) : []
    const other = original.kind === 'move' ? original.to : 'spare' in original ? original.spare : undefined
    return [...told, ...(other ? [other] : [])].map(({ id }) => `descriptor/1 ${id}`)
  })
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(superPeersCodec, message, 300)
})

test('limits are refused with their reason', () => {
  const peer = descriptorToWire(describe({ id: 'a', addresses: [], sequence: 1, issued: 0 }))
  const one = { peer, room: MAX_CAPACITY, age: MAX_KNOWN_AGE }
  const wire = (fields: object) =>
    malformed(toBinary(SuperPeersMessageSchema, create(SuperPeersMessageSchema, { kind: Kind.GOSSIP, ...fields })))
  assert.equal(wire({ known: Array.from({ length: MAX_KNOWN_SENT }, () => one), clients: MAX_CAPACITY }), 'accepted')
  assert.equal(wire({ known: Array.from({ length: MAX_KNOWN_SENT + 1 }, () => one) }), 'superpeers-known')
  assert.equal(wire({ known: [{ ...one, age: MAX_KNOWN_AGE + 1 }] }), 'superpeers-age')
  assert.equal(wire({ known: [{ ...one, room: MAX_CAPACITY + 1 }] }), 'superpeers-room')
  assert.equal(wire({ known: [{ room: 1, age: 1 }] }), 'superpeers-peer')
  assert.equal(wire({ clients: MAX_CAPACITY + 1 }), 'superpeers-clients')
  assert.equal(wire({ kind: Kind.MOVE }), 'superpeers-move')
  assert.equal(wire({ kind: Kind.UNSPECIFIED }), 'superpeers-kind')
  assert.equal(wire({ kind: 77 as Kind }), 'superpeers-kind')
  assert.equal(malformed(new Uint8Array([0xff, 0xff])), 'superpeers')
})
