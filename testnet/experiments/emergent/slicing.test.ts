import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './slicing.ts'

test('slicing: ranks err by what the values seen leave open, and churn of the extremes does not add up', async () => {
  const { rows, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
  assert.equal(figures.length, 2)
})
