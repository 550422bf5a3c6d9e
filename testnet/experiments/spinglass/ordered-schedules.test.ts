import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Simulation } from '../../simulator/simulation.ts'
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

test('a heavier loss that ends leaves the network as lossy as its schedule makes it; in the calm at the end nothing is lost', (t) => {
  const rates: number[] = []
  const { lose } = Simulation.prototype
  t.mock.method(Simulation.prototype, 'lose', function (this: Simulation<unknown>, ...args: Parameters<typeof lose>) {
    rates.push(args[0])
    return lose.apply(this, args)
  })
  let lossy = 0
  for (const seed of SEEDS.slice(0, 20)) {
    rates.length = 0
    const { loss, faults } = runSchedule(seed)
    if (loss === 0 || faults.loss === undefined) continue
    lossy++
    assert.equal(rates.pop(), 0, `seed ${seed}`)
    assert.ok(Math.min(...rates) >= loss, `seed ${seed}: ${rates}, of ${loss}`)
  }
  assert.ok(lossy >= 3, `${lossy} schedules`)
})
