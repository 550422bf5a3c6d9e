import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import type { Codec } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Signed } from '../../core/signed.ts'
import { AggregationMessageSchema } from './aggregation_pb.ts'
import { type AggregationMessage, aggregationCodec } from './codec.ts'
import { sampleOf, samplesCodec } from './samples-codec.ts'

const round = fc.nat()
const value = fc.double({ min: -1e300, max: 1e300, noNaN: true })
const draw = fc.float({ min: Math.fround(1e-30), noNaN: true, noDefaultInfinity: true }).filter((one) => one > 0)
const key = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const keyed = (most: number) => fc.uniqueArray(fc.tuple(key, value), { maxLength: most, selector: ([one]) => one })
const shared = fc.record({
  epoch: fc.integer({ min: 0, max: 2 ** 45 }),
  draws: fc.array(draw, { maxLength: 100 }),
  minima: keyed(128).map((all) => new Map(all)),
})
const id = fc.integer({ min: 0, max: 2 ** 32 })
const message: fc.Arbitrary<AggregationMessage> = fc.oneof(
  fc.record({ round, shared, id, all: keyed(256) }).map(({ round, shared, id, all }) => ({
    kind: 'offer' as const,
    round,
    body: { ...shared, transfer: { id, keys: all.map(([one]) => one), values: all.map(([, one]) => one) } },
  })),
  fc
    .record({ round, shared, id, deltas: fc.array(value, { maxLength: 256 }) })
    .map(({ round, shared, id, deltas }) => ({
      kind: 'answer' as const,
      round,
      body: { ...shared, transfer: { id, deltas } },
    })),
)

/** Whatever the bytes: decoded, or Malformed, and nothing else. */
function decoded<M>(codec: Codec<M>, bytes: Uint8Array, claims: Signed[] = []): M | undefined {
  try {
    return codec.decode(bytes, claims)
  } catch (error) {
    assert.ok(error instanceof Malformed, String(error))
    return undefined
  }
}

describe('messages of the aggregation', () => {
  test('what is encoded comes back, and is not larger than its size says', () => {
    fc.assert(
      fc.property(message, (one) => {
        const bytes = aggregationCodec.encode(one)
        assert.deepEqual(aggregationCodec.decode(bytes, []), one)
        assert.ok(bytes.length <= aggregationCodec.size(one), `${bytes.length} > ${aggregationCodec.size(one)}`)
      }),
    )
  })

  test('of damaged and random bytes come numbers that are finite, in lists that are bounded, or nothing', () => {
    const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 4 })
    const damaged = fc.tuple(message, damage).map(([one, changes]) => {
      const bytes = aggregationCodec.encode(one)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (bytes) => {
        const found = decoded(aggregationCodec, bytes)
        if (found === undefined) return
        const { draws, minima, transfer } = found.body
        const values = 'keys' in transfer ? transfer.values : transfer.deltas
        assert.ok(values.length <= 256 && draws.length <= 1024 && minima.size <= 128)
        assert.ok([...values, ...draws, ...minima.values()].every(Number.isFinite))
        assert.ok(draws.every((one) => one > 0))
        if ('keys' in transfer) assert.equal(new Set(transfer.keys).size, transfer.values.length)
      }),
      { numRuns: 1000 },
    )
  })

  test('each limit: one more is refused, with its reason', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
    const cases: [Parameters<typeof create<typeof AggregationMessageSchema>>[1], string][] = [
      [{ keys: many(257), values: many(257) }, 'aggregation-values'],
      [{ keys: [1, 1], values: [1, 2] }, 'aggregation-keys'],
      [{ keys: [1], values: [1, 2] }, 'aggregation-keys'],
      [{ answer: true, keys: [1], values: [1] }, 'aggregation-keys'],
      [{ draws: many(1025) }, 'aggregation-draws'],
      [{ draws: [0] }, 'aggregation-draws'],
      [{ draws: [-1] }, 'aggregation-draws'],
      [{ draws: [Number.POSITIVE_INFINITY] }, 'aggregation-draws'],
      [{ minimumKeys: many(129), minima: many(129) }, 'aggregation-minima'],
      [{ minimumKeys: [1], minima: [Number.NaN] }, 'aggregation-minima'],
      [{ keys: [1], values: [Number.NaN] }, 'aggregation-values'],
      [{ keys: [1], values: [Number.MAX_VALUE] }, 'aggregation-values'],
      [{ epoch: 2n ** 60n }, 'aggregation-epoch'],
      [{ transfer: 2n ** 33n }, 'aggregation-transfer'],
    ]
    for (const [fields, reason] of cases) {
      const bytes = toBinary(AggregationMessageSchema, create(AggregationMessageSchema, fields))
      assert.throws(() => aggregationCodec.decode(bytes, []), { name: 'Malformed', reason })
    }
  })
})

describe('messages of samples', () => {
  const sign = (_type: string, body: Uint8Array) => body.slice(0, 8)
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })
  const numbers = (most: number) =>
    fc.uniqueArray(fc.tuple(key, number), { maxLength: most, selector: ([one]) => one }).map((all) => new Map(all))
  const texts = fc
    .uniqueArray(fc.tuple(key, fc.string({ unit: 'grapheme', maxLength: 20 })), {
      maxLength: 8,
      selector: ([one]) => one,
    })
    .map((all) => new Map(all.filter(([, text]) => text.length <= 64)))
  const sample = fc
    .tuple(fc.stringMatching(/^[A-Za-z0-9]{1,64}$/), fc.nat(), numbers(32), texts)
    .map(([id, now, values, said]) => sampleOf(id, now, values, { texts: said, sign }))
  const body = fc.record(
    { samples: fc.array(sample, { maxLength: 32 }), estimates: numbers(33) },
    { noNullPrototype: true },
  )

  test('what is encoded comes back, every sample as a claim of its signer', () => {
    fc.assert(
      fc.property(body, round, fc.constantFrom('offer' as const, 'answer' as const), (one, round, kind) => {
        const claims: Signed[] = []
        const bytes = samplesCodec.encode({ kind, round, body: one })
        assert.deepEqual(samplesCodec.decode(bytes, claims), { kind, round, body: one })
        assert.deepEqual(
          claims.map(({ signer }) => signer),
          one.samples.map(({ id }) => id),
        )
        assert.ok(claims.every(({ type }) => type === 'aggregation-sample/1'))
        assert.ok(bytes.length <= samplesCodec.size({ kind, round, body: one }))
      }),
    )
  })

  test('of damaged and random bytes come numbers that are finite, texts and lists that are bounded, or nothing', () => {
    const damage = fc.array(fc.tuple(fc.nat(8000), fc.nat(255)), { maxLength: 4 })
    const damaged = fc.tuple(body, damage).map(([one, changes]) => {
      const bytes = samplesCodec.encode({ kind: 'offer', round: 1, body: one })
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (bytes) => {
        const claims: Signed[] = []
        const found = decoded(samplesCodec, bytes, claims)
        if (found === undefined) return
        const { samples, estimates } = found.body
        assert.ok(samples.length <= 32 && estimates.size <= 33)
        assert.ok([...estimates.values()].every(Number.isFinite))
        assert.equal(claims.length, samples.length, 'nothing is believed that is not to be verified')
        for (const { values, texts } of samples) {
          assert.ok(values.size <= 32 && texts.size <= 8)
          assert.ok([...values.values()].every(Number.isFinite))
          assert.ok([...texts.values()].every((text) => text.length <= 64))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('each limit: one more is refused, with its reason', () => {
    const many = (count: number) => new Map(Array.from({ length: count }, (_, i) => [i, i]))
    const words = (count: number, text = 'x') => new Map(Array.from({ length: count }, (_, i) => [i, text]))
    const one = sampleOf('a', 1, many(1))
    const told = (samples: readonly (typeof one)[], estimates: ReadonlyMap<number, number> = new Map()) =>
      samplesCodec.decode(samplesCodec.encode({ kind: 'offer', round: 1, body: { samples, estimates } }), [])
    assert.throws(() => told(Array(33).fill(one)), { reason: 'samples-count' })
    assert.throws(() => told([], new Map([[1, Number.NaN]])), { reason: 'samples-estimates' })
    assert.throws(() => told([], many(34)), { reason: 'samples-estimates' })
    assert.throws(() => told([sampleOf('a', 1, new Map([[1, Number.NaN]]))]), { reason: 'sample-values' })
    assert.throws(() => told([sampleOf('a', 1, many(33))]), { reason: 'sample-values' })
    assert.throws(() => told([sampleOf('a', 1, many(0), { texts: words(9) })]), { reason: 'sample-texts' })
    assert.throws(() => told([sampleOf('a', 1, many(0), { texts: words(1, 'x'.repeat(65)) })]), {
      reason: 'sample-texts',
    })
    assert.throws(() => told([sampleOf('not an id', 1, many(1))]), { reason: 'id' })
  })
})
