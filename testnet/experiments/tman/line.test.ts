import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment } from './line.ts'

test('uneven, clustered and equal values come to one complete line; ranked by plain distance clusters fall apart', async () => {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  assert.deepEqual(
    rows.filter(({ ok }) => !ok),
    [],
  )
  for (const values of ['uniform', 'power law', 'clustered', 'ten values', '(control)']) {
    assert.ok(rows.some((row) => row.case.includes(values) && row.metric.startsWith('components')))
  }
})
