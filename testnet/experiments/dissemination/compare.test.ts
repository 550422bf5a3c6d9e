import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './compare.ts'

test('broadcast-compare: the default reaches all who live with one copy each, where the mesh ships several', async () => {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  const bars = rows.filter((row) => row.case.startsWith('bimodal') && !row.metric.startsWith('p99'))
  assert.ok(bars.length >= 8 * 4)
  for (const row of bars) assert.ok(row.ok, JSON.stringify(row))
  const copies = rows.filter((row) => row.case.startsWith('mesh') && row.metric.startsWith('payload copies'))
  assert.equal(copies.length, 8)
  for (const row of copies) assert.ok(Number(row.measured) > 3, JSON.stringify(row))
  // Who has a gossip budget is held to it, in every case; mean and maximum are told of everybody.
  const budgets = rows.filter(({ metric }) => metric.startsWith('gossip bytes in any second'))
  assert.equal(budgets.length, 2 * 8)
  for (const row of budgets) assert.ok(row.ok && Number(row.measured) > 0, JSON.stringify(row))
  assert.equal(
    rows.filter(({ metric }) => metric === 'bytes sent a living member and second, mean / most').length,
    4 * 8,
  )
})
