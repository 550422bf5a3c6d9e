import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './ordered.ts'

test('ordered: the order holds under random faults, a sleeper slows nobody but where everybody is waited for', async () => {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
})
