import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SPACE } from '../../../core/position.ts'
import { compose } from '../publication.ts'
import { height, heightOf } from './height.ts'

const publisher = fc.maxSafeNat().map((n) => n % SPACE)

test('of 256 numbers in a row every rating gets its share to one, and who rates higher gets all that the lower get', () => {
  fc.assert(
    fc.property(publisher, fc.nat(1e9), fc.double({ min: 0, max: 1, noNaN: true }), (position, block, rating) => {
      let below = 0
      for (let i = 0; i < 256; i++) {
        const one = height(position, block * 256 + i)
        assert.ok(one >= 0 && one < 1)
        if (one < rating) below++
      }
      assert.ok(Math.abs(below - 256 * rating) <= 1, `${below} of 256 below ${rating}`)
    }),
  )
})

test('a publisher who serves many subgroups in turn meets every rating in each of them', () => {
  fc.assert(
    fc.property(
      publisher,
      fc.integer({ min: 2, max: 1000 }),
      fc.constantFrom(0.05, 0.2, 0.5),
      (position, stride, rating) => {
        const count = 4096
        let below = 0
        for (let i = 1; i <= count; i++) if (height(position, i * stride) < rating) below++
        // 5 standard deviations of draws by chance.
        const bound = 5 * Math.sqrt(count * rating * (1 - rating))
        assert.ok(Math.abs(below - count * rating) <= bound, `${below} of ${count} below ${rating}`)
      },
    ),
    { numRuns: 200 },
  )
})

test('all parts of a message have one height, that of different publishers differs', () => {
  const part = (number: number, publisher = 'n1') =>
    compose({
      publisher,
      sequence: 40 + number,
      published: 1,
      topic: 't',
      payload: new Uint8Array(1),
      part: number,
      parts: 8,
    })
  const heights = new Set(Array.from({ length: 8 }, (_, number) => heightOf(part(number))))
  assert.equal(heights.size, 1)
  assert.ok(!heights.has(heightOf(part(0, 'n2'))))
})
