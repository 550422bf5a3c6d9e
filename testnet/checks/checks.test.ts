import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SPACE } from '../../core/position.ts'
import { Random } from '../../core/random.ts'
import { SimulatedTestnet } from '../simulated.ts'
import type { View } from '../testnet.ts'
import { anyLive, exactlyOnce } from './broadcast.ts'
import { exactCount, honestCount } from './count.ts'
import { quantile } from './quantile.ts'
import { bandsOf, ringOf } from './ring.ts'

/** n nodes evenly on the ring; each knows exactly those that `knows` names, by steps clockwise. */
function evenly(n: number, knows: readonly number[]): View[] {
  const id = (i: number) => `n${(i + n) % n}`
  return Array.from({ length: n }, (_, i) => ({
    index: i,
    id: id(i),
    position: (SPACE / n) * i,
    contacts: knows.map((step) => id(i + step)),
    ranked: {},
    settled: true,
    successor: id(i + 1),
    predecessor: id(i - 1),
  }))
}

test('a ring is right only where first neighbours are the nearest living ones', () => {
  const views = evenly(8, [])
  assert.deepEqual(ringOf(views), { correct: 16, total: 16 })
  assert.deepEqual(ringOf([...views].reverse()), { correct: 16, total: 16 }, 'whatever the order of the views')
  // n3 is gone: n2 and n4 still point to it.
  assert.deepEqual(ringOf(views.filter(({ id }) => id !== 'n3')), { correct: 12, total: 14 })
  assert.deepEqual(ringOf([{ ...(views[0] as View), successor: undefined, predecessor: undefined }]), {
    correct: 2,
    total: 2,
  })
})

test('two nodes are both neighbours of each other', () => {
  assert.deepEqual(ringOf(evenly(2, [1])), { correct: 4, total: 4 })
})

test('a band counts as filled only by a living contact inside it, and only where somebody far lives', () => {
  // Of 64 nodes, the 4 nearest on each side are no long links; steps 5-7, 8-15, 16-31 and 32-59 are four bands.
  assert.deepEqual(bandsOf(evenly(64, [])), { filled: 0, total: 64 * 4 })
  assert.deepEqual(bandsOf(evenly(64, [5, 8, 16, 32])), { filled: 64 * 4, total: 64 * 4 })
  assert.deepEqual(bandsOf(evenly(64, [7, 15, 31, 59, 1, 2])), { filled: 64 * 4, total: 64 * 4 })
  assert.deepEqual(bandsOf(evenly(64, [5, 16, 32])), { filled: 64 * 3, total: 64 * 4 })
  assert.deepEqual(bandsOf(evenly(8, [1])), { filled: 0, total: 0 }, 'eight nodes are all near')
  // n32 is gone, and only half-way round did n0 know anybody in that band.
  const dead = evenly(64, [5, 8, 16, 32]).filter(({ id }) => id !== 'n32')
  assert.equal(bandsOf(dead).total - bandsOf(dead).filled, 4, 'four nodes had their one link of a band to it')
})

test('quantiles are values of the sample', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.equal(quantile(values, 0.5), 50)
  assert.equal(quantile(values, 0.99), 99)
  assert.equal(quantile([7], 0.99), 7)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

test('the count check fails when a node has died and nobody knows yet', async () => {
  const testnet = new SimulatedTestnet({ seed: 5, stack: { query: { rate: 100, burst: 100 } } })
  await testnet.start(16)
  await testnet.sleep(10_000)
  assert.ok((await exactCount().run(testnet)).ok)
  await testnet.silence(7)
  const { ok, detail } = await exactCount().run(testnet)
  assert.equal(ok, false, detail)
  const answer = await testnet.query(0, 'SELECT count(*) FROM nodes')
  assert.ok(honestCount(answer, 15))
  assert.ok(!honestCount(answer, 14), 'somebody was counted twice')
  assert.ok(!honestCount(answer, 16), 'somebody is missing, and the answer does not say so')
})

test('the broadcast check fails when copies are wasted and when somebody gets nothing', async () => {
  const testnet = new SimulatedTestnet({ seed: 6 })
  await testnet.start(16)
  await testnet.sleep(10_000)
  const plan = { messages: 10, bytes: 100, rate: 20, publisher: anyLive(testnet, new Random(1)) }
  assert.ok((await exactlyOnce({ ...plan, topic: 'a' }).run(testnet)).ok)
  const strict = await exactlyOnce({ ...plan, topic: 'b' }, 0.9).run(testnet)
  assert.equal(strict.ok, false, strict.detail)
  // Deaf: whatever is sent to n3 is lost.
  testnet.simulation.lose(1, { to: 'n3' })
  const deaf = await exactlyOnce({ ...plan, topic: 'c' }, 2, 3000).run(testnet)
  assert.equal(deaf.ok, false, deaf.detail)
})
