import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../../core/random.ts'
import { experiment as fig1 } from './fig1.ts'
import { experiment as fig3 } from './fig3.ts'
import { Routes } from './routes.ts'

const trial = { seed: 1, quick: true, progress: () => {} }

test('spinglass-fig1: a sleeper collapses the acknowledged baseline, and takes nothing from bimodal multicast', async () => {
  const { rows } = await fig1.run(trial)
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
})

/** What full runs miss, too: a star of SRM whose timers do not adapt, and the first copy down a tree of lossy unicasts, whose depth grows with the group. */
const MISSED = /^SRM, star|interval tree/

test("spinglass-fig3: SRM's requests and repairs grow with the group, those of bimodal multicast do not", async () => {
  const { rows } = await fig3.run(trial)
  for (const row of rows) if (!MISSED.test(row.case)) assert.ok(row.ok, JSON.stringify(row))
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
