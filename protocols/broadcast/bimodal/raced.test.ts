import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../../core/random.ts'
import { network, publishSteadily } from '../network.fixture.ts'
import { Repair } from './repair.ts'

/** 40 nodes, a fifth of which fall asleep for 2 s every half second, so that the tree is often slower than repair; nobody slows down for them. */
function duplicatesADelivery(): { duplicates: number; delivered: number } {
  const bed = network({ nodes: 40, seed: 2, options: { rate: 1000, burst: 1000, congested: 0 } })
  const random = new Random(5)
  for (let at = 0; at < 40_000; at += 500) {
    bed.simulation.after(at, () => {
      for (const id of random.sample(bed.ids.slice(5), 8)) bed.simulation.pause(id, 2000)
    })
  }
  publishSteadily(bed, bed.ids.slice(0, 5), 800, 50)
  bed.simulation.run(30_000)
  const counts = bed.ids.map((id) => bed.node(id).status().done as Record<string, number>)
  const duplicates = counts.reduce((sum, done) => sum + (done.duplicates ?? 0), 0) / (800 * 39)
  const delivered = bed.ids.reduce((sum, id) => sum + (bed.got.get(id)?.length ?? 0), 0) / (800 * 40)
  return { duplicates, delivered }
}

test('a tree that is slow, not broken, is waited for: few duplicates, and everything still arrives', (t) => {
  const waiting = duplicatesADelivery()
  assert.equal(waiting.delivered, 1)
  assert.ok(waiting.duplicates < 0.06, `${waiting.duplicates} duplicates a delivery`)

  t.mock.method(Repair.prototype, 'raced', () => undefined)
  const hasty = duplicatesADelivery()
  assert.equal(hasty.delivered, 1)
  assert.ok(hasty.duplicates > 0.12, `${hasty.duplicates} without waiting`)
})
