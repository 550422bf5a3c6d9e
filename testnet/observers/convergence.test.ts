import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Convergence, converge } from './convergence.ts'

/** A clock, and a value that is read off it. */
function clock(value: (now: number) => number) {
  const simulation = {
    now: 500,
    run: (ms: number) => {
      simulation.now += ms
    },
  }
  return { simulation, measure: () => value(simulation.now) }
}

describe('convergence', () => {
  test('is at the first sample that holds, and the curve shows the way to it', () => {
    const { simulation, measure } = clock((now) => now / 1000)
    const { at, converged, curve } = converge(simulation, measure, {
      holds: (value) => value >= 1,
      every: 100,
      limit: 9000,
    })
    assert.deepEqual([at, converged, simulation.now], [1000, true, 1000])
    assert.deepEqual(
      curve.map((sample) => sample.at),
      [500, 600, 700, 800, 900, 1000],
    )
    assert.equal(curve[2]?.value, 0.7)
  })

  test('needs as many samples on end as asked: one that held by chance does not count', () => {
    const { simulation, measure } = clock((now) => (now === 600 || now === 700 || now >= 900 ? 1 : 0))
    const options = { holds: (value: number) => value === 1, every: 100, limit: 9000 }
    const { at, curve } = converge(simulation, measure, { ...options, samples: 3 })
    assert.equal(at, 900)
    assert.equal(curve.at(-1)?.at, 1100)
    assert.equal(converge(clock(measure).simulation, () => 1, { ...options, samples: 3 }).curve.length, 3)
  })

  test('that does not come is given up at the limit', () => {
    const { simulation, measure } = clock(() => 0)
    const { at, converged, curve } = converge(simulation, measure, {
      holds: (value) => value > 0,
      every: 100,
      limit: 350,
    })
    assert.deepEqual([at, converged, curve.length, simulation.now], [undefined, false, 4, 800])
  })

  test('once reached keeps its time, whatever comes later; NaN does not hold', () => {
    const convergence = new Convergence({ holds: (value) => value > 0.9, samples: 2 })
    for (const [at, value] of [Number.NaN, 1, 1, 0, 1, 1].entries()) convergence.add(at, value)
    assert.equal(convergence.at, 1)
    assert.equal(convergence.curve.length, 6)
  })

  test('of impossible steps, limits or numbers of samples is refused', () => {
    const { simulation, measure } = clock(() => 0)
    const options = { holds: () => true, every: 100, limit: 100 }
    for (const every of [0, -1, Number.NaN])
      assert.throws(() => converge(simulation, measure, { ...options, every }), RangeError)
    for (const limit of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => converge(simulation, measure, { ...options, limit }), RangeError)
    }
    for (const samples of [0, 1.5])
      assert.throws(() => converge(simulation, measure, { ...options, samples }), RangeError)
  })
})
