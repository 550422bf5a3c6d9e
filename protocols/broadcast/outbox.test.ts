import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOrdered, network, TOPIC, text } from './network.fixture.ts'
import { MAX_WAITING, Outbox } from './outbox.ts'
import { MAX_PART_BYTES } from './publication.ts'

const large = (parts: number) => new Uint8Array(parts * MAX_PART_BYTES)
const sizes = (bed: ReturnType<typeof network>, id: string) => bed.got.get(id)?.map(({ payload }) => payload.length)

/** The most payload bytes that came to a node within 100 ms, counted every 10 ms. */
function busiest(partRate: number): number {
  const bed = network({ nodes: 4, options: { partRate, partBurst: partRate > 100 ? 100 : 4 } })
  bed.node('n0').publish(TOPIC, large(20))
  const came: number[] = []
  for (let i = 0; i < 200; i++) {
    bed.simulation.run(10)
    came.push(bed.node('n1').status().done.bytes ?? 0)
  }
  assert.deepEqual(sizes(bed, 'n1'), [20 * MAX_PART_BYTES])
  return Math.max(...came.map((bytes, i) => bytes - (came[i - 10] ?? 0)))
}

test('a large message leaves in parts over time, so that no link must hold more of it than a queue does', () => {
  assert.ok(busiest(25) <= 8 * MAX_PART_BYTES)
  assert.ok(busiest(1e6) > 16 * MAX_PART_BYTES, 'all at once it would be too much')
})

test('what is published behind a large message comes after it, everywhere; a message of one part alone never waits', () => {
  const bed = network({ nodes: 6 })
  const node = bed.node('n0')
  node.publish(TOPIC, text('before'))
  assert.deepEqual(sizes(bed, 'n0'), [6])
  for (const payload of [large(10), text('after'), large(2)])
    assert.equal(node.publish(TOPIC, payload).status, 'accepted')
  assert.deepEqual(sizes(bed, 'n0'), [6], 'nothing overtakes')
  bed.simulation.run(1500)
  for (const id of bed.ids) assert.deepEqual(sizes(bed, id), [6, 10 * MAX_PART_BYTES, 5, 2 * MAX_PART_BYTES])
  assert.equal(bed.node('n1').status().done.copies, 14, 'repair repeats nothing')
  assertOrdered(bed)
})

test('what waits to be sent is bounded: beyond it the publisher is told to come back, and may then', () => {
  const bed = network({ nodes: 2, options: { rate: 1000, burst: 1000 } })
  const node = bed.node('n0')
  let accepted = 0
  let receipt = node.publish(TOPIC, large(20))
  for (; receipt.status === 'accepted'; receipt = node.publish(TOPIC, large(20))) accepted++
  assert.ok(accepted * 20 <= MAX_WAITING + 4, `${accepted} messages of 20 parts were accepted at once`)
  assert.equal(receipt.status, 'delayed')
  const { until } = receipt as { until: number }
  const wait = until - bed.simulation.node('n0').environment.now()
  assert.ok(wait > 0 && wait < 2000, `${wait}`)
  bed.simulation.run(wait + 40)
  assert.equal(node.publish(TOPIC, large(20)).status, 'accepted')
  bed.simulation.run(5000)
  assert.equal(bed.got.get('n1')?.length, accepted + 1)
})

test('a node that stops sends nothing of what waited, and counts it', () => {
  const bed = network({ nodes: 2 })
  bed.node('n0').publish(TOPIC, large(10))
  bed.simulation.run(200)
  bed.node('n0').stop()
  assert.equal(bed.simulation.node('n0').environment.timers, 0)
  const { copies } = bed.node('n1').status().done
  bed.simulation.run(3000)
  const after = bed.node('n1').status().done.copies ?? 0
  assert.ok(after < 10 && after <= (copies ?? 0) + 3)
  const { stopped = 0 } = bed.node('n0').status().refused
  assert.ok(stopped > 0 && stopped + after <= 10)
})

test('what a stop left unsent holds nothing back: who starts again is heard at once', () => {
  const bed = network({ nodes: 2 })
  const node = bed.node('n0')
  node.publish(TOPIC, large(10))
  bed.simulation.run(200)
  node.stop()
  bed.simulation.run(100)
  node.start()
  assert.equal(node.publish(TOPIC, text('again')).status, 'accepted')
  bed.simulation.run(1000)
  assert.deepEqual(sizes(bed, 'n1'), [5])
  assert.deepEqual(bed.missed.get('n1'), [])
})

test('a subscriber that publishes when it gets a message is served in order', () => {
  const sent: number[] = []
  const environment = { now: () => 0, after: () => ({ cancel() {} }) }
  const outbox: Outbox = new Outbox(environment, { partRate: 1, partBurst: 1 }, ({ sequence }) => {
    if (sequence === 1) outbox.add({ sequence: 2, parts: 1 } as never)
    sent.push(sequence)
  })
  outbox.add({ sequence: 1, parts: 1 } as never)
  assert.deepEqual(sent, [1, 2])
})
