import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byHand, peer } from './nodes.fixture.ts'
import { Standing } from './standing.ts'

test('what overshot in COUNT, as answers that are long under way make it, is averaged like all else; no liar gets further than a range beyond', () => {
  const clock = { time: 1000 }
  const init = { partners: () => [], attributes: () => ({}), names: [], size: () => undefined, ended: () => {} }
  const standing = new Standing(byHand('me', clock), init)
  clock.time = 31_000
  standing.partner()
  const { epoch } = standing
  const claimed = (value: number) => {
    const transfer = { id: 1, keys: [2 ** 31 + 1], values: [value] }
    const offer = { epoch, transfer, draws: [], minima: new Map() }
    const answer = standing.answer(peer(`of ${value}`.replace(' ', '')), offer)
    return answer?.transfer.deltas[0]
  }
  assert.deepEqual([claimed(-0.25), standing.transfers.values], [0.125, [-0.125]])
  assert.equal(claimed(1e9), (-0.125 - 2) / 2)
})

test('how much the network changed is told by the last 64 transfers, and by none before them', () => {
  const clock = { time: 1000 }
  const standing = new Standing(byHand('me', clock), {
    partners: () => [],
    attributes: () => ({}),
    names: [],
    size: () => undefined,
    ended: () => {},
  })
  clock.time = 31_000
  standing.partner()
  const answered = (epoch: number) => {
    standing.absorb(peer('p'), { epoch, transfer: { id: 0, deltas: [] }, draws: [], minima: new Map() })
    return standing.turnover
  }
  assert.ok(standing.epoch > 0)
  assert.equal(answered(0), 1, 'the partner takes no part in this epoch')
  const shares = Array.from({ length: 64 }, () => answered(standing.epoch))
  assert.deepEqual([shares[0], shares[62], shares[63]], [1 / 2, 1 / 64, 0])
})
