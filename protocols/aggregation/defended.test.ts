import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import { DefendedAggregation, type DefendedInit } from './defended.ts'
import { byHand } from './nodes.fixture.ts'
import { MAX_TEXT } from './sample.ts'

/** A node that knows nobody. */
function lone(init: Partial<DefendedInit>) {
  const timer = () => ({ cancel: () => {} })
  const environment = { ...byHand('me', { time: 1_000_000 }), send: () => {}, after: timer, every: timer }
  return new DefendedAggregation(environment, {
    partners: () => [],
    attributes: () => ({}),
    names: [],
    tops: [],
    unions: [],
    budget: new TokenBucket(1e6, 1e6),
    ...init,
  })
}

test('a node says of itself what others accept: texts that are well-formed and short, numbers that are finite, in their range', () => {
  const attributes = { good: 'ok', broken: '\ud800', long: 'x'.repeat(MAX_TEXT + 1), load: 7, odd: Number.NaN }
  const { unions, largest, smallest } = lone({
    attributes: () => attributes,
    tops: ['load', 'odd', 'good'],
    unions: ['good', 'broken', 'long', 'missing'],
    options: { ranges: { load: [0, 5] } },
  }).lists()
  const members = Object.fromEntries(Object.entries(unions).map(([name, union]) => [name, union.members]))
  assert.deepEqual(members, { good: ['ok'], broken: [], long: [], missing: [] })
  assert.deepEqual(largest, { load: [{ id: 'me', value: 5 }], odd: [], good: [] })
  assert.deepEqual(smallest, largest)
})

test('more than 16 averages, or 4 top lists or unions, are refused in a sentence', () => {
  const names = Array.from({ length: 17 }, (_, i) => `a${i}`)
  assert.throws(() => lone({ names }), /at most 16 attributes .* these are 17/)
  assert.throws(() => lone({ tops: names.slice(0, 5) }), /top lists of at most 4 attributes, these are 5/)
  assert.throws(() => lone({ unions: names.slice(0, 5) }), /unions of at most 4 attributes, these are 5/)
})
