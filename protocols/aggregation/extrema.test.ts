import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../core/random.ts'
import { draws, mergeMinima, pointwiseMinimum } from './extrema.ts'
import type { Kept } from './sample.ts'
import { sampleOf } from './samples-codec.ts'
import { Top } from './top.ts'
import { Union } from './union.ts'

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

// To a minimum 0 and -0 are the same, and to `deepEqual` they are not: of one run in some hundreds the draws had both in one place.
const number = fc.double({ noNaN: true }).map((value) => value + 0)
const numbers = fc.array(number, { minLength: 4, maxLength: 4 })
isJoin('minima of draws', numbers, pointwiseMinimum)
isJoin(
  'minima by key',
  fc
    .dictionary(fc.constantFrom('1', '2', '3'), fc.integer())
    .map((found) => Object.entries(found).map(([key, value]) => [Number(key), value] as const)),
  (a, b) => [...mergeMinima(new Map(a), new Map(b))].sort(([x], [y]) => x - y),
)

/** Of one time each: what a node says in its sample. */
const said = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.integer({ min: 0, max: 3 })).map(([id]) => {
    const number = id.charCodeAt(0) % 4
    return sampleOf(id, 1000, new Map(id === 'f' ? [] : [[1, number]]), { texts: new Map([[2, `t${number}`]]) })
  }),
)

/** What is kept does not depend on order or number. */
function listIsJoin(name: string, make: () => Kept, shown: (kept: Kept) => unknown): void {
  test(`${name}: commutative, associative, idempotent; the old leaves, the later replaces`, () => {
    fc.assert(
      fc.property(said, said, (a, b) => {
        const of = (...lists: (typeof a)[]) => {
          const kept = make()
          for (const one of lists.flat()) kept.consider(one)
          return shown(kept)
        }
        assert.deepEqual(of(a, b), of(b, a))
        assert.deepEqual(of(a, b, a, b), of(a, b))
        const kept = make()
        for (const one of [...a, ...b]) kept.consider(one)
        kept.forget(999)
        assert.deepEqual(shown(kept), of(a, b))
        for (const { id } of [...a, ...b]) kept.consider(sampleOf(id, 1001, new Map()))
        assert.deepEqual(kept.samples, [], 'who has nothing any more is on no list')
        for (const one of [...a, ...b]) kept.consider({ ...one, issued: 2000 })
        assert.deepEqual(shown(kept), of(a, b))
        kept.forget(2000)
        assert.deepEqual(kept.samples, [])
      }),
    )
  })
}

listIsJoin(
  'top 3',
  () => new Top(1, 3, true),
  (kept) => (kept as Top).ranked,
)
listIsJoin(
  'union',
  () => new Union(2),
  (kept) => (kept as Union).members,
)

test('the largest come first, and the smallest where they are asked for', () => {
  const [largest, smallest] = [new Top(1, 2, true), new Top(1, 2, false)]
  for (const [id, value] of [
    ['a', 3],
    ['b', 9],
    ['c', -1],
    ['d', 9],
  ] as const) {
    for (const top of [largest, smallest]) top.consider(sampleOf(id, 1, new Map([[1, value]])))
  }
  assert.deepEqual(largest.ranked, [
    { id: 'b', value: 9 },
    { id: 'd', value: 9 },
  ])
  assert.deepEqual(
    smallest.ranked.map(({ value }) => value),
    [-1, 3],
  )
})

test('an earlier word of a node does not replace its later one, on a list or in a union, whichever comes first', () => {
  const said = (issued: number, value: number) =>
    sampleOf('a', issued, new Map([[1, value]]), { texts: new Map([[2, `t${value}`]]) })
  const [top, union] = [new Top(1, 3, true), new Union(2)]
  for (const kept of [top, union])
    for (const [issued, value] of [
      [2000, 5],
      [1000, 9],
    ] as const)
      kept.consider(said(issued, value))
  assert.deepEqual(top.ranked, [{ id: 'a', value: 5 }])
  assert.ok(union.members.includes('t5'))
})

test('a union that was cut says so until what had no room is as old as what is forgotten', () => {
  const union = new Union(2)
  const text = (i: number) => `t${String(i).padStart(3, '0')}`
  const consider = (i: number, issued: number) =>
    union.consider(sampleOf(`n${i}`, issued, new Map(), { texts: new Map([[2, text(i)]]) }))
  for (let i = 0; i < 256; i++) consider(i, 1000)
  assert.equal(union.more, false)
  consider(256, 2000)
  assert.deepEqual([union.more, union.members.at(-1)], [true, text(255)])
  union.forget(1500)
  assert.deepEqual([union.more, union.members], [true, []])
  union.forget(2000)
  assert.equal(union.more, false)
})

test('unions and minima are cut to their limits, whatever comes, and unions say so', () => {
  const whole = new Union(2)
  for (let i = 0; i < 256; i++) whole.consider(sampleOf(`n${i}`, 1, new Map(), { texts: new Map([[2, `m${i}`]]) }))
  assert.deepEqual([whole.members.length, whole.more], [256, false])
  whole.consider(sampleOf('one more', 1, new Map(), { texts: new Map([[2, 'a']]) }))
  assert.deepEqual([whole.members.length, whole.more, whole.members[0]], [256, true, 'a'])
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
