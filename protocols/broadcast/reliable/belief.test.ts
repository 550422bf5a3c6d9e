import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../../core/random.ts'
import { type Belief, type BeliefKind, beliefOf, INTERVALS, MAX_WEIGHT, MILLION } from './belief.ts'

const KINDS: readonly BeliefKind[] = ['intervals', 'counters']

function observe(belief: Belief, rate: number, times: number, random: Random): void {
  for (let i = 0; i < times; i++) {
    if (random.chance(rate)) belief.fail(1)
    else belief.succeed(1)
  }
}

for (const kind of KINDS) {
  test(`${kind}: what was observed long enough is believed, to within an interval or three standard deviations`, () => {
    for (const rate of [0, 0.01, 0.05, 0.3, 0.9]) {
      const belief = beliefOf(kind)
      observe(belief, rate, 5000, new Random(7))
      const sigma = Math.sqrt((rate * (1 - rate)) / 1024)
      const error = Math.abs(belief.estimate().rate / MILLION - rate)
      assert.ok(error <= 1 / INTERVALS + 3 * sigma, `${rate}: off by ${error}`)
    }
  })

  test(`${kind}: an estimate is always a rate and a weight that the wire takes, whatever is observed`, () => {
    const observations = fc.array(fc.tuple(fc.boolean(), fc.nat(70)), { maxLength: 40 })
    fc.assert(
      fc.property(observations, fc.nat(30), (all, suspected) => {
        const belief = beliefOf(kind)
        for (const [failed, times] of all) {
          if (failed) belief.fail(times)
          else belief.succeed(times)
        }
        const { rate, weight } = belief.estimate(suspected)
        assert.ok(Number.isInteger(rate) && rate >= 0 && rate <= MILLION)
        assert.ok(Number.isInteger(weight) && weight >= 0 && weight <= MAX_WEIGHT)
      }),
    )
  })

  test(`${kind}: a suspicion makes a belief worse, and is not remembered`, () => {
    const belief = beliefOf(kind)
    observe(belief, 0.02, 200, new Random(3))
    const before = belief.estimate()
    assert.ok(belief.estimate(20).rate > before.rate)
    assert.deepEqual(belief.estimate(), before)
  })
}

test('counters follow a change within a hundred observations, where the intervals that never forget do not', () => {
  const [counters, intervals] = [beliefOf('counters'), beliefOf('intervals')]
  for (const belief of [counters, intervals]) {
    observe(belief, 0.01, 2000, new Random(1))
    observe(belief, 0.2, 100, new Random(2))
  }
  assert.ok(counters.estimate().rate > 0.1 * MILLION, `${counters.estimate().rate}`)
  assert.ok(intervals.estimate().rate < 0.05 * MILLION, `${intervals.estimate().rate}`)
})

test('counters keep their long memory where nothing changes', () => {
  for (const rate of [0.01, 0.05, 0.2]) {
    const belief = beliefOf('counters')
    const random = new Random(11)
    observe(belief, rate, 2000, random)
    let short = 0
    for (let i = 0; i < 20_000; i++) {
      observe(belief, rate, 1, random)
      if (belief.estimate().weight < 300) short++
    }
    assert.ok(short < 1000, `${rate}: ${short} of 20000 steps with a memory cut short`)
  }
})
