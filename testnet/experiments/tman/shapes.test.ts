import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiment as latency } from './latency.ts'
import { experiment as torus } from './torus.ts'
import { experiment as tree } from './tree.ts'

for (const experiment of [torus, tree]) {
  test(`${experiment.name}, quick: every target link is found, never slower than the authors, within the budget`, async () => {
    const { rows, tables, figures } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
    for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
    const courses = rows.filter(({ metric }) => metric.startsWith('cycles'))
    assert.equal(courses.length, 3)
    assert.ok(courses.every(({ measured }) => !String(measured).includes('never')))
    // What the rows say is what the table says: the last line of a course has nothing missing.
    const last = new Map(
      tables[0]?.rows.map(([graph, seed, cycle, missing]) => [`${graph} ${seed}`, { cycle, missing }]),
    )
    assert.equal(last.size, 9)
    for (const { missing } of last.values()) assert.equal(missing, 0)
    assert.match(figures[0]?.svg ?? '', /<title>/)
  })
}

test('tman-latency, quick: chosen neighbours are nearly as near as the nearest, far nearer than random ones', async () => {
  const { rows, tables, figures } = await latency.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
  const [, chosen, best, any] = rows.map(({ measured }) => Number(measured)) as [number, number, number, number]
  assert.ok(best <= chosen && chosen < any / 3)
  const [first, last] = [tables[0]?.rows[0], tables[0]?.rows.at(-1)]
  assert.ok(Number(first?.[1]) > 2 * Number(last?.[1]), 'it learnt')
  assert.match(figures[0]?.svg ?? '', /<title>/)
})
