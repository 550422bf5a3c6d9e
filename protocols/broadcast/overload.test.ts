import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../core/position.ts'
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

test('four liars of 100 who say that they are seconds behind slow no publisher down where all is calm; did the silent not count, they would', () => {
  const accepted = (hush: boolean) => {
    const bed = network({ nodes: 100, seed: 6, options: { hush } })
    bed.simulation.run(3000)
    const own: { readonly sequence: number; readonly at: number }[] = []
    for (let turn = 0; turn < 60 * 5; turn++) {
      const { now } = bed.simulation
      const old = own.findLast(({ at }) => now - at > 5000)
      for (let liar = 0; old !== undefined && turn % 3 === 0 && liar < 4; liar++) {
        const holdings = [
          { publisher: positionOf('n0'), settled: old.sequence, runs: [{ first: 1, last: old.sequence }] },
        ]
        const message = { kind: 'digest', round: 10_000 + turn, answers: undefined, partial: true, holdings }
        const { environment } = bed.simulation.node(`n${90 + liar}`)
        environment.send(bed.simulation.node('n0').self, { group: positionOf(TOPIC), delivery: 'bimodal', message })
      }
      const receipt = bed.node('n0').publish(TOPIC, text('x'))
      if (receipt.status === 'accepted') own.push({ sequence: receipt.sequence, at: now })
      bed.simulation.run(200)
    }
    return own.length
  }
  assert.equal(accepted(true), 300)
  const slowed = accepted(false)
  assert.ok(slowed < 250, `${slowed}`)
})
