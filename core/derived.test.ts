import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Derived } from './derived.ts'

test('is made again when a list is another one, when there are more or fewer, and in another order; otherwise it is the same', () => {
  let made = 0
  const joined = new Derived((lists: readonly (readonly string[])[]) => {
    made++
    return lists.flat()
  })
  const [a, b] = [['a'], ['b']]
  assert.equal(joined.of([]), joined.of([]))
  assert.deepEqual(joined.of([]), [])
  const both = joined.of([a, b])
  assert.deepEqual(both, ['a', 'b'])
  assert.equal(joined.of([a, b]), both)
  assert.equal(made, 2)
  assert.deepEqual(joined.of([b, a]), ['b', 'a'])
  assert.deepEqual(joined.of([b]), ['b'])
  assert.deepEqual(joined.of([['b']]), ['b'])
  assert.deepEqual(joined.of([]), [])
  assert.equal(made, 6)
})
