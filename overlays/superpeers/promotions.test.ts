import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_DOUBLINGS, Promotions } from './promotions.ts'

const PERIOD = 1000

/** Rounds between promotions by somebody who asks in every round, while nobody stays. */
function intervals(promotions: Promotions, count: number, each: (at: number) => void = () => {}): number[] {
  const at: number[] = []
  for (let now = 0; at.length <= count; now += PERIOD) {
    if (promotions.allows(now)) {
      promotions.begin('asking', now)
      at.push(now)
    }
    each(now - (at.at(-1) as number))
    if (now > 1e8) break
  }
  return at.slice(1).map((one, i) => (one - (at[i] as number)) / PERIOD)
}

test('each promotion in vain doubles the time until the next, up to 384 rounds; without doubling it is 12 for ever', () => {
  assert.deepEqual(intervals(new Promotions(PERIOD), 7), [24, 48, 96, 192, 384, 384, 384])
  assert.equal(384, 12 * 2 ** MAX_DOUBLINGS)
  assert.deepEqual(intervals(new Promotions(PERIOD, 0), 3), [12, 12, 12])
})

test('who stays, who asked left out, makes the next promotion come after 12 rounds again; who leaves at once does not', () => {
  const renewing = (client: string, until: number) => {
    const promotions = new Promotions(PERIOD)
    let now = 0
    return intervals(promotions, 3, (since) => {
      if (since % (3 * PERIOD) === 0 && since <= until * PERIOD) promotions.serves(client, now)
      now += PERIOD
    })
  }
  assert.deepEqual(renewing('client', 15), [13, 13, 13]) // the first renewal after 12 rounds, and the question after that
  assert.deepEqual(renewing('client', 9), [24, 48, 96])
  assert.deepEqual(renewing('asking', 15), [24, 48, 96])
})

test('one that was promoted waits three rounds for its first client, and six for more', () => {
  const promotions = new Promotions(PERIOD)
  promotions.begin('asking', 0)
  const waits = (round: number, clients: number) => promotions.isWaiting(round * PERIOD, clients)
  assert.deepEqual([waits(2, 0), waits(3, 0), waits(5, 1), waits(6, 1)], [true, false, true, false])
  assert.equal(new Promotions(PERIOD).isWaiting(0, 0), false)
})
