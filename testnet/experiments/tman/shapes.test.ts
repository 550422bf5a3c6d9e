import assert from 'node:assert/strict'
import { test } from 'node:test'
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
