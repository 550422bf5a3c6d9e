import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOrdered, delivered, network, TOPIC, text, total } from './network.fixture.ts'

const NODES = 20
const PUBLISHERS = 5
/** Messages a second of all publishers together: about twice what the lines carry. */
const OFFERED = 30
/** Bytes a second that a node sends and receives. What is more waits; nothing is dropped. */
const SECONDS = 100
const LINE = { up: 9000, down: 9000, queue: 2 ** 24 }

/** That for SECONDS, and then time for what waits. `median`: ms from publishing to a subscriber, of what was published in the second half. */
function overload(congested: number) {
  const bed = network({ nodes: NODES, seed: 4, options: { congested } })
  const published = new Map<string, number>()
  const late: number[] = []
  for (const id of bed.ids) {
    bed.node(id).subscribe(TOPIC, (message) => {
      const at = published.get(message.id)
      if (at !== undefined && at > 5000 + (SECONDS * 1000) / 2) late.push(bed.simulation.now - at)
    })
  }
  bed.simulation.run(5000)
  bed.simulation.throttle(LINE)
  const reasons = new Set<string>()
  for (let i = 0; i < SECONDS * OFFERED; i++) {
    const receipt = bed.node(`n${i % PUBLISHERS}`).publish(TOPIC, text(`message ${i}`.padEnd(200)))
    if (receipt.status === 'accepted') published.set(receipt.id, bed.simulation.now)
    else reasons.add(receipt.reason.replaceAll(/[0-9.]+/g, '#'))
    bed.simulation.run(1000 / OFFERED)
  }
  bed.simulation.run(120_000)
  late.sort((a, b) => a - b)
  return {
    bed,
    reasons: [...reasons],
    accepted: published.size,
    delivered: delivered(bed, [...published.keys()]),
    copies: total(bed, 'done', 'copies') / (published.size * (NODES - 1)),
    median: late[late.length >> 1] as number,
  }
}

test('links that carry less than is published: publishers slow down, and all that was accepted comes once, soon; if they do not, most comes late or never', () => {
  const slowed = overload(4)
  assert.deepEqual(slowed.reasons, [
    'Half of the members are # s behind in the group of news: this node may publish # messages a second there#',
    'Half of the members were seconds behind of late in the group of news: this node may publish # messages a second there#',
  ])
  assert.equal(slowed.delivered, 1)
  assertOrdered(slowed.bed)
  assert.ok(slowed.median < 2000, `${slowed.median} ms`)
  assert.ok(slowed.copies < 1.3, `${slowed.copies} copies`)
  assert.ok(slowed.accepted > 400, `${slowed.accepted} accepted of ${SECONDS * OFFERED}`)

  const pushed = overload(0)
  assert.equal(pushed.accepted, SECONDS * OFFERED)
  assert.ok(pushed.delivered < 0.7, `${pushed.delivered} without it`)
  assert.ok(pushed.median > 60_000, `${pushed.median} ms without it`)
})
