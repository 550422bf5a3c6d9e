import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Tally } from './tally.ts'

describe('Tally', () => {
  test('loses no count and stays bounded, whatever reasons come in', () => {
    const reasons = fc.oneof(fc.nat(500).map(String), fc.constantFrom('other', '__proto__', 'constructor'))
    fc.assert(
      fc.property(fc.array(fc.tuple(reasons, fc.nat(5)), { maxLength: 1000 }), (counts) => {
        const tally = new Tally()
        for (const [reason, amount] of counts) tally.add(reason, amount)
        const seen = Object.values(tally.toJSON())
        assert.ok(seen.length <= 129, `${seen.length} reasons`)
        assert.equal(
          seen.reduce((sum, amount) => sum + amount, 0),
          counts.reduce((sum, [, amount]) => sum + amount, 0),
        )
      }),
    )
  })

  test('the first 128 reasons keep their own count, the rest is other', () => {
    const tally = new Tally()
    for (let i = 0; i < 130; i++) tally.add(`r${i}`)
    tally.add('r0', 2)
    tally.add('r129', 2)
    assert.equal(tally.get('r0'), 3)
    assert.equal(tally.get('r127'), 1)
    assert.equal(tally.get('r129'), 0)
    assert.equal(tally.get('other'), 4)
    assert.equal(tally.get('never'), 0)
  })

  test('prints in the order of the reasons, as a copy', () => {
    const tally = new Tally()
    tally.add('b')
    tally.add('a')
    const printed = tally.toJSON()
    assert.deepEqual(Object.keys(printed), ['a', 'b'])
    printed.a = 9
    assert.equal(tally.get('a'), 1)
  })
})
