import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { parse } from './codec.ts'
import {
  CLOCK_WINDOW,
  DESCRIPTOR_TYPE,
  describe,
  descriptorFromWire,
  descriptorSize,
  descriptorToWire,
  isFresh,
  MAX_DESCRIPTOR_AGE,
  type PeerDescriptor,
} from './descriptor.ts'
import { DescriptorBodySchema, DescriptorSchema } from './descriptor_pb.ts'
import { Malformed } from './malformed.ts'
import { positionOf } from './position.ts'
import type { Signed } from './signed.ts'

const encode = (descriptor: PeerDescriptor) => toBinary(DescriptorSchema, descriptorToWire(descriptor))

function decode(bytes: Uint8Array, claims: Signed[] = []): PeerDescriptor {
  return descriptorFromWire(
    parse('descriptor', () => fromBinary(DescriptorSchema, bytes)),
    claims,
  )
}

/** The reason for which these body fields are refused. */
function refusal(body: Parameters<typeof create<typeof DescriptorBodySchema>>[1], signature = new Uint8Array(64)) {
  const valid = { id: 'n1', addresses: ['/ip4/10.0.0.1/tcp/4001'], sequence: 1n, issued: 1n }
  const bytes = toBinary(DescriptorBodySchema, create(DescriptorBodySchema, { ...valid, ...body }))
  try {
    descriptorFromWire(create(DescriptorSchema, { body: bytes, signature }), [])
    return undefined
  } catch (error) {
    assert.ok(error instanceof Malformed, String(error))
    return error.reason
  }
}

const descriptors = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    addresses: fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 4 }),
    sequence: fc.maxSafeNat(),
    issued: fc.maxSafeNat(),
    attributes: fc.dictionary(
      fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0), // + 0 turns -0 into 0
      { maxKeys: 3, noNullPrototype: true },
    ),
  })
  .map((fields) => describe(fields, (_, body) => new Uint8Array(64).fill(body.length)))

suite('descriptor', () => {
  test('comes out of the wire as it went in, with one claim over exactly what its owner signed', () => {
    fc.assert(
      fc.property(descriptors, (descriptor) => {
        const claims: Signed[] = []
        assert.deepEqual(decode(encode(descriptor), claims), descriptor)
        assert.deepEqual(claims, [{ signer: descriptor.id, type: DESCRIPTOR_TYPE, ...descriptor.record }])
        assert.equal(descriptor.position, positionOf(descriptor.id))
      }),
    )
  })

  test('is passed on byte by byte: what a third node gets still carries the signature', () => {
    fc.assert(
      fc.property(descriptors, (descriptor) => {
        const bytes = encode(descriptor)
        assert.deepEqual(encode(decode(bytes)), bytes)
      }),
    )
  })

  test('descriptorSize is at least what it takes inside a message', () => {
    fc.assert(
      fc.property(descriptors, (descriptor) => {
        const bytes = encode(descriptor).length
        assert.ok(descriptorSize(descriptor) >= bytes + 3, 'tag and two bytes of length')
      }),
    )
  })

  test('mutated, truncated and random bytes give a descriptor or Malformed and nothing else', () => {
    const damaged = fc
      .tuple(descriptors, fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 8 }), fc.nat(2000))
      .map(([descriptor, edits, cut]) => {
        const bytes = encode(descriptor)
        for (const [at, value] of edits) bytes[at % bytes.length] = value
        return cut % 2 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes
      })
    const outcomes = { taken: 0, refused: 0 }
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        try {
          const descriptor = decode(bytes)
          assert.ok(/^[A-Za-z0-9]{1,64}$/.test(descriptor.id))
          assert.ok(descriptor.addresses.length <= 4 && descriptor.addresses.every(({ length }) => length <= 200))
          assert.ok(Number.isSafeInteger(descriptor.sequence) && Number.isSafeInteger(descriptor.issued))
          assert.ok(Object.values(descriptor.attributes).every(Number.isFinite))
          outcomes.taken++
        } catch (error) {
          assert.ok(error instanceof Malformed, String(error))
          outcomes.refused++
        }
      }),
      { numRuns: 2000, seed: 42 },
    )
    assert.ok(outcomes.taken > 50 && outcomes.refused > 50, JSON.stringify(outcomes))
  })

  test('every field beyond its limit is refused under its reason', () => {
    assert.equal(refusal({}), undefined)
    const ranked = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `a${i}`, value: i }))
    assert.equal(refusal({ id: '' }), 'id')
    assert.equal(refusal({ id: 'n 1' }), 'id')
    assert.equal(refusal({ id: 'n'.repeat(65) }), 'id')
    assert.equal(refusal({ addresses: ['', '', '', '', ''] }), 'descriptor-addresses')
    assert.equal(refusal({ addresses: ['x'.repeat(200)] }), undefined)
    assert.equal(refusal({ addresses: ['x'.repeat(201)] }), 'descriptor-address')
    assert.equal(refusal({ attributes: ranked(8) }), undefined)
    assert.equal(refusal({ attributes: ranked(9) }), 'descriptor-attributes')
    for (const name of ['', 'Load', '1st', '__proto__', 'a'.repeat(65)]) {
      assert.equal(refusal({ attributes: [{ name, value: 1 }] }), 'descriptor-attribute')
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(refusal({ attributes: [{ name: 'load', value }] }), 'descriptor-attribute')
    }
    assert.equal(refusal({ sequence: 2n ** 53n }), 'descriptor-sequence')
    assert.equal(refusal({ issued: 2n ** 64n - 1n }), 'descriptor-issued')
    assert.equal(refusal({}, new Uint8Array(513)), 'descriptor-signature')
    const long = ranked(8).map(({ name, value }) => ({ name: name.padEnd(64, '_'), value }))
    assert.equal(refusal({ addresses: new Array(4).fill('x'.repeat(200)), attributes: long }), 'descriptor-size')
    assert.throws(() => descriptorFromWire(create(DescriptorSchema, {}), []), Malformed)
  })

  test('a decoded descriptor keeps nothing of the frame it came in', () => {
    const bytes = encode(describe({ id: 'n1', addresses: [], sequence: 1, issued: 1 }))
    for (const frame of [new Uint8Array(65_536), Buffer.alloc(65_536)]) {
      frame.set(bytes)
      const { record } = decode(frame.subarray(0, bytes.length))
      const before = record.body.slice()
      frame.fill(0)
      assert.deepEqual(record.body, before)
      assert.ok(record.body.buffer.byteLength < 1024 && record.signature.buffer.byteLength < 1024)
    }
  })

  test('whatever describe makes, other nodes take; what they would not take it refuses', () => {
    const long = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`.padEnd(64, '_'), i]))
    const fields = { id: 'n1', addresses: [] as string[], sequence: 1, issued: 1.5 }
    const addresses = ['x'.repeat(201), ...Array.from({ length: 6 }, (_, i) => `${i}`)]
    const cut = describe({ ...fields, addresses })
    assert.deepEqual(cut.addresses, ['0', '1', '2', '3'])
    assert.deepEqual(decode(encode(cut)), cut)
    assert.throws(() => describe({ ...fields, attributes: long(9) }), RangeError)
    assert.throws(() => describe({ ...fields, attributes: { load: Number.NaN } }), RangeError)
    assert.throws(() => describe({ ...fields, attributes: { Load: 1 } }), RangeError)
    const wide = new Array(4).fill('x'.repeat(200))
    assert.throws(() => describe({ ...fields, addresses: wide, attributes: long(8) }), RangeError)
  })

  test('is fresh for a day, and when the other clock is at most the window ahead', () => {
    const now = 1_700_000_000_000
    const issued = (at: number) => describe({ id: 'n1', addresses: [], sequence: 1, issued: at })
    assert.ok(isFresh(issued(now), now))
    assert.ok(isFresh(issued(now - MAX_DESCRIPTOR_AGE + 1), now))
    assert.ok(!isFresh(issued(now - MAX_DESCRIPTOR_AGE), now))
    assert.ok(isFresh(issued(now + CLOCK_WINDOW - 1), now))
    assert.ok(!isFresh(issued(now + CLOCK_WINDOW), now))
  })
})
