import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Gaps } from './gaps.ts'

const PATIENCE = 1000

/** Gaps of two publishers and deliveries by number, at ascending times; every sequence is in one gap at most. */
const course = fc.array(
  fc.record({
    publisher: fc.constantFrom('a', 'b'),
    kind: fc.constantFrom('gap', 'delivery', 'turn'),
    size: fc.integer({ min: 1, max: 5 }),
    after: fc.nat(600),
  }),
  { maxLength: 60 },
)

test('of what lacks in an order each number is delivered or told once, never both, and in the end nothing waits', () => {
  fc.assert(
    fc.property(course, fc.integer({ min: 1, max: 4 }), (steps, limit) => {
      const ends = new Map<string, number>()
      const end = (name: string) => ends.set(name, (ends.get(name) ?? 0) + 1)
      const gaps = new Gaps(limit, PATIENCE, (publisher, { range: { first, last } }) => {
        assert.ok(first <= last)
        for (let sequence = first; sequence <= last; sequence++) end(`${publisher}/${sequence}`)
      })
      const added = new Map<string, number>([
        ['a', 0],
        ['b', 0],
      ])
      const passed = new Map<string, number>()
      const expected = new Set<string>()
      let now = 0
      for (const { publisher, kind, size, after } of steps) {
        now += after
        if (kind === 'gap') {
          const first = Math.max(added.get(publisher) as number, passed.get(publisher) ?? 0) + 1
          const last = first + size - 1
          added.set(publisher, last)
          for (let sequence = first; sequence <= last; sequence++) expected.add(`${publisher}/${sequence}`)
          gaps.add(publisher, { range: { first, last }, reason: 'lost' }, now)
        } else if (kind === 'delivery') {
          const sequence = (passed.get(publisher) ?? 0) + size
          passed.set(publisher, sequence)
          const name = `${publisher}/${sequence}`
          if (expected.has(name) && !ends.has(name)) end(name) // its patience is not over
          gaps.passed(publisher, sequence)
        } else gaps.turn(now)
        assert.ok(gaps.size <= limit)
      }
      gaps.turn(now + PATIENCE + 1)
      assert.equal(gaps.size, 0)
      assert.deepEqual(new Set(ends.keys()), expected)
      for (const [name, times] of ends) assert.equal(times, 1, name)
    }),
  )
})

test('what lacks is told before a later one of its publisher is delivered, with its reason; else after the patience, and no earlier', () => {
  const told: [string, number, number, string][] = []
  const gaps = new Gaps(8, PATIENCE, (publisher, { range, reason }) => {
    told.push([publisher, range.first, range.last, reason])
  })
  gaps.add('a', { range: { first: 3, last: 7 }, reason: 'lost' }, 0)
  gaps.add('b', { range: { first: 1, last: 1 }, reason: 'full' }, 0)
  gaps.passed('a', 2)
  gaps.turn(PATIENCE)
  assert.deepEqual(told, [])
  gaps.passed('a', 5)
  assert.deepEqual(told, [['a', 3, 4, 'lost']])
  gaps.turn(PATIENCE + 1)
  assert.deepEqual(told.slice(1), [
    ['a', 6, 7, 'lost'],
    ['b', 1, 1, 'full'],
  ])
})
