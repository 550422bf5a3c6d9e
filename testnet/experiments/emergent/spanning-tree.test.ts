import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './spanning-tree.ts'

test('spanning-tree: one tree, no cycle, a dead root gone in three rounds, half of the nodes dead', async () => {
  const { rows, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
  assert.equal(figures.length, 1)
})
