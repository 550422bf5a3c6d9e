import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { refusal, survivesDamage, travels } from '../../core/codec.fixture.ts'
import { beaconToWire, issueBeacon } from './beacon.ts'
import { treeCodec } from './codec.ts'
import { MAX_DEPTH, type TreeMessage } from './messages.ts'
import { Kind, TreeMessageSchema } from './tree_pb.ts'

const sign = () => new Uint8Array(64).fill(7)

const message: fc.Arbitrary<TreeMessage> = fc.oneof(
  fc.record({ kind: fc.constant('leave' as const), at: fc.maxSafeNat() }),
  fc.record({
    kind: fc.constantFrom(...(['hello', 'reply', 'join', 'accepted', 'refused', 'news'] as const)),
    at: fc.maxSafeNat(),
    position: fc.record({
      beacon: fc
        .tuple(fc.stringMatching(/^[A-Za-z0-9]{1,64}$/), fc.maxSafeNat())
        .map(([root, issued]) => issueBeacon(root, issued, sign)),
      distance: fc.nat(MAX_DEPTH),
    }),
    room: fc.boolean(),
  }),
)

const malformed = (bytes: Uint8Array) => refusal(treeCodec, bytes)

test('what is encoded is decoded the same, within the size foretold, and the beacon is claimed by its root', () => {
  travels(treeCodec, message, (original) =>
    original.kind === 'leave' ? [] : [`tree-beacon/1 ${original.position.beacon.root}`],
  )
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(treeCodec, message)
})

test('limits are refused with their reason', () => {
  const beacon = beaconToWire(issueBeacon('a', 5))
  const wire = (fields: object) =>
    malformed(toBinary(TreeMessageSchema, create(TreeMessageSchema, { kind: Kind.NEWS, at: 1n, beacon, ...fields })))
  assert.equal(wire({ distance: MAX_DEPTH }), 'accepted')
  assert.equal(wire({ distance: MAX_DEPTH + 1 }), 'tree-distance')
  assert.equal(wire({ kind: Kind.UNSPECIFIED }), 'tree-kind')
  assert.equal(wire({ kind: 99 as Kind }), 'tree-kind')
  assert.equal(wire({ at: 2n ** 60n }), 'tree-at')
  assert.equal(wire({ beacon: undefined }), 'tree-beacon')
  assert.equal(wire({ beacon: { ...beacon, body: new Uint8Array(97) } }), 'tree-beacon-size')
  assert.equal(wire({ beacon: { ...beacon, signature: new Uint8Array(513) } }), 'tree-beacon-signature')
  assert.equal(wire({ beacon: beaconToWire(issueBeacon('no id!', 5)) }), 'id')
  assert.equal(wire({ beacon: beaconToWire(issueBeacon('a'.repeat(65), 5)) }), 'id')
  assert.equal(malformed(new Uint8Array([0xff, 0xff])), 'tree')
})
