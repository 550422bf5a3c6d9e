import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import { network, weighty } from '../simulator/recorders.fixture.ts'
import { loadOf, loadPerNode, overBudget } from './load.ts'

/** n0 sends n1 300 bytes in the second second and 50 in the fourth; n1 sends n2 80 in the first. */
function loaded() {
  const { simulation, say } = network(3, { codec: weighty })
  say('n1', 'n2', 80)
  simulation.run(1000)
  for (const bytes of [100, 150, 50]) say('n0', 'n1', bytes)
  simulation.run(2000)
  say('n0', 'n1', 50)
  simulation.run(1000)
  return simulation
}

describe('load', () => {
  test('is what was sent a round, mean and maximum over nodes, and the most in any second', () => {
    const { messagesPerRound, bytesPerRound, mostMessages, mostBytes } = loadOf(loaded().nodes, 2)
    assert.deepEqual(messagesPerRound, { mean: 5 / 3 / 2, max: 2 })
    assert.ok(Math.abs(bytesPerRound.mean - 430 / 3 / 2) < 1e-9)
    assert.deepEqual([bytesPerRound.max, mostMessages, mostBytes], [175, 3, 300])
  })

  test('per node says who carries it, in both directions', () => {
    const [n0, n1, n2] = loadPerNode(loaded().nodes, 2)
    const nothing = { messagesPerRound: 0, bytesPerRound: 0, mostMessages: 0, mostBytes: 0 }
    const burst = { messagesPerRound: 2, bytesPerRound: 175, mostMessages: 3, mostBytes: 300 }
    const one = { messagesPerRound: 0.5, bytesPerRound: 40, mostMessages: 1, mostBytes: 80 }
    assert.deepEqual(n0, { id: 'n0', sent: burst, received: nothing })
    assert.deepEqual(n1, { id: 'n1', sent: one, received: burst })
    assert.deepEqual(n2, { id: 'n2', sent: nothing, received: one })
  })
})

describe('a budget', () => {
  test('is exceeded by those who sent more in any second, the worst first', () => {
    const { nodes } = loaded()
    assert.deepEqual(overBudget(nodes, 79), [
      { id: 'n0', bytes: 300 },
      { id: 'n1', bytes: 80 },
    ])
    assert.deepEqual(overBudget(nodes, 80), [{ id: 'n0', bytes: 300 }])
    assert.deepEqual(overBudget(nodes, 300), [])
  })

  test('that a token bucket keeps is exceeded by nobody, and without the bucket by who sends the same', () => {
    const sent = (limited: boolean) => {
      const { simulation, say } = network(2, { codec: weighty })
      const bucket = new TokenBucket(800, 200)
      for (let i = 0; i < 2000; i++) {
        simulation.run(simulation.random.float() * 10)
        const bytes = 1 + simulation.random.integer(100)
        if (!limited || bucket.take(simulation.now, bytes)) say('n0', 'n1', bytes)
      }
      return overBudget(simulation.nodes, 1000)
    }
    assert.deepEqual(sent(true), [])
    assert.equal(sent(false).length, 1)
  })

  test('cannot be checked without a codec, and must be a number', () => {
    const { simulation, say } = network(2)
    assert.deepEqual(overBudget(simulation.nodes, 100), [])
    say('n0', 'n1', 5)
    assert.throws(() => overBudget(simulation.nodes, 100), /needs a codec/)
    for (const budget of [-1, Number.NaN]) assert.throws(() => overBudget(loaded().nodes, budget), RangeError)
  })
})
