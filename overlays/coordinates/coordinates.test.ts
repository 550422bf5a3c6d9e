import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../core/random.ts'
import { type Coordinate, Coordinates, type CoordinatesOptions, isCoordinate, predicted } from './coordinates.ts'

const UNDEFENDED = { maxStep: Number.POSITIVE_INFINITY, implausible: Number.POSITIVE_INFINITY }
/** Very sure of itself, and nowhere near. */
const lie = (random: Random): Coordinate => ({
  x: (random.float() - 0.5) * 4000,
  y: (random.float() - 0.5) * 4000,
  height: 0,
  error: 0,
})

/**
 * Nodes in a square of 100 ms with access links of up to 10 ms, each asking one at random a round.
 * @returns the median relative error of what honest nodes predict of each other
 */
function medianError(init: { liars?: number; options?: Partial<CoordinatesOptions>; rounds?: number }): number {
  const { liars = 0, options = {}, rounds = 400 } = init
  const nodes = 100
  const random = new Random(5)
  const places = Array.from(
    { length: nodes },
    () => [random.float() * 100, random.float() * 100, random.float() * 5] as const,
  )
  const all = places.map((_, i) => new Coordinates(random.fork(`${i}`), options))
  const rtt = (a: number, b: number) => {
    const [p, q] = [places[a] as readonly number[], places[b] as readonly number[]]
    return Math.hypot(p[0]! - q[0]!, p[1]! - q[1]!) + p[2]! + q[2]! + random.float()
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = liars; i < nodes; i++) {
      const j = random.integer(nodes)
      if (j !== i) all[i]?.observe(j < liars ? lie(random) : (all[j] as Coordinates).own, rtt(i, j))
    }
  }
  const errors: number[] = []
  for (let i = liars; i < nodes; i++) {
    for (let j = liars; j < i; j++) {
      const true_ = rtt(i, j)
      errors.push(Math.abs(predicted((all[i] as Coordinates).own, (all[j] as Coordinates).own) - true_) / true_)
    }
  }
  errors.sort((a, b) => a - b)
  return errors[errors.length >> 1] as number
}

test('nodes that measure round trips learn to predict those they never measured', () => {
  const error = medianError({})
  assert.ok(error < 0.1, `median error ${error}`)
})

test('a tenth of liars: defended, predictions stay good; undefended, they are worthless', () => {
  const defended = medianError({ liars: 10 })
  const undefended = medianError({ liars: 10, options: UNDEFENDED })
  assert.ok(defended < 0.15, `defended ${defended}`)
  assert.ok(undefended > 1, `undefended ${undefended}`)
})

test('whatever is claimed and measured, the own coordinate is one that others accept, and one observation moves it by 50 ms at most', () => {
  const odd = fc.oneof(fc.double(), fc.double({ min: -20_000, max: 20_000 }), fc.double({ min: 0, max: 2 }))
  const claim = fc.record({ x: odd, y: odd, height: odd, error: odd })
  fc.assert(
    fc.property(fc.array(fc.tuple(claim, odd), { maxLength: 60 }), fc.nat(), (observed, seed) => {
      const coordinates = new Coordinates(new Random(seed))
      for (const [remote, rtt] of observed) {
        const before = coordinates.own
        coordinates.observe(remote, rtt)
        const { own } = coordinates
        assert.ok(isCoordinate(own), JSON.stringify(own))
        assert.ok(own.error > 0)
        assert.ok(Math.hypot(own.x - before.x, own.y - before.y) <= 50 + 1e-9)
        assert.ok(Math.abs(own.height - before.height) <= 50 + 1e-9)
      }
    }),
    { numRuns: 300 },
  )
})

test('a round trip of ten seconds to a node nearby moves a node by 50 ms and no more; undefended by seconds', () => {
  const moved = (options?: Partial<CoordinatesOptions>) => {
    const coordinates = new Coordinates(new Random(1), options)
    coordinates.observe({ x: 100, y: 0, height: 0, error: 0 }, 10_000)
    assert.equal(coordinates.tally.get('observed'), 1)
    return Math.hypot(coordinates.own.x, coordinates.own.y)
  }
  assert.ok(Math.abs(moved() - 50) < 0.1, `${moved()} ms`)
  assert.ok(moved(UNDEFENDED) > 2000, `${moved(UNDEFENDED)} ms`)
})

test('who claims never to be wrong moves a node that is sure of its place by half of the gain, not by all of it', () => {
  const coordinates = new Coordinates(new Random(1))
  const remote = { x: 100, y: 0, height: 0, error: 0 }
  const rtt = predicted(coordinates.own, remote)
  for (let i = 0; i < 200; i++) coordinates.observe(remote, rtt)
  assert.equal(coordinates.own.error, 0.05)
  coordinates.observe(remote, rtt + 40)
  assert.ok(Math.abs(coordinates.own.x + 5) < 0.1, `an eighth of 40 ms: ${coordinates.own.x}`)
})

test('a claim that is none is refused and counted', () => {
  const coordinates = new Coordinates(new Random(1))
  const good = { x: 1, y: 2, height: 3, error: 0.5 }
  const bad = [
    { ...good, x: Number.NaN },
    { ...good, y: Number.POSITIVE_INFINITY },
    { ...good, x: 1e9 },
    { ...good, height: -1 },
    { ...good, error: -1 },
  ]
  for (const claim of bad) coordinates.observe(claim, 10)
  for (const rtt of [Number.NaN, -1, 1e9]) coordinates.observe(good, rtt)
  assert.deepEqual(coordinates.tally.toJSON(), { refused: 8 })
  assert.deepEqual(coordinates.own, { x: 0, y: 0, height: 0.1, error: 1 })
})

test('who really moved is followed, though nothing that it measures is plausible at first', () => {
  const random = new Random(2)
  const mine = new Coordinates(random)
  const anchors = Array.from({ length: 20 }, () => ({
    x: random.float() * 100,
    y: random.float() * 100,
    height: 1,
    error: 0.1,
  }))
  const ask = (x: number, y: number, times: number) => {
    for (let k = 0; k < times; k++) {
      const anchor = anchors[k % 20] as Coordinate
      mine.observe(anchor, Math.hypot(anchor.x - x, anchor.y - y) + 2)
    }
  }
  ask(50, 50, 400)
  ask(600, 50, 400)
  // The mirror image of its place is as good to those it measures against.
  const wrong = anchors.map((anchor) => predicted(mine.own, anchor) - Math.hypot(anchor.x - 600, anchor.y - 50) - 2)
  const mean = wrong.reduce((sum, by) => sum + Math.abs(by), 0) / wrong.length
  assert.ok(mean < 60, `${mean} ms wrong of 550, at ${JSON.stringify(mine.own)}`)
})
