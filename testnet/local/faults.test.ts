import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FaultName, type FaultPlan, underFault } from './faults.ts'

// Counts only: how fast it is depends on the machine, and is for the benchmark (scripts/bench/faults.ts).
const PLAN = { nodes: 6, seed: 1, rate: 20, senders: 3, bytes: 200, seconds: 5, flood: 0 }
/** Messages a second and publisher: a hundredfold of it is what a machine manages that is busy with all the nodes. */
const QUOTA = 5

const HAPPENS: readonly (readonly [FaultName, Partial<FaultPlan>, string])[] = [
  ['stopped', { nodes: 7, alone: true }, 'a quarter of the processes under SIGSTOP'],
  ['killed', { nodes: 7, alone: true }, 'three tenths of the processes killed with -9'],
  ['trickling', {}, 'a node that reads one byte a second'],
  ['flooding', { senders: 5, quota: QUOTA, flood: 100 * QUOTA }, 'a publisher at a hundred times its quota'],
]

for (const [fault, changes, what] of HAPPENS) {
  test(`${what}: the others lose nothing of each other's messages, and get each once`, async (t) => {
    const figures = await underFault({ ...PLAN, alone: false, fault, ...changes })
    t.diagnostic(JSON.stringify(figures))
    const { published, expected, delivered, duplicates, healthy, namedBy, misnamed, memoryGrown } = figures
    assert.equal(published, PLAN.rate * PLAN.seconds * 2)
    assert.equal(expected, published * healthy)
    assert.equal(delivered, expected)
    assert.equal(duplicates, 0)
    assert.equal(misnamed, 0, 'nobody honest is named')
    assert.ok(memoryGrown < 32 * 2 ** 20, `${memoryGrown} bytes`)
    if (fault !== 'flooding') return
    assert.ok(figures.flooded > 20 * PLAN.seconds * QUOTA, `${figures.flooded} were published`)
    assert.ok(namedBy > 0)
    assert.match(`${figures.reason}`, /more than 5 messages a second/)
  })
}
