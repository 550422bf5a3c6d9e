import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './experiment.ts'

// Speed depends on the machine and on who else uses it: the rows say it, no test judges it.
test('scale: nodes are small, rings complete, the count is exact, and the same seed gives the same trace', async () => {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  const judged = rows.filter(({ metric }) => !metric.includes('CPU') && !metric.startsWith('bytes a node,'))
  assert.ok(judged.length > 10)
  for (const row of judged) assert.ok(row.ok, JSON.stringify(row))
  const large = rows.filter(({ case: name, metric }) => name.includes('100000') && metric.startsWith('bytes a node,'))
  assert.equal(large.length, 2)
  // 600 and a tenth: what a collection leaves behind varies a little.
  for (const row of large) assert.ok(Number(row.measured) < (row.reference === null ? 750 : 660), JSON.stringify(row))
})
