import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { SPACE } from '../../core/position.ts'
import { lineRanking } from './line.ts'
import { SIDE } from './ring.ts'

const ranking = lineRanking('load')
const base = describe({ id: 'base', addresses: [], sequence: 1, issued: 0 })
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)
const loadOf = ({ attributes }: PeerDescriptor) => attributes.load as number
const preference = (peer: PeerDescriptor) => (peer.position * 7919) % 10_007

/** Skewed, negative, heavily duplicated. */
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -2, max: 2 }),
  fc.nat(60).map((exponent) => 2 ** exponent),
)
/** Some equal, so that ids decide. */
const position = fc.oneof(
  fc.nat(3),
  fc.maxSafeNat().map((p) => p % SPACE),
)
const crowd = fc
  .tuple(fc.tuple(value, position), fc.array(fc.tuple(value, position), { maxLength: 90 }))
  .map(([self, others]) => {
    const [around, ...peers] = [self, ...others].map(([load, place], i) => {
      return { ...base, id: `n${i}`, position: place, attributes: { load } }
    })
    return { around: around as PeerDescriptor, peers }
  })
const size = fc.integer({ min: 1, max: 40 })

/** Value, then position, then id. */
function order(a: PeerDescriptor, b: PeerDescriptor): number {
  return loadOf(a) - loadOf(b) || a.position - b.position || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** Both sides of a node, the nearest first. */
function outwards(around: PeerDescriptor, peers: readonly PeerDescriptor[]): [PeerDescriptor[], PeerDescriptor[]] {
  const sorted = [...peers].sort(order)
  return [sorted.filter((p) => order(p, around) > 0), sorted.filter((p) => order(p, around) < 0).reverse()]
}

/** The ranking as its docstring says it: prefixes as text, sides fully sorted. */
function plainly(around: PeerDescriptor, candidates: readonly PeerDescriptor[], wanted: number): PeerDescriptor[] {
  const bits = ({ position }: PeerDescriptor) => (position % 2 ** 32).toString(2).padStart(32, '0')
  const two = outwards(around, candidates)
  const near = Array.from({ length: SIDE }, (_, i) => two.flatMap((side) => side.slice(i, i + 1))).flat()
  const skips = two.map((side) => {
    const found = new Set<PeerDescriptor>()
    for (let l = 0; l <= 32; l++) {
      const nearest = side.find((peer) => bits(peer).startsWith(bits(around).slice(0, l)))
      if (nearest !== undefined && !near.includes(nearest)) found.add(nearest)
    }
    return [...found]
  }) as [PeerDescriptor[], PeerDescriptor[]]
  const links: PeerDescriptor[] = []
  while (skips[0].length + skips[1].length > 0) {
    links.push((skips[0].length >= skips[1].length ? skips[0].pop() : skips[1].pop()) as PeerDescriptor)
  }
  const rest = two.flat().filter((peer) => !near.includes(peer) && !links.includes(peer))
  return [...near, ...links, ...rest.sort((a, b) => preference(a) - preference(b))].slice(0, wanted)
}

test('the selection without sorting or maps gives what the plain one gives: neighbours, skip links, the preferred rest', () => {
  fc.assert(
    fc.property(crowd, size, ({ around, peers }, wanted) => {
      const chosen = ranking.select(around, [...peers, around], wanted, preference)
      assert.deepEqual(ids(chosen), ids(plainly(around, peers, wanted)))
    }),
    { numRuns: 500 },
  )
})

test('the true neighbours among the candidates are always chosen, and all of them when everybody fits', () => {
  fc.assert(
    fc.property(crowd, ({ around, peers }) => {
      const [above, below] = outwards(around, peers)
      const chosen = ranking.select(around, peers, 2 * SIDE, preference)
      for (const peer of [...above.slice(0, SIDE), ...below.slice(0, SIDE)]) assert.ok(chosen.includes(peer))
      assert.deepEqual(ids(ranking.select(around, peers, 200, preference)).sort(), ids(peers).sort())
    }),
    { numRuns: 200 },
  )
})

test('only order counts: values stretched, squeezed or moved without changing it give the same view', () => {
  const shape = fc.constantFrom(
    (v: number) => Math.cbrt(v),
    (v: number) => v * 4,
    (v: number) => Math.atan(v),
  )
  const whole = fc.integer({ min: -1000, max: 1000 })
  const plain = fc.tuple(whole, fc.array(whole, { maxLength: 60 })).map(([self, others]) => [self, ...others])
  fc.assert(
    fc.property(plain, shape, size, (values, reshaped, wanted) => {
      const [one, other] = [(v: number) => v, reshaped].map((f) => {
        const [around, ...peers] = values.map((v, i) => ({
          ...describe({ id: `n${i}`, addresses: [], sequence: 1, issued: 0 }),
          attributes: { load: f(v) },
        }))
        return ids(ranking.select(around as PeerDescriptor, peers, wanted, preference))
      })
      assert.deepEqual(one, other)
    }),
    { numRuns: 100 },
  )
})

test('whoever has no value is not in the structure: never chosen, and knows nobody', () => {
  const peers = [1, 2, 3].map((load, i) => ({ ...base, id: `n${i}`, attributes: { load } }))
  const stranger = { ...base, id: 'stranger', attributes: { other: 2 } }
  const around = peers[0] as PeerDescriptor
  assert.deepEqual(ids(ranking.select(around, [...peers, stranger], 20, preference)), ['n1', 'n2'])
  assert.deepEqual(ranking.select(stranger, peers, 20, preference), [])
})

test('among ten thousand nodes with one and the same value skip links still reach far: their number grows with log n', () => {
  const crowded = Array.from({ length: 10_000 }, (_, i) => ({
    ...describe({ id: `n${i}`, addresses: [], sequence: 1, issued: 0 }),
    attributes: { load: 7 },
  })).sort(order)
  const middle = 5000
  const around = crowded[middle] as PeerDescriptor
  const steps = ranking
    .select(around, crowded, 20, preference)
    .slice(2 * SIDE)
    .map((peer) => Math.abs(crowded.indexOf(peer as (typeof crowded)[number]) - middle))
  const doublings = new Set(steps.map((step) => Math.floor(Math.log2(step))))
  assert.ok(doublings.size >= 6, `links over ${steps} nodes`)
})
