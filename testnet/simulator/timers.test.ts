import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Timer } from '../../core/environment.ts'
import { Recorder } from './recorder.ts'
import { type NodeInit, Simulation, type SimulationOptions } from './simulation.ts'

function lone(init: NodeInit = {}, options: Partial<SimulationOptions<number>> = {}) {
  const simulation = new Simulation<number, Recorder>({ seed: 1, ...options })
  const { protocol } = simulation.add(init, (environment) => new Recorder(environment))
  const fired: number[] = []
  return { simulation, environment: protocol.environment, fired, fire: () => fired.push(simulation.now) }
}

describe('after', () => {
  test('fires once, at its time, and those of the same time in the order they were set', () => {
    const { simulation, environment } = lone()
    const order: string[] = []
    environment.after(20, () => order.push('b'))
    environment.after(10, () => order.push('a'))
    environment.after(20, () => order.push('c'))
    environment.after(-5, () => order.push('now'))
    simulation.run(19)
    assert.deepEqual(order, ['now', 'a'])
    simulation.run(1000)
    assert.deepEqual(order, ['now', 'a', 'b', 'c'])
  })

  test('cancelled does not fire; cancelling twice or too late does nothing, not even to the timer that took its slot', () => {
    const { simulation, environment, fired, fire } = lone()
    const cancelled = environment.after(10, () => assert.fail('cancelled'))
    cancelled.cancel()
    cancelled.cancel()
    const early = environment.after(5, fire)
    simulation.run(20)
    environment.after(10, fire)
    early.cancel()
    cancelled.cancel()
    simulation.run(20)
    assert.deepEqual(fired, [5, 30])
  })

  test("of a dead incarnation can be cancelled at any time, and nobody else's timer with it", () => {
    for (const pauses of [false, true]) {
      const { simulation, environment, fired, fire } = lone()
      const other = simulation.add({}, (env) => new Recorder(env)).protocol.environment
      const timers = [environment.after(10, fire), environment.every(10, fire)]
      if (pauses) {
        simulation.pause('n0')
        simulation.run(20)
      }
      simulation.kill('n0')
      simulation.run(20)
      const kept = [1, 2, 3].map((ms) => other.after(ms, fire))
      for (const timer of [...timers, ...timers]) timer.cancel()
      for (const ms of [4, 5, 6]) kept.push(other.after(ms, fire))
      const began = simulation.now
      simulation.run(20)
      assert.deepEqual(
        fired.map((at) => at - began),
        [1, 2, 3, 4, 5, 6],
      )
      assert.equal(simulation.pending, 0)
    }
  })

  test('can be cancelled by another timer of the same instant', () => {
    const { simulation, environment } = lone()
    let second: Timer | undefined
    environment.after(10, () => second?.cancel())
    second = environment.after(10, () => assert.fail('cancelled'))
    simulation.run(100)
  })

  test('refuses what is not a time', () => {
    const { environment } = lone()
    for (const delay of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => environment.after(delay, () => {}), RangeError)
    }
    for (const period of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => environment.every(period, () => {}), RangeError)
    }
  })
})

describe('every', () => {
  test('starts at a random phase within the period, uniformly over the nodes', () => {
    const simulation = new Simulation<number, Recorder>({ seed: 1 })
    const phases: number[] = []
    for (let i = 0; i < 1000; i++) {
      const { protocol } = simulation.add({}, (environment) => new Recorder(environment))
      const timer = protocol.environment.every(100, () => {
        phases.push(simulation.now)
        timer.cancel()
      })
    }
    simulation.run(1000)
    assert.equal(phases.length, 1000)
    assert.ok(phases.every((phase) => phase >= 0 && phase < 100))
    const mean = phases.reduce((sum, phase) => sum + phase, 0) / 1000
    assert.ok(Math.abs(mean - 50) < 3, `${mean}`) // standard deviation 0.91
  })

  test('jitters each period by up to a tenth either way and keeps the rate', () => {
    const { simulation, environment, fired, fire } = lone()
    environment.every(100, fire)
    simulation.run(100_000)
    const gaps = fired.slice(1).map((at, i) => at - (fired[i] as number))
    assert.ok(gaps.every((gap) => gap >= 90 && gap <= 110))
    assert.ok(Math.min(...gaps) < 91 && Math.max(...gaps) > 109, 'uses the whole tenth')
    assert.ok(Math.abs(fired.length - 1000) < 10, `${fired.length} in 1000 periods`)
  })

  test('can be cancelled from its own task', () => {
    const { simulation, environment, fired, fire } = lone()
    const timer = environment.every(100, () => {
      fire()
      if (fired.length === 3) timer.cancel()
    })
    simulation.run(10_000)
    assert.equal(fired.length, 3)
    assert.equal(simulation.pending, 0)
  })
})

describe('bounds', () => {
  test('a node that leaks timers is told so; cancelled and fired ones do not count', () => {
    const { simulation, environment } = lone({}, { maxTimers: 10 })
    for (let i = 0; i < 100; i++) environment.after(10, () => {}).cancel()
    for (let i = 0; i < 10; i++) environment.after(10, () => {})
    simulation.run(20)
    for (let i = 0; i < 10; i++) environment.after(10, () => {})
    assert.throws(() => environment.after(10, () => {}), /n0 has 10 timers already/)
  })
})

describe('clocks', () => {
  test('show the epoch and what has passed, each with its own offset and rate; a fast clock makes timers early', () => {
    const { simulation, environment, fired, fire } = lone({ clock: { offset: -500, rate: 1.25 } }, { epoch: 10_000 })
    assert.equal(environment.now(), 9500)
    environment.after(100, fire)
    simulation.run(800)
    assert.equal(environment.now(), 10_500)
    assert.deepEqual(fired, [80])
  })
})
