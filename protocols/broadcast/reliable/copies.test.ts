import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fewestCopies } from './copies.ts'
import { transmissionFailure } from './tree.ts'

/** PAPERS section 6: optimal totals for 99 tree links. */
const TOTALS = [
  { reliability: 0.99, links: [198, 289, 317], processes: [274, 351, 395] },
  { reliability: 0.999, links: [288, 361, 393], processes: [297, 415, 494] },
  { reliability: 0.9999, links: [297, 396, 484], processes: [386, 493, 593] },
]

test("99 links take the paper's totals", () => {
  for (const { reliability, links, processes } of TOTALS) {
    for (const [i, rate] of [0.01, 0.03, 0.05].entries()) {
      for (const [failure, total] of [
        [transmissionFailure(0, rate, 0), links[i]],
        [transmissionFailure(rate, 0, rate), processes[i]],
      ] as const) {
        const failures = [0, ...Array<number>(99).fill(failure)]
        assert.equal(fewestCopies(failures, reliability, 16).total, total)
      }
    }
  }
})

test('no plan for links that differ reaches everybody as surely with fewer messages', () => {
  const rates = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(rates, fc.integer({ min: 50, max: 99 }), (percents, k) => {
      const failures = [0, ...percents.map((percent) => percent / 100)]
      const { copies, reach, total } = fewestCopies(failures, k / 100, 16)
      assert.ok(reach >= k / 100)
      assert.ok(Math.abs(reachOf(failures, copies) - reach) < 1e-9)
      const fewer = total - 1
      if (fewer >= percents.length) assert.ok(best(failures, fewer) < k / 100 + 1e-12, `${fewer} messages would do`)
    }),
    { numRuns: 60 },
  )
})

test('what cannot be reached takes no more copies than allowed, and says what it comes to', () => {
  const hopeless = fewestCopies([0, 0.5, 1], 0.99, 4)
  assert.equal(hopeless.reach, 0)
  assert.ok(hopeless.copies.every((m) => m <= 4))
  const hard = fewestCopies([0, 0.5], 0.999, 4)
  assert.deepEqual(hard, { copies: [0, 4], reach: 1 - 0.5 ** 4, total: 4 })
  assert.deepEqual(fewestCopies([0], 0.999, 4), { copies: [0], reach: 1, total: 0 })
})

function reachOf(failures: readonly number[], copies: readonly number[]): number {
  return failures.reduce((product, failure, i) => (i === 0 ? 1 : product * (1 - failure ** (copies[i] ?? 0))), 1)
}

/** The surest that so many messages can be, by trying every plan. */
function best(failures: readonly number[], total: number, place = 1): number {
  const left = failures.length - 1 - place
  if (left < 0) return total === 0 ? 1 : 0
  let most = 0
  for (let m = 1; m <= total - left; m++) {
    most = Math.max(most, (1 - (failures[place] as number) ** m) * best(failures, total - m, place + 1))
  }
  return most
}
