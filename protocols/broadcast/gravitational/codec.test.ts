import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { survivesDamage, travels } from '../../../core/codec.fixture.ts'
import { describe } from '../../../core/descriptor.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import { compose } from '../publication.ts'
import { type GravitationalMessage, gravitationalCodec } from './codec.ts'
import { GravitationalFrameSchema } from './gravitational_pb.ts'

const position = fc.maxSafeNat().map((n) => n % SPACE)
const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 32 })
const word = fc.nat(0xffff_ffff)
const version = fc.nat(255)
const id = fc.stringMatching(/^[A-Za-z0-9]{1,64}$/)
const signature = () => new Uint8Array(64).fill(7)

const publication = fc
  .record({
    publisher: id,
    sequence,
    published: fc.maxSafeNat(),
    topic: fc.string({ minLength: 1, maxLength: 64 }),
    subgroup: fc.string({ maxLength: 64 }),
    delivery: fc.constant('gravitational' as const),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map((fields) => compose(fields, signature))

const standing = fc.record({
  rest: fc.nat(255),
  named: fc
    .uniqueArray(fc.tuple(word, fc.nat(255)), { selector: ([subgroup]) => subgroup, maxLength: 50 })
    .map((named) => new Map(named.sort(([a], [b]) => a - b))),
})

const message: fc.Arbitrary<GravitationalMessage> = fc
  .oneof(
    fc.record({
      kind: fc.constant('announce' as const),
      version,
      publisher: position,
      sequence,
      after: fc.nat(31),
      subgroup: word,
    }),
    fc.record({ kind: fc.constant('want' as const), version, publisher: position, sequence }),
    fc.record({ kind: fc.constant('data' as const), version, publication }),
    fc.record({
      kind: fc.constant('ratings' as const),
      version,
      ask: fc.boolean(),
      standing: fc.option(standing, { nil: undefined }),
      have: fc.option(version, { nil: undefined }),
      poor: fc.array(word, { maxLength: 32 }),
      mates: fc.array(
        id.map((id) => describe({ id, addresses: ['/ip4/10.0.0.1/tcp/1'], sequence: 1, issued: 5 }, signature)),
        { maxLength: 8 },
      ),
    }),
  )
  .map((made) => structuredClone(made)) // without the null prototypes of fast-check's records

test('what is encoded is decoded the same, within the size foretold, and all that is signed is claimed', () => {
  travels(gravitationalCodec, message, (original) => {
    if (original.kind === 'data') return [`broadcast/2 ${original.publication.publisher}`]
    return original.kind === 'ratings' ? original.mates.map(({ id }) => `descriptor/1 ${id}`) : []
  })
})

test('mutated, truncated and random bytes: a message that can be passed on, or Malformed, never anything else', () => {
  survivesDamage(gravitationalCodec, message, 400)
})

function frame(message: unknown, version = 0): Uint8Array {
  return toBinary(GravitationalFrameSchema, create(GravitationalFrameSchema, { message, version } as never))
}

test('each limit has its reason', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => i)
  const ratings = (fields: object) => frame({ case: 'ratings', value: fields })
  const announce = (fields: object) => frame({ case: 'announce', value: { publisher: 1n, sequence: 1n, ...fields } })
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), 'gravitational-kind'],
    [frame({ case: 'want', value: { sequence: 1n } }, 256), 'gravitational-version'],
    [frame({ case: 'want', value: {} }), 'gravitational-sequence'],
    [frame({ case: 'want', value: { publisher: BigInt(SPACE), sequence: 1n } }), 'gravitational-publisher'],
    [announce({ after: 32 }), 'announce-parts'],
    [frame({ case: 'data', value: {} }), 'publication-record'],
    [ratings({ rest: 256 }), 'ratings-rest'],
    [ratings({ subgroups: many(1025), named: new Uint8Array(1025) }), 'ratings-subgroups'],
    [ratings({ subgroups: [1, 2], named: new Uint8Array(1) }), 'ratings-subgroups'],
    [ratings({ subgroups: [2, 2], named: new Uint8Array(2) }), 'ratings-order'],
    [ratings({ poor: many(33) }), 'ratings-poor'],
    [ratings({ mates: many(9).map(() => ({})) }), 'ratings-mates'],
    [ratings({ told: true, rest: 1 }), 'ratings-told'],
    [ratings({ have: 256 }), 'ratings-version'],
  ]
  for (const [bytes, reason] of cases) {
    assert.throws(
      () => gravitationalCodec.decode(bytes, []),
      (error) => error instanceof Malformed && error.reason === reason,
      reason,
    )
  }
  const most = ratings({ subgroups: many(1024), named: new Uint8Array(1024) })
  assert.equal(gravitationalCodec.decode(most, []).kind, 'ratings')
})
