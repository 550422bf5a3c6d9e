import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferedGroup } from './buffered-group.ts'
import { experiment } from './capacity.ts'

test('capacity: 30 msg/s through buffers of 120 to 99.9 % of 60 members, twice what lpbcast carries', async () => {
  const { rows, tables, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const { case: name, metric, measured, ok } of rows) assert.ok(ok, `${name}: ${metric}: ${measured}`)
  assert.ok(tables.length > 0 && figures.length === 2)
})

test('without bufferers the same buffers lose much of it', () => {
  const settings = { seed: 1, members: 60, buffer: 40, offered: 10, rounds: 4 }
  const [with4, without] = [4, 0].map((bufferers) => {
    const group = new BufferedGroup({ ...settings, bufferers })
    group.simulation.run(20_000)
    return group.span(15_000).delivery
  })
  assert.ok((with4 as number) > 0.999, `with: ${with4}`)
  assert.ok((without as number) < 0.9, `without: ${without}`)
})
