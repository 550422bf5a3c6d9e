import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../core/random.ts'
import { draws, mergeMinima, pointwiseMinimum } from './extrema.ts'
import { Join } from './join.ts'
import { peer } from './nodes.fixture.ts'
import { top, union } from './union.ts'

/** Merging in any order and any number of times comes to the same: what makes loss, duplication and reordering harmless. */
function isJoin<State>(name: string, state: fc.Arbitrary<State>, merge: (a: State, b: State) => State): void {
  test(`${name}: merging is commutative, associative and idempotent`, () => {
    fc.assert(
      fc.property(state, state, state, (a, b, c) => {
        const whole = merge(a, merge(b, c))
        assert.deepEqual(merge(merge(c, a), b), whole)
        assert.deepEqual(merge(whole, b), whole)
        assert.deepEqual(merge(whole, whole), whole)
      }),
    )
  })
}

const numbers = fc.array(fc.double({ noNaN: true }), { minLength: 4, maxLength: 4 })
isJoin('minima of draws', numbers, pointwiseMinimum)
isJoin(
  'minima by key',
  fc
    .dictionary(fc.constantFrom('1', '2', '3'), fc.integer())
    .map((found) => Object.entries(found).map(([key, value]) => [Number(key), value] as const)),
  (a, b) => [...mergeMinima(new Map(a), new Map(b))].sort(([x], [y]) => x - y),
)
const members = fc
  .uniqueArray(fc.string({ maxLength: 2 }))
  .map((found) => union({ members: found, more: false }, { members: [], more: false }, 5))
isJoin('union of at most 5', members, (a, b) => union(a, b, 5))
const ranked = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), value: fc.integer() }))
isJoin(
  'top 3',
  ranked.map((found) => top(found, [], 3)),
  (a, b) => top(a, b, 3),
)

test('unions and top lists are cut to their limits, whatever comes, and say so', () => {
  const many = Array.from({ length: 1000 }, (_, i) => `${i}`)
  assert.deepEqual(union({ members: many, more: false }, { members: [], more: false }, 3), {
    members: ['0', '1', '10'],
    more: true,
  })
  assert.equal(union({ members: many, more: false }, { members: [], more: false }, 1e9).members.length, 256)
  assert.equal(
    top(
      many.map((id) => ({ id, value: 1 })),
      [],
      1e9,
    ).length,
    256,
  )
  const minima = new Map(Array.from({ length: 1000 }, (_, i) => [i, i]))
  assert.equal(mergeMinima(new Map(), minima).size, 128)
  assert.equal(mergeMinima(new Map([[5000, 1]]), minima).get(5000), 1, 'what is known is not driven out')
})

test('draws are positive, fit 32-bit floats, and their minimum over n nodes has mean 1/n', () => {
  const random = new Random(3)
  const nodes = Array.from({ length: 50 }, () => draws(random, 500))
  assert.ok(nodes.flat().every((draw) => draw > 0 && draw === Math.fround(draw)))
  const minimum = nodes.reduce(pointwiseMinimum)
  assert.ok(Math.abs(minimum.reduce((a, b) => a + b, 0) / 500 - 1 / 50) < 0.003)
})

test('a join ends with the merged state on both sides; an answer that is lost costs the initiator a round', () => {
  const make = (state: number) => new Join(state, { partner: () => undefined, merge: Math.max })
  const [a, b] = [make(1), make(5)]
  b.answer(peer('a'), a.offer())
  assert.deepEqual([a.state, b.state], [1, 5])
  a.absorb(peer('b'), b.answer(peer('a'), a.offer()))
  assert.deepEqual([a.state, b.state], [5, 5])
})
