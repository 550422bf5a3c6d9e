import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { clockwise, SPACE } from '../../core/position.ts'
import { contains, cut, FANOUT, type Interval, lengthOf } from './intervals.ts'

const template = describe({ id: 'a', addresses: [], sequence: 0, issued: 0 })
const at = (position: number): PeerDescriptor => ({ ...template, id: `p${position}`, position })

/** Positions both anywhere and crowded together, since off-by-ones live where they touch. */
const position = fc.oneof(
  fc.integer({ min: 0, max: SPACE - 1 }),
  fc.integer({ min: 0, max: 40 }),
  fc.constant(SPACE - 1),
)
const interval = fc.record({ from: position, to: position })
const contacts = fc.array(position, { maxLength: 60 }).map((positions) => positions.map(at))

suite('intervals', () => {
  test('an interval whose ends meet is the whole ring', () => {
    assert.equal(lengthOf({ from: 5, to: 5 }), SPACE)
    assert.ok(contains({ from: 5, to: 5 }, 4))
    assert.ok(contains({ from: SPACE - 1, to: 1 }, 0))
    assert.ok(!contains({ from: SPACE - 1, to: 1 }, 1))
  })

  test('head and pieces are disjoint, in order, and make up the interval exactly', () => {
    fc.assert(
      fc.property(interval, contacts, fc.integer({ min: 1, max: 20 }), (whole, peers, fanout) => {
        const { head, pieces } = cut(whole, peers, fanout)
        const parts: Interval[] = [...(head === undefined ? [] : [head]), ...pieces.map((piece) => piece.interval)]
        assert.equal(
          parts.reduce((sum, part) => sum + lengthOf(part), 0),
          lengthOf(whole),
        )
        assert.equal(parts[0]?.from, whole.from)
        for (const [i, part] of parts.entries()) assert.equal(part.to, parts[i + 1]?.from ?? whole.to)
      }),
      { numRuns: 2000 },
    )
  })

  test('each piece starts at its delegate, who is one of the contacts', () => {
    fc.assert(
      fc.property(interval, contacts, (whole, peers) => {
        for (const { interval: piece, delegate } of cut(whole, peers).pieces) {
          assert.equal(piece.from, delegate.position)
          assert.ok(peers.includes(delegate))
          assert.ok(contains(whole, delegate.position))
        }
      }),
    )
  })

  test('of two contacts at one position the first that was given is the delegate, and the only one', () => {
    const [first, second] = [at(7), { ...at(7), id: 'other' }]
    const { pieces } = cut({ from: 5, to: 20 }, [at(12), first, second])
    assert.deepEqual(
      pieces.map(({ delegate }) => delegate),
      [first, at(12)],
    )
  })

  test('no contact is in the head: what is kept for oneself holds nobody known', () => {
    fc.assert(
      fc.property(interval, contacts, (whole, peers) => {
        const { head } = cut(whole, peers)
        if (head !== undefined) for (const { position } of peers) assert.ok(!contains(head, position))
      }),
    )
  })

  test('there are never more pieces than the fanout, and as many as contacts allow', () => {
    fc.assert(
      fc.property(interval, contacts, fc.integer({ min: 1, max: 20 }), (whole, peers, fanout) => {
        const inside = new Set(peers.filter((peer) => contains(whole, peer.position)).map((peer) => peer.position))
        assert.equal(cut(whole, peers, fanout).pieces.length, Math.min(fanout, inside.size))
      }),
    )
  })

  test('the order of the contacts does not matter', () => {
    fc.assert(
      fc.property(interval, fc.uniqueArray(position, { maxLength: 40 }), (whole, positions) => {
        const forward = cut(whole, positions.map(at))
        const backward = cut(whole, positions.map(at).reverse())
        assert.deepEqual(
          backward.pieces.map((piece) => piece.interval),
          forward.pieces.map((piece) => piece.interval),
        )
      }),
    )
  })

  test('cut at log-spaced contacts beyond the fanout, the far half of the ring stays cut', () => {
    const peers = Array.from({ length: 30 }, (_, i) => at(2 ** (i + 20)))
    const { pieces } = cut({ from: 0, to: 0 }, peers)
    assert.equal(pieces.length, FANOUT)
    const longest = Math.max(...pieces.map((piece) => lengthOf(piece.interval)))
    assert.ok(longest <= SPACE - 2 ** 49, `longest piece ${longest}`)
    assert.equal(clockwise(0, pieces[0]?.interval.from ?? -1), 2 ** 20)
  })
})
