import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clockwise, positionOf, ringDistance, SPACE } from './position.ts'

const positions = fc.oneof(
  fc.maxSafeNat().map((n) => n % SPACE),
  fc.constantFrom(0, 1, SPACE / 2, SPACE - 1),
)

describe('position', () => {
  test('is the first 52 bits of SHA-256 of the id', () => {
    // SHA-256 of 'abc' begins ba7816bf 8f01cfea (FIPS 180-2, appendix B.1)
    assert.equal(positionOf('abc'), 0xba7816bf8f01c)
    fc.assert(
      fc.property(fc.string(), (id) => {
        const hash = createHash('sha256').update(id.toWellFormed(), 'utf8').digest('hex')
        assert.equal(positionOf(id), Number.parseInt(hash.slice(0, 13), 16))
      }),
    )
  })

  test('clockwise there and back is once round, and going there is going that many steps', () => {
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        const there = clockwise(a, b)
        assert.ok(there >= 0 && there < SPACE)
        assert.equal((BigInt(a) + BigInt(there)) % BigInt(SPACE), BigInt(b))
        assert.equal(there + clockwise(b, a), a === b ? 0 : SPACE)
      }),
    )
  })

  test('clockwise distances add up along the way', () => {
    fc.assert(
      fc.property(positions, positions, positions, (a, b, c) => {
        const round = clockwise(a, b) + clockwise(b, c) - clockwise(a, c)
        assert.ok(round === 0 || round === SPACE)
      }),
    )
  })

  test('the ring distance is the shorter way, the same from both ends', () => {
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        assert.equal(ringDistance(a, b), Math.min(clockwise(a, b), clockwise(b, a)))
        assert.equal(ringDistance(a, b), ringDistance(b, a))
      }),
    )
  })
})
