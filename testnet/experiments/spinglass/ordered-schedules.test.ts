import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSchedule } from './ordered-schedules.ts'

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1)

// A thousand of them: `tendril reproduce ordered`.
test('under random faults: one order everywhere, no gap, no duplicate, one group; in the end everybody goes on', () => {
  let deliveries = 0
  let views = 0
  for (const seed of SEEDS) {
    const outcome = runSchedule(seed)
    assert.deepEqual(outcome.violations, [], `seed ${seed}`)
    deliveries += outcome.deliveries
    views += outcome.views
  }
  assert.ok(deliveries > 500 * SEEDS.length && views > 4 * SEEDS.length, `${deliveries} deliveries in ${views} views`)
})

test('the same schedules catch a group that decides without a majority', () => {
  const caught = SEEDS.slice(0, 20).filter((seed) => {
    return runSchedule(seed, { quorum: () => true }).violations.some((text) => text.includes('number'))
  })
  assert.ok(caught.length >= 4, `${caught.length} of 20 schedules`)
})
