import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { survivesDamage } from '../../core/codec.fixture.ts'
import { anyDescriptor } from '../../core/descriptor.fixture.ts'
import { describe } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import { SPACE } from '../../core/position.ts'
import { type GroupMessage, type GroupsMessage, groupsCodec, MAX_HOPS, MAX_PEERS } from './codec.ts'

const round = fc
  .record({
    kind: fc.constantFrom('offer' as const, 'answer' as const),
    round: fc.nat(0xffff_ffff),
    body: fc.array(anyDescriptor, { maxLength: 5 }),
  })
  .map(({ kind, round, body }) => ({ kind, round, body }))

const said: fc.Arbitrary<GroupMessage> = fc.oneof(
  fc.boolean().map((asks) => ({ kind: 'member' as const, asks })),
  fc.constant({ kind: 'stranger' as const }),
  fc
    .tuple(anyDescriptor, fc.nat(MAX_HOPS), fc.boolean())
    .map(([member, hops, across]) => ({ kind: 'register' as const, member, hops, across })),
  fc.array(anyDescriptor, { maxLength: MAX_PEERS }).map((peers) => ({ kind: 'members' as const, peers })),
  round.map((one) => ({ kind: 'ring' as const, round: one })),
)

const message: fc.Arbitrary<GroupsMessage> = fc
  .tuple(
    fc.maxSafeNat().map((n) => n % SPACE),
    said,
  )
  .map(([group, one]) => ({ group, message: one }))

test('what is encoded is decoded the same, within the size foretold', () => {
  fc.assert(
    fc.property(message, (original) => {
      const bytes = groupsCodec.encode(original)
      assert.ok(bytes.length <= groupsCodec.size(original), `${bytes.length} > ${groupsCodec.size(original)}`)
      assert.deepEqual(groupsCodec.decode(bytes, []), original)
    }),
  )
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(groupsCodec, message)
})

test('limits are refused with their reason', () => {
  const peer = describe({ id: 'a', addresses: [], sequence: 1, issued: 1 })
  const cases: [GroupMessage, number, string][] = [
    [{ kind: 'register', member: peer, hops: MAX_HOPS + 1, across: false }, 1, 'groups-hops'],
    [{ kind: 'members', peers: Array.from({ length: MAX_PEERS + 1 }, () => peer) }, 1, 'groups-peers'],
    [{ kind: 'stranger' }, SPACE, 'groups-group'],
  ]
  for (const [one, group, reason] of cases) {
    const bytes = groupsCodec.encode({ group, message: one })
    assert.throws(
      () => groupsCodec.decode(bytes, []),
      (error) => error instanceof Malformed && error.reason === reason,
    )
  }
})
