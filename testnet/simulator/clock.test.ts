import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { network, record } from './recorders.fixture.ts'

function clock(rate?: number) {
  const { simulation, protocol } = network(1, { epoch: 0 }, rate === undefined ? {} : { clock: { rate } })
  const now = () => protocol('n0').environment.now()
  return { simulation, now, environment: protocol('n0').environment }
}

describe('a clock that is set', () => {
  test('ahead jumps at once and goes on at its rate', () => {
    const { simulation, now } = clock()
    simulation.run(1000)
    simulation.setClock('n0', { step: 500 })
    assert.equal(now(), 1500)
    simulation.run(100)
    assert.equal(now(), 1600)
  })

  test('back stands still until it has caught up: now() never goes back', () => {
    const { simulation, now } = clock()
    simulation.run(1000)
    simulation.setClock('n0', { step: -300 })
    assert.equal(now(), 1000)
    simulation.run(299)
    assert.equal(now(), 1000)
    simulation.run(2)
    assert.equal(now(), 1001)
  })

  test('any number of times is monotonic between restarts and right in the end', () => {
    const { simulation, now } = clock()
    const random = simulation.random
    let exact = 0
    let rate = 1
    let last = 0
    for (let i = 0; i < 500; i++) {
      const ms = random.integer(50)
      simulation.run(ms)
      exact += ms * rate
      assert.ok(now() >= last && now() >= exact - 1e-6)
      last = now()
      const step = random.integer(200) - 100
      rate = 0.5 + random.float()
      exact += step
      simulation.setClock('n0', { step, rate })
    }
    simulation.setClock('n0', { rate: 1 })
    simulation.run(10_000)
    assert.ok(Math.abs(now() - (exact + 10_000)) < 1e-6)
  })

  test('back is seen by the process that starts next, which knows nothing of the one before', () => {
    const { simulation } = clock()
    simulation.run(1000)
    simulation.setClock('n0', { step: -300 })
    simulation.restart('n0', record)
    assert.equal(simulation.node('n0').environment.now(), 700)
    assert.equal(simulation.node('n0').self.issued, 700)
  })

  test('to another rate runs at it from then on; it is the one its timers go by from then on', () => {
    const { simulation, now, environment } = clock(2)
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name} ${simulation.now}`)
    simulation.run(100)
    assert.equal(now(), 200)
    environment.after(200, note('set before'))
    simulation.setClock('n0', { rate: 0.5 })
    environment.after(200, note('set after'))
    simulation.run(100)
    assert.equal(now(), 250)
    simulation.run(900)
    assert.deepEqual(fired, ['set before 200', 'set after 500'])
  })

  test('does not move the timers of its node by a step, nor the clock of any other node', () => {
    const { simulation, protocol } = network(2, { epoch: 0 })
    let fired = 0
    protocol('n0').environment.after(1000, () => {
      fired = simulation.now
    })
    simulation.setClock('n0', { step: 5000 })
    simulation.run(2000)
    assert.equal(fired, 1000)
    assert.equal(protocol('n1').environment.now(), 2000)
  })

  test('is what a node finds that slept: a pause', () => {
    const { simulation, now, environment } = clock()
    let seen = 0
    environment.after(10, () => {
      seen = now()
    })
    simulation.pause('n0', 60_000)
    simulation.run(60_000)
    assert.equal(seen, 60_000)
  })

  test('impossibly is refused and changes nothing', () => {
    const { simulation, now } = clock()
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => simulation.setClock('n0', { rate, step: 5 }), RangeError)
      assert.throws(() => clock(rate), RangeError)
    }
    for (const step of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => simulation.setClock('n0', { step, rate: 2 }), RangeError)
    }
    simulation.run(100)
    assert.equal(now(), 100)
  })
})
