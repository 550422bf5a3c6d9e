import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { survivesDamage, travels } from '../../../core/codec.fixture.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import { PublicationBodySchema } from '../broadcast_pb.ts'
import { compose, DELIVERY_NAMES, PRIORITIES, type Publication } from '../publication.ts'
import { asRuns } from '../runs.ts'
import { BimodalFrameSchema } from './bimodal_pb.ts'
import { type BimodalMessage, bimodalCodec, type Holding } from './codec.ts'

const MAX = Number.MAX_SAFE_INTEGER
const position = fc.maxSafeNat().map((n) => n % SPACE)
const topic = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }).filter((text) => text.length <= 128)

function wellFormed<T extends Pick<Publication, 'previous' | 'sequence' | 'part' | 'parts'>>(fields: T): T {
  return { ...fields, previous: fields.previous % fields.sequence, part: fields.part % fields.parts }
}

const publication: fc.Arbitrary<Publication> = fc
  .record({
    publisher: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    sequence: fc.integer({ min: 1, max: MAX }),
    previous: fc.maxSafeNat(),
    previousTtl: fc.nat(3_600_000),
    elapsed: fc.nat(0xffff_ffff),
    published: fc.maxSafeNat(),
    topic,
    delivery: fc.constantFrom(...DELIVERY_NAMES),
    ttl: fc.nat(3_600_000),
    priority: fc.constantFrom(...PRIORITIES),
    parts: fc.integer({ min: 1, max: 32 }),
    part: fc.nat(31),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map((fields) => compose(wellFormed(fields), () => new Uint8Array(64).fill(7)))

const holdings = (settled: fc.Arbitrary<number>): fc.Arbitrary<Holding[]> =>
  fc.uniqueArray(
    fc.record({
      publisher: position,
      settled,
      runs: fc
        .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 })
        .map((numbers) => asRuns(numbers.sort((a, b) => b - a))),
    }),
    { selector: ({ publisher }) => publisher, minLength: 1, maxLength: 20 },
  )

const message: fc.Arbitrary<BimodalMessage> = fc
  .oneof(
    fc.record({ kind: fc.constant('data' as const), publication, until: fc.option(position, { nil: undefined }) }),
    fc.record({
      kind: fc.constant('digest' as const),
      round: fc.maxSafeNat(),
      answers: fc.option(fc.maxSafeNat(), { nil: undefined }),
      partial: fc.boolean(),
      holdings: holdings(fc.maxSafeNat()),
    }),
    fc.record({ kind: fc.constant('pull' as const), round: fc.maxSafeNat(), holdings: holdings(fc.constant(0)) }),
    fc.record({
      kind: fc.constantFrom('have' as const, 'want' as const),
      holdings: holdings(fc.constant(0)).map((some) => some.slice(0, 5)),
    }),
  )
  .map((made) => structuredClone(made)) // without the null prototypes of fast-check's records

test('what is encoded is decoded the same, within the size foretold, and all that is signed is claimed', () => {
  travels(bimodalCodec, message, (original) =>
    original.kind === 'data' ? [`broadcast/2 ${original.publication.publisher}`] : [],
  )
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(bimodalCodec, message, 400)
})

type Fields = Partial<Parameters<typeof create<typeof PublicationBodySchema>>[1]>

function data(fields: Fields, signature = new Uint8Array(64)): Uint8Array {
  const defaults = { publisher: 'n1', sequence: 5n, published: 1n, back: 1n, topic: 't', payload: new Uint8Array(1) }
  const body = toBinary(PublicationBodySchema, create(PublicationBodySchema, { ...defaults, ...fields } as never))
  return frame({ case: 'data', value: { record: { body, signature } } })
}

function frame(message: unknown): Uint8Array {
  return toBinary(BimodalFrameSchema, create(BimodalFrameSchema, { message } as never))
}

function list(kind: 'digest' | 'pull', ...runs: bigint[][]): Uint8Array {
  const value = { round: 1n, holdings: runs.map((run, i) => ({ publisher: BigInt(i), settled: 0n, runs: run })) }
  return frame({ case: kind, value })
}

test('each limit has its reason', () => {
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), 'bimodal-kind'],
    [frame({ case: 'data', value: {} }), 'publication-record'],
    [frame({ case: 'data', value: { record: {} } }), 'publication-size'],
    [frame({ case: 'data', value: { record: { body: new Uint8Array(60_000) } } }), 'publication-size'],
    [data({}, new Uint8Array(513)), 'publication-signature'],
    [data({ publisher: '../etc' }), 'id'],
    [data({ topic: '' }), 'publication-topic'],
    [data({ topic: 'x'.repeat(129) }), 'publication-topic'],
    [data({ payload: new Uint8Array(48 * 1024 + 1) }), 'publication-payload'],
    [data({ sequence: 0n }), 'publication-sequence'],
    [data({ sequence: 2n ** 53n }), 'publication-sequence'],
    [data({ back: 5n }), 'publication-previous'],
    [data({ published: 2n ** 60n }), 'publication-time'],
    [data({ delivery: 200 }), 'publication-delivery'],
    [data({ priority: 3 }), 'publication-priority'],
    [data({ ttl: 3_600_001 }), 'publication-ttl'],
    [data({ parts: 33 }), 'publication-parts'],
    [data({ parts: 1 }), 'publication-parts'],
    [data({ parts: 4, part: 4 }), 'publication-parts'],
    [data({ part: 1 }), 'publication-parts'],
    [
      frame({ case: 'data', value: { record: { body: new Uint8Array([255]) }, until: BigInt(SPACE) } }),
      'bimodal-interval',
    ],
    [frame({ case: 'data', value: { record: { body: new Uint8Array([255]) } } }), 'publication'],
    [list('digest', [5n]), 'digest-runs'],
    [list('digest', []), 'digest-runs'],
    [list('digest', [5n, 6n]), 'digest-runs'],
    [list('digest', [5n, 1n, 1n, 1n]), 'digest-runs'], // touches the run above
    [list('digest', ...Array.from({ length: 257 }, () => [5n, 1n])), 'digest-holdings'],
    [list('digest', ...Array.from({ length: 129 }, () => [9n, 1n, 2n, 1n])), 'digest-runs'],
    [list('pull', [300n, 257n]), 'pull-ids'],
    [list('pull'), 'pull-ids'],
  ]
  for (const [bytes, reason] of cases) {
    assert.throws(
      () => bimodalCodec.decode(bytes, []),
      (error) => error instanceof Malformed && error.reason === reason,
      reason,
    )
  }
  assert.equal(bimodalCodec.decode(list('pull', [300n, 256n]), []).kind, 'pull')
  assert.equal(bimodalCodec.decode(data({ payload: new Uint8Array(48 * 1024) }), []).kind, 'data')
})

test('a decoded publication does not keep the frame alive that it came in', () => {
  const decoded = bimodalCodec.decode(data({ payload: new Uint8Array(100) }), [])
  assert.ok(decoded.kind === 'data')
  const { payload, record } = decoded.publication
  assert.equal(record.body.buffer.byteLength, record.body.length)
  assert.equal(payload.buffer, record.body.buffer)
})
