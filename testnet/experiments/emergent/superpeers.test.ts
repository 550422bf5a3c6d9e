import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './superpeers.ts'

test('superpeers: about as few as possible, nobody unassigned, none above its capacity', async () => {
  const { rows, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
  assert.equal(figures.length, 2)
  const labels = figures.map(({ svg }) => /rotate[^>]*>([^<]*)</.exec(svg)?.[1])
  assert.deepEqual(labels, ['times the fewest possible', 'nodes'], 'what is drawn upwards')
})
