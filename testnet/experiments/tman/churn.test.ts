import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './churn.ts'

test('links stay under loss and churn; a network at rest costs little, and repairs itself when a tenth dies', async () => {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  assert.deepEqual(
    rows.filter(({ ok }) => !ok),
    [],
  )
  for (const structure of ['ring', 'line', 'torus', 'tree']) {
    assert.equal(
      rows.filter((row) => row.case.startsWith(structure) && row.metric.startsWith('correct links at')).length,
      3,
    )
  }
})
