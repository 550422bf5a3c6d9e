import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { clockwise, SPACE } from '../../core/position.ts'
import { bandOf, linkBandOf, PER_BAND, ringRanking, SIDE, sides } from './ring.ts'

const ranking = ringRanking()
const base = describe({ id: 'base', addresses: [], sequence: 1, issued: 0 })
const at = (id: string, position: number): PeerDescriptor => ({ ...base, id, position })

/** Positions of every size of distance, so that all bands occur, the far ones often. */
const position = fc
  .tuple(
    fc.oneof(fc.nat(51), fc.integer({ min: 44, max: 51 })),
    fc.double({ min: 1, max: 2, maxExcluded: true, noNaN: true }),
  )
  .map(([b, f]) => {
    return Math.floor(2 ** b * f) % SPACE
  })
const crowd = fc.tuple(position, fc.uniqueArray(position, { maxLength: 80, size: 'max' })).map(([self, others]) => ({
  around: at('self', self),
  peers: others.filter((other) => other !== self).map((other, i) => at(`n${i}`, other)),
}))
const size = fc.integer({ min: 1, max: 40 })
/** Constant, and nothing to do with the order on the ring. */
const preference = (peer: PeerDescriptor) => (peer.position * 7919) % 10_007

const distance = (around: PeerDescriptor, peer: PeerDescriptor) => clockwise(around.position, peer.position)
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)

/** The ranking as its docstring says it, with a full sort and a map of bands. */
function plainly(
  around: PeerDescriptor,
  candidates: readonly PeerDescriptor[],
  wanted: number,
  [side, perBand]: readonly [number, number],
): PeerDescriptor[] {
  const sorted = candidates
    .filter(({ id }) => id !== around.id)
    .sort((a, b) => distance(around, a) - distance(around, b) || (a.id < b.id ? -1 : 1))
  const chosen: PeerDescriptor[] = []
  for (let i = 0; i < 2 * side && sorted.length > 0; i++) {
    chosen.push((i % 2 === 0 ? sorted.pop() : sorted.shift()) as PeerDescriptor)
  }
  const bands = Map.groupBy(sorted.reverse(), (peer) => linkBandOf(distance(around, peer)))
  for (const band of bands.values()) band.sort((a, b) => preference(a) - preference(b))
  const nearestFirst = [...bands.keys()].sort((a, b) => a - b)
  const far = [100, 96, 92] // ahead: from half to a quarter of the ring, an eighth to a sixteenth, a 32nd to a 64th
  const ahead = nearestFirst.filter((band) => band % 2 === 0 && (100 - band) % 4 === 0) // a quarter as far, each time
  const behind = nearestFirst.filter((band) => band % 2 === 1 && (103 - band) % 8 === 0) // a sixteenth as far
  const first = new Set([...far, ...ahead, ...behind, ...nearestFirst])
  for (let depth = 0; depth < perBand; depth++) {
    const order = depth === 0 ? [...first] : nearestFirst.toReversed()
    chosen.push(...order.flatMap((band) => bands.get(band)?.slice(depth, depth + 1) ?? []))
  }
  return chosen.slice(0, wanted)
}

test('the selection without sorting or maps gives what the plain one gives, equal places and equal preferences included', () => {
  const crowded = fc
    .tuple(fc.oneof(position, fc.nat(9)), fc.array(fc.oneof(position, fc.nat(9)), { maxLength: 200 }))
    .map(([self, others]) => ({ around: at('self', self), peers: others.map((other, i) => at(`n${i}`, other)) }))
  const shape = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(4))
  fc.assert(
    fc.property(crowded, size, shape, ({ around, peers }, wanted, [side, perBand]) => {
      const candidates = [...peers, around]
      const chosen = ringRanking(side, perBand).select(around, candidates, wanted, preference)
      assert.deepEqual(ids(chosen), ids(plainly(around, candidates, wanted, [side, perBand])))
    }),
    { numRuns: 500 },
  )
})

test('bands are the powers of two exactly, over all 52 bits', () => {
  assert.equal(bandOf(0), 0)
  for (let band = 0; band < 52; band++) {
    assert.deepEqual([bandOf(2 ** band), bandOf(2 ** (band + 1) - 1)], [band, band])
  }
})

test('long links: bands double ahead and grow fourfold behind, and their numbers grow with distance', () => {
  const spans = new Map<number, { least: number; most: number }>()
  for (let exponent = 0; exponent < 51.99; exponent += 0.01) {
    for (const away of [2 ** exponent, SPACE - 2 ** exponent].map(Math.floor)) {
      const near = Math.min(away, SPACE - away)
      const { least, most } = spans.get(linkBandOf(away)) ?? { least: near, most: near }
      spans.set(linkBandOf(away), { least: Math.min(least, near), most: Math.max(most, near) })
    }
  }
  const ordered = [...spans].sort(([a], [b]) => a - b)
  assert.equal(ordered.length, 51 + 26)
  for (const [band, { least, most }] of ordered) assert.ok(most < least * (band % 2 === 0 ? 2 : 4), `${band}`)
  // Rounding and the grid of exponents blur the ends a little.
  const tops = ordered.map(([, { most }]) => most)
  for (const [i, top] of tops.entries()) assert.ok(top >= 0.98 * (tops[i - 1] ?? 0) - 1, `${i}`)
})

test('the nearest on each side come first, alternating, as a naive oracle says', () => {
  fc.assert(
    fc.property(crowd, size, ({ around, peers }, wanted) => {
      const chosen = ids(ranking.select(around, [...peers, around], wanted, preference))
      const after = ids([...peers].sort((a, b) => distance(around, a) - distance(around, b)))
      const before = [...after].reverse()
      const near = new Set<string>()
      for (let i = 0; i < SIDE; i++)
        for (const side of [before, after]) if (side[i] !== undefined) near.add(side[i] as string)
      const neighbours = [...near].slice(0, Math.min(wanted, SIDE * 2))
      assert.deepEqual(chosen.slice(0, neighbours.length), neighbours)
    }),
    { numRuns: 300 },
  )
})

test('the view is as full as it can be, never holds the node itself nor anybody twice, and depends on nothing but its input', () => {
  fc.assert(
    fc.property(crowd, size, fc.infiniteStream(fc.nat()), ({ around, peers }, wanted, shuffle) => {
      const chosen = ranking.select(around, [...peers, around], wanted, preference)
      const near = new Set(ids(ranking.select(around, peers, SIDE * 2, preference)))
      const bands = Map.groupBy(
        peers.filter(({ id }) => !near.has(id)),
        (peer) => linkBandOf(distance(around, peer)),
      )
      const links = [...bands.values()].reduce((sum, band) => sum + Math.min(PER_BAND, band.length), 0)
      assert.equal(chosen.length, Math.min(wanted, near.size + links))
      assert.equal(new Set(ids(chosen)).size, chosen.length)
      assert.ok(!chosen.includes(around))
      const keyed = peers.map((peer) => ({ peer, key: shuffle.next().value as number }))
      const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ peer }) => peer)
      assert.deepEqual(ids(ranking.select(around, shuffled, wanted, preference)), ids(chosen))
    }),
    { numRuns: 200 },
  )
})

test('beyond the neighbours every distance band is represented by its preferred peers, as evenly as the size allows', () => {
  fc.assert(
    fc.property(crowd, size, ({ around, peers }, wanted) => {
      const chosen = ranking.select(around, peers, wanted, preference)
      const near = new Set(ids(chosen.slice(0, SIDE * 2)))
      const rest = peers.filter(({ id }) => !near.has(id))
      const bands = Map.groupBy(rest, (peer) => linkBandOf(distance(around, peer)))
      const links = chosen.slice(SIDE * 2)
      const taken = [...bands].map(([band, members]) => {
        const got = links.filter((peer) => linkBandOf(distance(around, peer)) === band)
        const preferred = [...members].sort((a, b) => preference(a) - preference(b))
        const worst = Math.max(-1, ...got.map(preference))
        const better = preferred.filter((peer) => preference(peer) < worst)
        assert.ok(
          better.every((peer) => got.includes(peer)),
          'a preferred peer was passed over',
        )
        return { got: got.length, has: members.length }
      })
      const most = Math.max(0, ...taken.map(({ got }) => got))
      for (const { got, has } of taken)
        assert.ok(got <= PER_BAND && got >= Math.min(has, most - 1), `a band got ${got} of ${has}, another ${most}`)
    }),
    { numRuns: 200 },
  )
})

test('a view is a fixed point: what was selected is selected again among itself and what was passed over', () => {
  fc.assert(
    fc.property(crowd, ({ around, peers }) => {
      const chosen = ranking.select(around, peers, 32, preference)
      assert.deepEqual(new Set(ids(ranking.select(around, chosen, 32, preference))), new Set(ids(chosen)))
    }),
    { numRuns: 100 },
  )
})

test('peers at one and the same place, and the one at the node’s own, are ranked like any others', () => {
  const around = at('self', 5)
  const chosen = ranking.select(around, [at('b', 5), at('a', 5), at('d', 9), at('c', 9)], 32, preference)
  assert.deepEqual(ids(chosen).sort(), ['a', 'b', 'c', 'd'])
  assert.deepEqual(ids(chosen.slice(0, 2)), ['d', 'a'])
})

test('sides: the nearest each way, nearest first', () => {
  const around = at('self', 0)
  const peers = [10, 20, 30, SPACE - 10, SPACE - 20].map((p, i) => at(`n${i}`, p))
  const { successors, predecessors } = sides(around, [...peers, around], 2)
  assert.deepEqual(
    [ids(successors), ids(predecessors)],
    [
      ['n0', 'n1'],
      ['n3', 'n4'],
    ],
  )
  assert.deepEqual(sides(around, [around]), { successors: [], predecessors: [] })
})
