import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketOf, LAST_BUCKET, middleOf, quantile, RELATIVE_ERROR } from './histogram.ts'

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
)

test('every value has a bucket, in order, and its middle is within 10 %', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      const bucket = bucketOf(a)
      assert.ok(Math.abs(bucket) <= LAST_BUCKET)
      if (a <= b) assert.ok(bucket <= bucketOf(b))
      if (Math.abs(a) < 1e-6) assert.equal(middleOf(bucket), 0)
      else if (Math.abs(a) < 1e15) assert.ok(Math.abs(middleOf(bucket) / a - 1) <= RELATIVE_ERROR * 1.000001)
    }),
    { numRuns: 2000 },
  )
})

test('quantiles of averaged shares are within 10 % of the sorted values', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, q) => {
        const shares = new Map<number, number>([[77, -1e-12]])
        for (const one of values) shares.set(bucketOf(one), (shares.get(bucketOf(one)) ?? 0) + 1 / values.length)
        const sorted = [...values].sort((a, b) => a - b)
        const exact = sorted[Math.max(0, Math.ceil(q * values.length * (1 - 1e-9)) - 1)] as number
        assert.ok(Math.abs((quantile(shares, q) as number) / exact - 1) <= RELATIVE_ERROR * 1.000001)
      },
    ),
  )
  assert.equal(quantile(new Map(), 0.5), undefined)
})
