import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment, rowsOf } from './quality.ts'

test('sampling-quality at quick sizes: every row as good as its reference', async () => {
  const { rows, tables, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  assert.deepEqual(
    rows.filter(({ ok }) => !ok),
    [],
  )
  assert.ok(rows.length > 15)
  assert.ok(tables.every((table) => table.rows.length > 0) && figures.every(({ svg }) => svg.includes('<title>')))
})

/** A run with nothing to find fault with, but what a test puts in. */
function run(fields: { components?: number[]; mean?: number; max?: number }) {
  const { components = [1, 1, 1], mean = 30, max = 40 } = fields
  const last = { cycle: 60, mean, deviation: 5, max, clustering: 0.1, path: 3, components: 1 }
  const flow = { mean: 1, max: 1 }
  const load = { messagesPerRound: flow, bytesPerRound: flow, mostMessages: 1, mostBytes: 1 }
  const reference = { ...last, cycle: 0, mean: 30, max: 40 }
  return rowsOf({ variant: 'tendril', start: 'random', qualities: [last], dead: [], components, load }, reference)
}

test('an overlay that fell apart and came together again was not connected throughout', () => {
  const row = (components: number[]) => run({ components }).find(({ metric }) => metric.includes('connected'))
  assert.deepEqual([row([1, 1, 1])?.measured, row([1, 1, 1])?.ok], [3, true])
  assert.deepEqual([row([1, 2, 1])?.measured, row([1, 2, 1])?.ok], [2, false])
  assert.equal(row([1, 2, 1])?.reference, 'all 3')
})

test('what in-degrees may be more than the random graph has is said where they are judged', () => {
  const row = (of: 'mean' | 'most', fields: Parameters<typeof run>[0]) =>
    run(fields).find(({ metric }) => metric === `in-degree, ${of}`)
  assert.match(String(row('most', {})?.reference), /<= 1\.5 x 40/)
  assert.deepEqual([row('most', { max: 60 })?.ok, row('most', { max: 61 })?.ok], [true, false])
  assert.equal(row('mean', {})?.reference, '30 +- 1.5')
  assert.deepEqual([row('mean', { mean: 28.5 })?.ok, row('mean', { mean: 28.4 })?.ok], [true, false])
})
