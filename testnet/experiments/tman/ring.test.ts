import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './ring.ts'

test('the ring comes to order no later than the authors’ code, from random peers and from one node, within size and budget', async () => {
  const { rows, tables, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  assert.deepEqual(
    rows.filter(({ ok }) => !ok),
    [],
  )
  assert.equal(rows.filter(({ metric }) => metric.startsWith('cycles to 50/90')).length, 4)
  assert.ok(tables[0]?.rows.some(([, , , missing]) => missing === 0))
  assert.match(figures[0]?.svg ?? '', /authors, 2\^12/)
})
