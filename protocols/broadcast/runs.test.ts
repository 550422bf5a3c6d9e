import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asRuns, numbersOf, Runs } from './runs.ts'

const steps = fc.array(fc.record({ add: fc.boolean(), number: fc.integer({ min: 1, max: 40 }) }), { maxLength: 120 })

test('Runs holds what a set holds, in as few runs as there are', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const runs = new Runs()
      const set = new Set<number>()
      for (const { add, number } of script) {
        if (add) runs.add(number)
        else runs.delete(number)
        if (add) set.add(number)
        else set.delete(number)
        const descending = [...set].sort((a, b) => b - a)
        assert.deepEqual([...numbersOf(runs.newestFirst(), 0)], descending)
        assert.deepEqual(runs.newestFirst(), asRuns(descending))
      }
    }),
  )
})

test('numbersOf stops at the floor', () => {
  const runs = [
    { first: 8, last: Number.MAX_SAFE_INTEGER },
    { first: 2, last: 5 },
  ]
  assert.deepEqual([...numbersOf([runs[1] as never], 3)], [5, 4])
  const endless = numbersOf(runs, 7)
  assert.equal(endless.next().value, Number.MAX_SAFE_INTEGER)
})
