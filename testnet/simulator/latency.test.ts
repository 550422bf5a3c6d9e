import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describe as descriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { constant, type Latency, logNormal, uniform } from './latency.ts'

const [from, to] = ['n0', 'n1'].map((id) => descriptor({ id, addresses: [], sequence: 1, issued: 0 }))

function draws(latency: Latency, count: number): number[] {
  const random = new Random(1)
  assert.ok(from !== undefined && to !== undefined)
  return Array.from({ length: count }, () => latency(random, from, to)).sort((a, b) => a - b)
}

describe('latency', () => {
  test('constant is', () => {
    assert.deepEqual(draws(constant(30), 3), [30, 30, 30])
  })

  test('uniform has its bounds, and its quartiles where they belong', () => {
    const sorted = draws(uniform(10, 50), 10_000)
    assert.ok((sorted[0] as number) >= 10 && (sorted[9999] as number) < 50)
    for (const quartile of [0.25, 0.5, 0.75]) {
      assert.ok(Math.abs((sorted[10_000 * quartile] as number) - (10 + 40 * quartile)) < 1)
    }
  })

  test('log-normal has its median and its percentiles, and never exceeds its maximum', () => {
    const sorted = draws(logNormal(20, 0.5), 40_000)
    // Normal quantiles; the sum of twelve uniform variables is 0.5 % short at the 99th percentile.
    for (const [share, z] of [
      [0.1, -1.2816],
      [0.5, 0],
      [0.9, 1.2816],
      [0.99, 2.3263],
    ] as const) {
      const expected = 20 * Math.exp(0.5 * z)
      const found = sorted[sorted.length * share] as number
      assert.ok(Math.abs(found / expected - 1) < 0.03, `percentile ${share}: ${found}, expected ${expected}`)
    }
    assert.equal(draws(logNormal(20, 2, 100), 1000).at(-1), 100)
  })
})
