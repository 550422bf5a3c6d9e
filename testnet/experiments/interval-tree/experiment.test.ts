import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './experiment.ts'

test('interval-tree: counts are exact with N - 1 delegations, and deaths cost no more than the models say', async () => {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
})
