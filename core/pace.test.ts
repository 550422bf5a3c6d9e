import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.ts'

test('a peer is allowed once an interval, whoever else asks', () => {
  const pace = new Pace(100)
  const allowed = [0, 50, 99, 100, 150, 250].filter((now) => pace.allows('a', now))
  assert.deepEqual(allowed, [0, 100, 250])
  assert.equal(pace.allows('b', 251), true)
})

test('refusals do not put off the next time: a peer that asks all the time is allowed as often as any', () => {
  const pace = new Pace(100)
  let allowed = 0
  for (let now = 0; now < 1000; now++) if (pace.allows('a', now)) allowed++
  assert.equal(allowed, 10)
})

test('memory is bounded: the longest silent is forgotten first', () => {
  const pace = new Pace(1000, 2)
  for (const id of ['a', 'b', 'c']) pace.allows(id, 0)
  assert.equal(pace.allows('c', 1), false)
  assert.equal(pace.allows('b', 1), false)
  assert.equal(pace.allows('a', 1), true)
})

test('who goes on asking is remembered before one who fell silent, whoever was first', () => {
  const pace = new Pace(100, 2)
  for (const [id, now] of [
    ['a', 0],
    ['b', 50],
    ['a', 100],
    ['c', 101],
  ] as const)
    assert.equal(pace.allows(id, now), true)
  assert.equal(pace.allows('a', 102), false)
  assert.equal(pace.allows('b', 102), true, 'b was the longest silent')
})

test('a clock that steps back silences nobody', () => {
  const pace = new Pace(100)
  pace.allows('a', 1_000_000)
  assert.equal(pace.allows('a', 10), true)
})
