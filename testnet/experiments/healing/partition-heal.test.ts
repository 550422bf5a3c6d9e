import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './partition-heal.ts'

test('partition-heal at quick sizes: every row as good as its reference', async () => {
  const { rows, tables, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  assert.deepEqual(
    rows.filter(({ ok }) => !ok),
    [],
  )
  assert.ok(rows.length > 8)
  assert.ok(tables.every((table) => table.rows.length > 0) && figures.every(({ svg }) => svg.includes('<title>')))
})
