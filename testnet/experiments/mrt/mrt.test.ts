import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Experiment } from '../experiment.ts'
import { experiment as fig3 } from './fig3.ts'
import { experiment as fig4 } from './fig4.ts'
import { experiment as ratio } from './ratio.ts'
import { experiment as totals } from './totals.ts'

async function holds(experiment: Experiment): Promise<void> {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
}

test('mrt-totals: the optimal totals exactly, broadcasts reach everybody as often as K says, and acknowledgements spare messages', async () => {
  await holds(totals)
})

test('mrt-ratio: gossip sends more than the tree at the same reliability, the more links the more', async () => {
  await holds(ratio)
})

test('mrt-fig4: convergence is linear on a ring and almost constant on a random tree', async () => {
  await holds(fig4)
})

test('mrt-fig3: Beta counters converge in half of the messages wherever anything fails, and follow what changes', async () => {
  const { rows } = await fig3.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) {
    // Where nothing fails both take the way of the news, and no estimate is quicker than that: the row says so, and stays.
    const bound = row.metric.startsWith('Beta / intervals') && /^[PL] = 0,/.test(row.case)
    assert.equal(row.ok, !bound, JSON.stringify(row))
  }
})
