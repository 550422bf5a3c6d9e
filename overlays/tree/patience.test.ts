import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { MOST_ROUNDS, Patience } from './patience.ts'

const PERIOD = 1000
const SURE = 2.7 * PERIOD
const MOST = MOST_ROUNDS * PERIOD

/** After a root's first beacon and those that came the given ms after one another. */
function after(...intervals: readonly number[]): Patience {
  const patience = new Patience(PERIOD)
  let now = 0
  patience.begins(now)
  for (const interval of intervals) {
    now += interval
    patience.came(now)
  }
  return patience
}

const regular = (rounds: number) => Array.from({ length: rounds }, () => PERIOD)

suite('patience', () => {
  test('a root whose beacons come every round is given up after 2.7 rounds', () => {
    assert.equal(after().ms, SURE)
    assert.equal(after(...regular(10)).ms, SURE)
    // The jitter of rounds: 10 % either way, and never less than 2.7 rounds however often it speaks.
    const jitter = after(900, 1100, 950, 1050, 900, 1100).ms
    assert.ok(jitter >= SURE && jitter < SURE * 1.05, `${jitter} ms`)
    assert.equal(after(100, 100, 100).ms, SURE)
  })

  test('a beacon that was lost makes it three rounds, until the next five came as they should', () => {
    assert.equal(after(...regular(10), 2 * PERIOD).ms, MOST)
    let patience = MOST
    for (let came = 1; came <= 5; came++) {
      const next = after(...regular(10), 2 * PERIOD, ...regular(came)).ms
      assert.ok(next <= patience)
      patience = next
    }
    assert.ok(patience < MOST)
  })

  test('another root begins anew, whatever the last one was like', () => {
    const patience = after(2 * PERIOD, 2 * PERIOD, 2 * PERIOD)
    assert.equal(patience.ms, MOST)
    patience.begins(100 * PERIOD)
    assert.equal(patience.ms, SURE)
    assert.equal(patience.latest, 100 * PERIOD)
  })

  test('between 2.7 and 3 rounds however the clock jumps, and one jump counts no more than three lost beacons', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 20 }), (jumps) => {
        const { ms } = after(...jumps)
        assert.ok(ms >= SURE && ms <= MOST, `${ms} ms`)
      }),
    )
    assert.equal(after(1e9, ...regular(6)).ms, after(MOST, ...regular(6)).ms)
    assert.ok(after(1e9, ...regular(12)).ms < MOST)
    assert.equal(after(-1e9, ...regular(6)).ms, SURE)
  })
})
