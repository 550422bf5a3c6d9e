import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { survivesDamage, travels } from '../../../core/codec.fixture.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import { compose } from '../publication.ts'
import { asRuns } from '../runs.ts'
import { AnonymousFrameSchema } from './anonymous_pb.ts'
import { type AnonymousMessage, anonymousCodec } from './codec.ts'

const position = fc.maxSafeNat().map((n) => n % SPACE)

const publication = fc
  .record({
    publisher: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    published: fc.maxSafeNat(),
    topic: fc.string({ minLength: 1, maxLength: 64 }),
    delivery: fc.constant('anonymous' as const),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map((fields) => compose(fields, () => new Uint8Array(64).fill(7)))

const holdings = fc.uniqueArray(
  fc.record({
    publisher: position,
    settled: fc.maxSafeNat(),
    runs: fc
      .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 })
      .map((numbers) => asRuns(numbers.sort((a, b) => b - a))),
  }),
  { selector: ({ publisher }) => publisher, maxLength: 20 },
)

const message: fc.Arbitrary<AnonymousMessage> = fc
  .oneof(
    fc.record({ kind: fc.constant('flood' as const), publication }),
    fc.record({
      kind: fc.constant('walk' as const),
      number: position,
      hops: fc.nat(16),
      partial: fc.boolean(),
      holdings,
    }),
    fc.record({ kind: fc.constant('answer' as const), walk: position, publication }),
  )
  .map((made) => structuredClone(made)) // without the null prototypes of fast-check's records

test('what is encoded is decoded the same, within the size foretold, and all that is signed is claimed', () => {
  travels(anonymousCodec, message, (original) =>
    original.kind === 'walk' ? [] : [`broadcast/2 ${original.publication.publisher}`],
  )
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(anonymousCodec, message, 400)
})

function frame(message: unknown): Uint8Array {
  return toBinary(AnonymousFrameSchema, create(AnonymousFrameSchema, { message } as never))
}

test('each limit has its reason', () => {
  const holding = { publisher: 1n, settled: 0n, runs: [5n, 1n] }
  const many = Array.from({ length: 129 }, () => [2n, 1n]).flat()
  const walk = (fields: object) =>
    frame({ case: 'walk', value: { number: 1n, hops: 3, holdings: [holding], ...fields } })
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), 'anonymous-kind'],
    [frame({ case: 'flood', value: {} }), 'publication-record'],
    [frame({ case: 'answer', value: { walk: BigInt(SPACE) } }), 'walk-number'],
    [walk({ number: BigInt(SPACE) }), 'walk-number'],
    [walk({ hops: 17 }), 'walk-hops'],
    [walk({ holdings: [holding, holding] }), 'walk-publisher'],
    [walk({ holdings: [{ ...holding, runs: [5n] }] }), 'walk-runs'],
    [
      walk({ holdings: Array.from({ length: 257 }, (_, i) => ({ ...holding, publisher: BigInt(i) })) }),
      'walk-holdings',
    ],
    [walk({ holdings: [1n, 2n].map((publisher) => ({ publisher, runs: [999n, 1n, ...many] })) }), 'walk-runs'],
  ]
  for (const [bytes, reason] of cases) {
    assert.throws(
      () => anonymousCodec.decode(bytes, []),
      (error) => error instanceof Malformed && error.reason === reason,
      reason,
    )
  }
  assert.equal(anonymousCodec.decode(walk({ hops: 16 }), []).kind, 'walk')
})
