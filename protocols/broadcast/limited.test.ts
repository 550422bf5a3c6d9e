import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Named } from './limited.ts'

test('a publisher is named once a minute, and a flood of names is cut off until a minute is over', () => {
  const named = new Named()
  assert.ok(named.name('a', 0))
  assert.ok(!named.name('a', 59_999))
  assert.ok(named.name('a', 60_000))
  const heard = Array.from({ length: 1000 }, (_, i) => named.name(`p${i}`, 70_000)).filter(Boolean).length
  assert.equal(heard, 255)
  assert.ok(named.name('b', 120_000), 'there is room again when the earliest is forgotten')
  assert.ok(named.name('p999', 130_000))
})
