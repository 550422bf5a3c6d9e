import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { survivesDamage } from '../../../core/codec.fixture.ts'
import { Malformed } from '../../../core/malformed.ts'
import { positionOf, SPACE } from '../../../core/position.ts'
import type { Signed } from '../../../core/signed.ts'
import { compose } from '../publication.ts'
import { MAX_WEIGHT, MILLION } from './belief.ts'
import { type ReliableMessage, reliableCodec, SEQUENCES } from './codec.ts'
import { MAX_BRANCH, MAX_COPIES } from './plan.ts'
import { ReliableFrameSchema } from './reliable_pb.ts'
import { MAX_CLAIMS, reportOf } from './report.ts'
import { MAX_DISTORTION } from './view.ts'

/** As decoded messages are: with a prototype. */
const PLAIN = { noNullPrototype: true }
const id = fc.stringMatching(/^[A-Za-z0-9]{1,20}$/)
const position = fc.integer({ min: 0, max: SPACE - 1 })
const estimate = fc.record(
  { rate: fc.integer({ min: 0, max: MILLION }), weight: fc.integer({ min: 0, max: MAX_WEIGHT }) },
  PLAIN,
)
const claim = fc.record({ peer: position, link: estimate, process: estimate }, PLAIN)
const report = fc
  .tuple(id, fc.nat(), estimate, fc.uniqueArray(claim, { maxLength: MAX_CLAIMS, selector: ({ peer }) => peer }))
  .map(([origin, issued, process, claims]) =>
    reportOf({ id: origin, position: positionOf(origin) }, issued, process, claims),
  )
const relayed = fc.record({ report, distortion: fc.nat(MAX_DISTORTION) }, PLAIN)
const heartbeat = fc.record(
  {
    kind: fc.constant('heartbeat' as const),
    sequence: fc.integer({ min: 0, max: SEQUENCES - 1 }),
    reports: fc.uniqueArray(relayed, { maxLength: 6, selector: (one) => one.report.origin }),
  },
  PLAIN,
)
const publication = fc
  .tuple(id, fc.integer({ min: 1, max: 2 ** 40 }), fc.uint8Array({ maxLength: 200 }))
  .map(([publisher, sequence, payload]) =>
    compose({ publisher, sequence, published: 5, topic: 'news', delivery: 'reliable', payload }),
  )
/** A chain: sizes n, n - 1, ..., 1. */
const branch = fc.uniqueArray(position, { minLength: 1, maxLength: 20 }).chain((positions) => {
  const { length } = positions
  const copies = fc.array(fc.integer({ min: 1, max: MAX_COPIES }), { minLength: length, maxLength: length })
  const sizes = fc.constant(positions.map((_, i) => length - i))
  return fc.record({ positions: fc.constant(positions), copies, sizes }, PLAIN)
})
const data = fc.record({ kind: fc.constant('data' as const), publication, branch }, PLAIN)
const acknowledgement = fc.record(
  {
    kind: fc.constant('acknowledgement' as const),
    publisher: position,
    sequence: fc.integer({ min: 1, max: 2 ** 40 }),
  },
  PLAIN,
)
const message: fc.Arbitrary<ReliableMessage> = fc.oneof(heartbeat, data, acknowledgement)

test('what is encoded is decoded the same, within the size that is counted, and every signature is claimed', () => {
  fc.assert(
    fc.property(message, (original) => {
      const bytes = reliableCodec.encode(original)
      const claims: Signed[] = []
      assert.deepEqual(reliableCodec.decode(bytes, claims), original)
      assert.ok(bytes.length <= reliableCodec.size(original), `${bytes.length} of ${reliableCodec.size(original)}`)
      const signed = original.kind === 'heartbeat' ? original.reports.length : original.kind === 'data' ? 1 : 0
      assert.equal(claims.length, signed)
    }),
  )
})

test('damaged frames are read or refused, nothing else', () => {
  survivesDamage(reliableCodec, message)
})

test('plans that would flood are refused: too many copies, too large a branch, one that is none', () => {
  const record = compose({
    publisher: 'p',
    sequence: 1,
    published: 5,
    topic: 'news',
    payload: new Uint8Array(0),
  }).record
  const frame = (positions: number[], copies: number[], sizes: number[]) => {
    const value = { record, positions: positions.map(BigInt), copies, sizes }
    return toBinary(ReliableFrameSchema, create(ReliableFrameSchema, { message: { case: 'data', value } }))
  }
  const decode = (bytes: Uint8Array) => reliableCodec.decode(bytes, [])
  assert.equal(decode(frame([1, 2], [1, MAX_COPIES], [2, 1])).kind, 'data')
  const many = Array.from({ length: MAX_BRANCH + 1 }, (_, i) => i)
  const refused: [string, Uint8Array][] = [
    ['branch-copies', frame([1, 2], [1, MAX_COPIES + 1], [2, 1])],
    ['branch-copies', frame([1, 2], [1, 0], [2, 1])],
    [
      'branch-size',
      frame(
        many,
        many.map(() => 1),
        many.map((i) => many.length - i),
      ),
    ],
    ['branch-size', frame([1, 2], [1], [2, 1])],
    ['branch-size', frame([], [], [])],
    ['branch-shape', frame([1, 2], [1, 1], [2, 2])],
    ['branch-position', frame([1, 1], [1, 1], [2, 1])],
    ['branch-position', frame([1, SPACE], [1, 1], [2, 1])],
  ]
  for (const [reason, bytes] of refused) {
    assert.throws(
      () => decode(bytes),
      (error) => error instanceof Malformed && error.reason === reason,
      reason,
    )
  }
})
