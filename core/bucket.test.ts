import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TokenBucket } from './bucket.ts'

const rates = fc.double({ min: 0, max: 10_000, noNaN: true })
const bursts = fc.double({ min: 0, max: 10_000, noNaN: true })
/** Steps of the clock, some of them back, each with a wish. */
const steps = fc.array(
  fc.record({
    step: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: -3000, max: 0 })),
    amount: fc.double({ min: 0, max: 3000, noNaN: true }),
  }),
  { maxLength: 60 },
)

describe('TokenBucket', () => {
  test('what was taken for nothing can be put back, up to what it holds', () => {
    const bucket = new TokenBucket(1, 3)
    for (let i = 0; i < 3; i++) assert.ok(bucket.take(0))
    bucket.give(0)
    assert.deepEqual([bucket.take(0), bucket.take(0)], [true, false])
    bucket.give(0, 9)
    assert.deepEqual([bucket.take(0, 3), bucket.take(0)], [true, false])
  })

  test('no window of time sees more than burst + rate * t, whatever the wishes and however the clock jumps', () => {
    fc.assert(
      fc.property(rates, bursts, steps, (rate, burst, wishes) => {
        const bucket = new TokenBucket(rate, burst)
        const taken: { at: number; amount: number }[] = []
        let clock = 1e12
        let latest = clock // what has really passed is at most how far the clock ever got
        for (const { step, amount } of wishes) {
          clock += step
          latest = Math.max(latest, clock)
          if (bucket.take(clock, amount)) taken.push({ at: latest, amount })
        }
        for (let from = 0; from < taken.length; from++) {
          let sum = 0
          for (let to = from; to < taken.length; to++) {
            sum += (taken[to] as { amount: number }).amount
            const window = (taken[to] as { at: number }).at - (taken[from] as { at: number }).at
            assert.ok(sum <= burst + (rate * window) / 1000 + 1e-6, `${sum} in ${window} ms`)
          }
        }
      }),
    )
  })

  test('what was saved up is given: after wait() the amount is there, and just before it is not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.nat(5000),
        (rate, burst, wish) => {
          const bucket = new TokenBucket(rate, burst)
          bucket.take(0, burst)
          const wait = bucket.wait(0, wish)
          if (wish > burst) {
            assert.equal(wait, Number.POSITIVE_INFINITY)
            assert.equal(bucket.take(1e9, wish), false)
          } else {
            if (wait > 1) assert.equal(bucket.take(wait - 1, wish), false)
            assert.equal(bucket.take(wait + 1e-6, wish), true)
          }
        },
      ),
    )
  })

  test('a refused wish costs nothing, and a full bucket holds no more than its burst', () => {
    const bucket = new TokenBucket(10, 100)
    assert.equal(bucket.take(0, 101), false)
    assert.equal(bucket.take(0, 100), true)
    assert.equal(bucket.take(1e9, 100), true)
    assert.equal(bucket.take(1e9, 1), false)
  })

  test('a clock that steps back takes nothing away and gives nothing twice', () => {
    const bucket = new TokenBucket(1000, 1000)
    assert.ok(bucket.take(10_000, 1000))
    assert.equal(bucket.take(5000, 1), false)
    assert.equal(bucket.take(10_000, 1), false)
    assert.ok(bucket.take(10_500, 500))
    assert.equal(bucket.take(10_500, 1), false)
    const full = new TokenBucket(1000, 1000)
    assert.ok(full.take(10_000, 0))
    assert.ok(full.take(5000, 1000), 'still full')
  })

  test('who leaves a reserve never takes it, whoever does not can; an amount that the reserve leaves no room for takes a full bucket', () => {
    const bucket = new TokenBucket(0, 100)
    let taken = 0
    while (bucket.take(1, 7, 50)) taken += 7
    assert.equal(taken, 49)
    assert.ok(bucket.take(1, 51))
    const full = new TokenBucket(0, 100)
    assert.equal(full.take(1, 101, 50), false)
    assert.ok(full.take(1, 80, 50))
    assert.equal(full.take(1, 10, 50), false)
    const infinite = new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    assert.ok(infinite.take(0, 1e300, Number.POSITIVE_INFINITY))
  })

  test('a rate of 0 gives the burst once and then nothing, an infinite bucket gives everything', () => {
    const once = new TokenBucket(0, 5)
    assert.ok(once.take(1000, 5))
    assert.equal(once.take(1e9, 1), false)
    assert.equal(once.wait(1e9, 1), Number.POSITIVE_INFINITY)
    const infinite = new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    assert.ok(infinite.take(0, 1e300))
    assert.equal(infinite.wait(1, 1e300), 0)
  })
})
