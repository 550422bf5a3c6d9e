import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './mass-failure.ts'

test('mass-failure at quick sizes: every row as good as its reference', async () => {
  const { rows, tables, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  assert.deepEqual(
    rows.filter(({ ok }) => !ok),
    [],
  )
  assert.ok(rows.length > 8)
  // What the rows say is what was measured: 99.9 % of the links, also where few survive and that is all of them.
  const ring = tables.find(({ name }) => name === 'ring')?.rows ?? []
  const until = rows.filter(({ metric }) => metric.includes('until 99.9 % of the ring links'))
  assert.equal(until.length, 4)
  for (const row of until) {
    const correct = ring.filter(([share, death]) => row.case.includes(`, ${Number(share) * 100} % die (${death})`))
    assert.equal(
      row.measured,
      correct.findIndex(([, , , links]) => Number(links) >= 0.999),
      row.case,
    )
  }
  assert.ok(tables.every((table) => table.rows.length > 0) && figures.every(({ svg }) => svg.includes('<title>')))
})
