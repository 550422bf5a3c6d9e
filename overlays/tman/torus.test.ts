import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { SPACE } from '../../core/position.ts'
import { gridTorus, HASHED_TORUS, type TorusInit, torusRanking, torusTargets } from './torus.ts'

const base = describe({ id: 'base', addresses: [], sequence: 1, issued: 0 })
const at = (id: string, position: number): PeerDescriptor => ({ ...base, id, position })
const cell = (x: number, y: number): PeerDescriptor => ({
  ...base,
  id: `c${x}x${y}`,
  position: x * 64 + y,
  attributes: { x, y },
})
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)
const preference = (peer: PeerDescriptor) => (peer.position * 7919) % 10_007

const hashed = fc.uniqueArray(fc.integer({ min: 0, max: SPACE - 1 }), { minLength: 1, maxLength: 70, size: 'max' })
const crowd = hashed.map((positions) => positions.map((position, i) => at(`n${i}`, position)))
const grid = fc
  .uniqueArray(fc.tuple(fc.nat(7), fc.nat(5)), {
    minLength: 1,
    maxLength: 48,
    size: 'max',
    selector: ([x, y]) => x * 8 + y,
  })
  .map((cells) => cells.map(([x, y]) => cell(x, y)))

/** The same, written for reading: rotate until the peer is to the east; sort; take. */
function reference(torus: TorusInit, around: PeerDescriptor, peers: readonly PeerDescriptor[], size: number): string[] {
  const near = (difference: number, length: number) => {
    const within = ((difference % length) + length) % length
    return within > length / 2 ? within - length : within
  }
  const rest = peers
    .filter((peer) => peer !== around)
    .map((peer) => {
      let dx = near(torus.x(peer) - torus.x(around), torus.width)
      let dy = near(torus.y(peer) - torus.y(around), torus.height)
      const square = dx * dx + dy * dy
      let direction = 0
      while (!(dx > 0 && dy > -dx && dy <= dx) && direction < 3) {
        ;[dx, dy] = [dy, -dx] // a quarter turn
        direction++
      }
      return { peer, direction, square, band: Math.floor(Math.log2(Math.max(1, square)) / 2) }
    })
  const chosen: typeof rest = []
  for (let depth = 0; depth < 3; depth++) {
    for (let direction = 0; direction < 4; direction++) {
      const inIt = rest.filter((one) => one.direction === direction)
      inIt.sort((a, b) => a.square - b.square || a.peer.position - b.peer.position)
      if (inIt[depth] !== undefined) chosen.push(inIt[depth] as (typeof rest)[number])
    }
  }
  const left = rest.filter((one) => !chosen.includes(one))
  const rank = (one: (typeof rest)[number]) => {
    const before = left.filter((other) => other.band === one.band && preference(other.peer) < preference(one.peer))
    return before.length
  }
  left.sort((a, b) => rank(a) - rank(b) || b.band - a.band)
  return [...chosen, ...left].slice(0, size).map(({ peer }) => peer.id)
}

for (const [name, torus, peers] of [
  ['hashed places', HASHED_TORUS, crowd],
  ['a grid with gaps', gridTorus(8, 6), grid],
] as const) {
  test(`${name}: the selection is the one that a plain sort gives`, () => {
    fc.assert(
      fc.property(peers, fc.integer({ min: 1, max: 40 }), (all, size) => {
        const around = all[0] as PeerDescriptor
        const distinct = new Set(all.map(preference))
        fc.pre(distinct.size === all.length)
        assert.deepEqual(
          ids(torusRanking(torus).select(around, all, size, preference)),
          reference(torus, around, all, size),
        )
      }),
      { numRuns: 300 },
    )
  })

  test(`${name}: target links are the nearest in each direction, and the first that are selected`, () => {
    fc.assert(
      fc.property(peers, (all) => {
        const around = all[0] as PeerDescriptor
        const targets = ids(torusTargets(around, all, torus))
        const chosen = ids(torusRanking(torus).select(around, all, 20, preference))
        assert.deepEqual(new Set(chosen.slice(0, targets.length)), new Set(targets))
        const first = targets.map((id) => all.find((peer) => peer.id === id) as PeerDescriptor)
        const alone = ids(torusRanking(torus).select(around, first, 20, preference))
        assert.equal(alone.length, targets.length)
      }),
      { numRuns: 200 },
    )
  })
}

test('on a full grid the target links are the four neighbouring cells, over the edges too', () => {
  const all = Array.from({ length: 48 }, (_, i) => cell(i % 8, Math.floor(i / 8)))
  const targets = (x: number, y: number) =>
    ids(torusTargets(all[y * 8 + x] as PeerDescriptor, all, gridTorus(8, 6))).sort()
  assert.deepEqual(targets(3, 3), ['c2x3', 'c3x2', 'c3x4', 'c4x3'])
  assert.deepEqual(targets(0, 0), ['c0x1', 'c0x5', 'c1x0', 'c7x0'])
})

test('what is selected is selected again, whatever the order, and never the node itself', () => {
  fc.assert(
    fc.property(crowd, (all) => {
      const around = all[0] as PeerDescriptor
      const chosen = torusRanking().select(around, all, 20, preference)
      assert.ok(!chosen.includes(around))
      assert.deepEqual(ids(torusRanking().select(around, [...chosen].reverse(), 20, preference)), ids(chosen))
    }),
    { numRuns: 100 },
  )
})
