import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { network } from './recorders.fixture.ts'

/** How many of `count` messages that left one a ms arrive after a later one. */
function overtaken({ simulation, protocol, say }: ReturnType<typeof network>, count: number): number {
  const before = protocol('n1').heard.length
  for (let i = 0; i < count; i++) {
    say('n0', 'n1', i)
    simulation.run(1)
  }
  simulation.run(1000)
  let latest = -1
  let late = 0
  for (const message of protocol('n1').messages.slice(before)) {
    if (message < latest) late++
    latest = Math.max(latest, message)
  }
  assert.equal(protocol('n1').heard.length - before, count, 'none is lost')
  return late
}

describe('reordering', () => {
  test('delays the configured share of the messages by up to the configured time, the rest not at all', () => {
    const { simulation, protocol, say, times } = network(2, { reorder: { rate: 0.2, ms: 100 } })
    for (let i = 0; i < 10_000; i++) say('n0', 'n1', i)
    simulation.run(1000)
    assert.equal(protocol('n1').heard.length, 10_000)
    const delayed = times('n1').filter((at) => at > 10)
    assert.ok(Math.abs(delayed.length - 2000) < 160, `${delayed.length} of 10000 delayed`)
    assert.ok(Math.max(...delayed) < 110 && Math.max(...delayed) > 109)
  })

  test('lets later messages overtake under a constant latency, which none does without it; and can be lifted', () => {
    const each = network(2)
    assert.equal(overtaken(each, 500), 0)
    each.simulation.reorder({ rate: 0.3, ms: 50 })
    const late = overtaken(each, 500)
    assert.ok(late > 100 && late < 160, `${late} of 500 overtaken`)
    each.simulation.reorder({ rate: 0, ms: 50 })
    assert.equal(overtaken(each, 500), 0)
  })

  test('does not change what else is left to chance, and holds when the latency is set anew', () => {
    const times = (rate: number) => {
      const each = network(2, { latency: (random) => 10 + random.float(), reorder: { rate, ms: 50 } })
      for (let i = 0; i < 100; i++) each.say('n0', 'n1', i)
      each.simulation.run(1000)
      return each.protocol('n1').heard.map(({ at, message }) => ({ at, message }))
    }
    const exact = new Map(times(0).map(({ at, message }) => [message, at]))
    const same = times(0.5).filter(({ at, message }) => at === exact.get(message)).length
    assert.ok(same > 30 && same < 70, `${same} of 100 as without reordering`)
    const each = network(2, { reorder: { rate: 1, ms: 100 } })
    each.simulation.setLatency(500)
    each.say('n0', 'n1', 1)
    each.simulation.run(1000)
    const [at = 0] = each.times('n1')
    assert.ok(at > 500 && at < 600, `${at}`)
  })

  test('by an impossible rate or time is refused', () => {
    for (const rate of [-0.1, 1.1, Number.NaN])
      assert.throws(() => network(1, { reorder: { rate, ms: 1 } }), RangeError)
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => network(1).simulation.reorder({ rate: 0.1, ms }), RangeError)
    }
  })
})
