import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Random } from '../../core/random.ts'
import { FirstHand, SPACING } from './first-hand.ts'
import { peer } from './nodes.fixture.ts'
import { sampleOf } from './samples-codec.ts'
import { ringAround } from './size/ring.ts'

const KEY = 7
const of = (id: string, value: number, issued = 1000) => sampleOf(id, issued, new Map([[KEY, value]]))
const hand = (kept = 400, trim = 0.05) => new FirstHand({ kept, trim, ranges: new Map([[KEY, [0, 1] as const]]) })

describe('first-hand values', () => {
  test('at most so many, the latest of each node; who answered longest ago goes first; the outdated and the dead go', () => {
    const mine = hand(3)
    for (const id of ['a', 'b', 'c']) mine.heard(of(id, 0))
    mine.heard(of('a', 1, 2000))
    mine.heard(of('a', 0.5, 1500))
    assert.equal(mine.mean(KEY), 1 / 3, 'its latest')
    mine.heard(of('d', 0))
    assert.deepEqual([mine.size, mine.mean(KEY)], [3, 1 / 3], 'b is gone, not a')
    mine.forget(1000)
    assert.deepEqual([mine.size, mine.mean(KEY)], [1, 1])
    mine.remove('a')
    assert.deepEqual([mine.size, mine.mean(KEY), mine.anchor(KEY, 1)], [0, undefined, undefined])
  })

  test('the average of many nodes lies within what is stated of a few of them, 5 % of liars among all, in 95 % of trials', () => {
    const random = new Random(1)
    let held = 0
    for (let trial = 0; trial < 300; trial++) {
      const mine = hand()
      for (let i = 0; i < 30; i++) mine.heard(of(`h${i}`, random.chance(0.05) ? 1 : random.float() / 2))
      const { value, half, below, above } = mine.anchor(KEY, 1)!
      if (value - half - below <= 0.25 && 0.25 <= value + half + above) held++
    }
    assert.ok(held >= 0.95 * 300, `${held} of 300`)
  })

  test('of one value nothing is known of the others, unless there are none', () => {
    const mine = hand()
    mine.heard(of('a', 0.5))
    assert.deepEqual([mine.anchor(KEY, 0.5)?.half, mine.anchor(KEY, 0)?.half], [Infinity, 0])
  })

  test('how many there are by the spacing around partners: within what is stated in 95 % of trials, a quarter of wrong ones or none', () => {
    const random = new Random(2)
    const nodes = 1000
    const stretch = () => {
      let length = 0
      for (let i = 0; i < 8; i++) length -= Math.log(1 - random.float()) / nodes
      return { length, spacings: 8 }
    }
    const holds = (wrong: number, lie: number, partners = 31) => {
      let held = 0
      for (let trial = 0; trial < 300; trial++) {
        const mine = hand()
        for (let i = 0; i < partners; i++) {
          const { length, spacings } = stretch()
          mine.told(`p${i}`, new Map([[SPACING, i < wrong ? lie : length / spacings]]))
        }
        const { low, high } = mine.network(stretch())
        if (low <= nodes && nodes <= high) held++
      }
      return held / 300
    }
    assert.ok(holds(0, 0) >= 0.95)
    assert.ok(holds(0, 0, 0) >= 0.93, 'of this node alone')
    for (const lie of [0, 1]) {
      assert.ok(holds(2, lie) >= 0.93)
      assert.ok(holds(20, lie) < 0.5, 'more than half lie')
    }
  })

  test('a ring that is seen all round is known', () => {
    const [self, ...others] = Array.from({ length: 7 }, (_, i) => peer(`n${i}`))
    assert.ok(self !== undefined)
    const closed = ringAround(self, { successors: others.slice(0, 4), predecessors: others.slice(2) })
    assert.deepEqual(closed, { length: 1, spacings: 7 })
    assert.deepEqual(hand().network(closed!), { value: 7, low: 7, high: 7, confidence: 0.95 })
    const open = ringAround(self, { successors: others.slice(0, 3), predecessors: others.slice(3) })
    assert.equal(open?.spacings, 6)
  })
})
