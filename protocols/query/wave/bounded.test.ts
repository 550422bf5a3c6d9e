import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bounded } from './bounded.ts'

const keys = (map: Bounded<number>, all: readonly string[]) => all.filter((key) => map.get(key) !== undefined)

test('so many entries are kept, of so many bytes together: the longest unset go first', () => {
  const map = new Bounded<number>(3, 1000, 10)
  for (const [key, bytes] of [
    ['a', 1],
    ['b', 1],
    ['a', 2],
    ['c', 1],
    ['d', 1],
  ] as const)
    map.set(key, bytes, 0, bytes)
  assert.deepEqual(keys(map, ['a', 'b', 'c', 'd']), ['a', 'c', 'd'])
  map.set('e', 9, 0, 9)
  assert.deepEqual(keys(map, ['a', 'c', 'd', 'e']), ['d', 'e'])
  map.set('e', 2, 0, 2)
  map.set('f', 7, 0, 7)
  assert.deepEqual(keys(map, ['d', 'e', 'f']), ['d', 'e', 'f'], 'what was replaced weighs nothing')
  map.set('g', 11, 0, 11)
  assert.equal(map.size, 0, 'nor is one kept that is too large by itself')
})

test('an entry goes when its time is over, counted from when it was last set', () => {
  const map = new Bounded<number>(9, 1000)
  map.set('a', 1, 0)
  map.set('b', 1, 500)
  map.set('a', 2, 600)
  map.set('c', 1, 1500)
  assert.deepEqual(keys(map, ['a', 'b', 'c']), ['a', 'c'])
  map.clear()
  assert.equal(map.size, 0)
})
