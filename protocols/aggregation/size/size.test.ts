import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Random } from '../../../core/random.ts'
import { draws } from '../extrema.ts'
import { CountSize, trimmedCount } from './count.ts'
import { ExtremaSize } from './extrema.ts'
import { networkSize } from './network-size.ts'
import { RingSize } from './ring.ts'

const of = (value: number, low: number, high: number) => ({ value, low, high, confidence: 0.95 })

/** Share of 400 trials in which the truth lies in the stated interval, and the mean of the estimates. */
function trials(truth: number, estimate: (random: Random) => { value: number; low: number; high: number } | undefined) {
  const random = new Random(11)
  let inside = 0
  let sum = 0
  for (let i = 0; i < 400; i++) {
    const found = estimate(random)
    assert.ok(found)
    if (found.low <= truth && truth <= found.high) inside++
    sum += found.value / 400
  }
  return { inside: inside / 400, mean: sum }
}

describe('size', () => {
  test('by extrema and by spacings: right on average, and the truth is in the stated 95 % interval about as often', () => {
    const minima = (random: Random) => draws(random, 64).map((draw) => draw / 1000)
    const spacings = (random: Random) => [{ length: draws(random, 8).reduce((a, b) => a + b, 0) / 1000, spacings: 8 }]
    for (const way of [
      trials(1000, (random) => new ExtremaSize(minima(random)).estimate()),
      trials(1000, (random) => new RingSize(spacings(random)).estimate()),
    ]) {
      assert.ok(way.inside > 0.92 && way.inside < 0.98, `${way.inside}`)
      assert.ok(Math.abs(way.mean / 1000 - 1) < 0.06, `${way.mean}`)
    }
  })

  test('nothing is said from nothing', () => {
    assert.equal(new ExtremaSize([]).estimate(), undefined)
    assert.equal(new ExtremaSize([1, 1]).estimate(), undefined)
    assert.equal(new RingSize([]).estimate(), undefined)
    assert.equal(new CountSize([]).estimate(), undefined)
    assert.equal(new CountSize([[0, 0]]).estimate(), undefined)
    assert.equal(networkSize({}), undefined)
  })

  test('by the average arc: exact when gossip has settled, and the more uncertain the more its latest states differ', () => {
    const settled = new RingSize([], [0.01, 0.01, 0.01, 0.01]).estimate()
    assert.deepEqual([settled?.value, settled?.low, settled?.high], [100, 100, 100])
    const moving = new RingSize([], [0.008, 0.012, 0.01, 0.01]).estimate()
    assert.ok(moving && moving.low < 61 && moving.high > 250)
  })

  test('a third of the instances may be as wrong as they like at either end', () => {
    assert.equal(trimmedCount([0.01, 0.01, 0.01, 1e-9]), 100)
    assert.equal(trimmedCount([0.01, 0.01, 0]), 100)
    const wild = new CountSize([
      [0.01, 0.01],
      [0.01, 0.01],
      [0.01, 0.01],
      [1e-7, 1e-7],
    ]).estimate()
    assert.equal(wild?.value, 100)
  })

  test('of several ways the narrowest wins that another one agrees with; a lone exact one is passed over', () => {
    const wide = of(100, 60, 160)
    assert.equal(networkSize({ ring: of(101, 100, 102), extrema: wide })?.by, 'ring')
    assert.equal(networkSize({ ring: of(900, 900, 900), count: of(99, 98, 100), extrema: wide })?.by, 'count')
    assert.equal(networkSize({ extrema: wide })?.by, 'extrema')
    const torn = networkSize({ ring: of(10, 9, 11), count: of(50, 40, 55), extrema: wide })
    assert.deepEqual(torn, { ...of(50, 9, 160), by: 'median' })
  })
})
