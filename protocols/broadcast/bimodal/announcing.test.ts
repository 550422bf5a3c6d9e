import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../../core/position.ts'
import { type Bed, delivered, network, publishSteadily, TOPIC, text, total } from '../network.fixture.ts'
import type { BimodalMessage } from './codec.ts'

/** `from` tells `to` of so many publications that there are not, of as many publishers. */
function tellOfNothing(bed: Bed, from: string, to: string, count: number, salt: number): void {
  for (let i = 0; i < count; i++) {
    const holdings = [{ publisher: salt * 10_000 + i, settled: 0, runs: [{ first: 1, last: 500 }] }]
    const message: BimodalMessage = { kind: 'have', holdings }
    const { environment } = bed.simulation.node(from)
    environment.send(bed.simulation.node(to).self, { group: positionOf(TOPIC), delivery: 'bimodal', message })
  }
}

test('announcements of what does not exist: bounded wants and memory, and what exists still arrives; switched off none is heard', () => {
  for (const told of [0, 4]) {
    const bed = network({ nodes: 20, loss: 0.1, seed: 3, options: { told } })
    const published: string[] = []
    for (let second = 0; second < 20; second++) {
      for (const liar of ['n18', 'n19']) tellOfNothing(bed, liar, 'n1', 100, second)
      published.push(...publishSteadily(bed, ['n2', 'n3'], 5, 200))
      const { most } = bed.node('n1').status()
      assert.ok(Object.values(most).every((size) => size <= 16_384))
    }
    bed.simulation.run(15_000)
    assert.equal(delivered(bed, published), 1)
    const wants = total(bed, 'done', 'wants', ['n1'])
    if (told === 0) assert.deepEqual([wants, total(bed, 'refused', 'have-off', ['n1']) > 2000], [0, true])
    else {
      assert.ok(wants < 20 * 200, `${wants} wants in 35 s`)
      assert.ok(total(bed, 'refused', 'have-rate', ['n1']) + total(bed, 'refused', 'have-share', ['n1']) > 1000)
    }
  }
})

test('announcements bring within a second or two what a lossy tree missed, without more copies than digests need', () => {
  const slowest = (told: number) => {
    const bed = network({ nodes: 100, loss: 0.2, seed: 2, options: { told } })
    const published = publishSteadily(bed, ['n0'], 40, 100)
    bed.simulation.run(4000)
    return { share: delivered(bed, published), copies: total(bed, 'done', 'copies') / (published.length * 99) }
  }
  const [without, announced] = [slowest(0), slowest(4)]
  assert.ok(announced.share > without.share, `${announced.share} with, ${without.share} without, 4 s after the last`)
  assert.ok(announced.share > 0.99)
  assert.ok(announced.copies < 1.1)
})

test('who tells of publications before they are made teaches nobody that the tree is slow', () => {
  const bed = network({ nodes: 20, loss: 0.05, seed: 5 })
  const [publisher, liar, victim] = ['n2', 'n18', 'n1'] as const
  const position = positionOf(publisher)
  const published: string[] = []
  for (let i = 0; i < 300; i++) {
    const made = bed.node(publisher).publish(TOPIC, text(`${i}`))
    if (made.status !== 'accepted') assert.fail(JSON.stringify(made))
    published.push(made.id)
    // Ten messages, which are a second, ahead.
    const holdings = [
      { publisher: position, settled: 0, runs: [{ first: made.sequence + 10, last: made.sequence + 10 }] },
    ]
    const { environment } = bed.simulation.node(liar)
    const message: BimodalMessage = { kind: 'have', holdings }
    environment.send(bed.simulation.node(victim).self, { group: positionOf(TOPIC), delivery: 'bimodal', message })
    bed.simulation.run(100)
    const { lanes } = bed.node(victim).topics()[0] ?? {}
    assert.ok(
      (lanes?.bimodal?.delivery.wait as number) < 500,
      `it waits ${lanes?.bimodal?.delivery.wait} ms for the tree`,
    )
  }
  bed.simulation.run(15_000)
  assert.equal(delivered(bed, published), 1)
  assert.equal(total(bed, 'done', 'left-to-digests', [victim]), 0)
})
