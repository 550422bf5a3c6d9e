import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { positionOf, SPACE } from '../../core/position.ts'
import { heapTreeRanking, searchTreeRanking, searchTreeTargets } from './tree.ts'

const base = describe({ id: 'base', addresses: [], sequence: 1, issued: 0 })
const at = (id: string, position: number): PeerDescriptor => ({ ...base, id, position })
const ranked = (rank: number): PeerDescriptor => ({
  ...base,
  id: `r${rank}`,
  position: positionOf(`r${rank}`),
  attributes: { rank },
})
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)
const preference = (peer: PeerDescriptor) => peer.position % 10_007

/** The way from one rank to another, walked. */
function hops(a: number, b: number): number {
  let [x, y] = [a, b]
  let steps = 0
  while (x !== y) {
    if (x > y) x = Math.floor(x / 2)
    else y = Math.floor(y / 2)
    steps++
  }
  return steps
}

const ranks = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 17 }), { minLength: 1, maxLength: 70, size: 'max' })

/** The first step of the way: up, or down to the left or to the right. */
function firstStep(from: number, to: number): 'up' | 'left' | 'right' {
  let at = to
  while (at > 1 && Math.floor(at / 2) !== from) at = Math.floor(at / 2)
  return at <= 1 ? 'up' : at % 2 === 0 ? 'left' : 'right'
}

test('over ranks: the nearest in each direction, then the nearest, then one of every four distances, the farthest first', () => {
  fc.assert(
    fc.property(ranks, fc.integer({ min: 1, max: 40 }), (all, size) => {
      const peers = all.map(ranked)
      const [around, ...others] = peers as [PeerDescriptor, ...PeerDescriptor[]]
      fc.pre(new Set(peers.map(preference)).size === peers.length)
      const far = (peer: PeerDescriptor) => hops(all[0] as number, peer.attributes.rank as number)
      const direction = (peer: PeerDescriptor) => firstStep(all[0] as number, peer.attributes.rank as number)
      const chosen: PeerDescriptor[] = []
      for (let row = 0; row < 4; row++) {
        for (const way of ['up', 'left', 'right']) {
          const there = others.filter((peer) => direction(peer) === way)
          there.sort((a, b) => far(a) - far(b) || a.position - b.position)
          chosen.push(...there.slice(row, row + 1))
        }
      }
      const left = others.filter((peer) => !chosen.includes(peer))
      left.sort((a, b) => far(a) - far(b) || preference(a) - preference(b))
      chosen.push(...left.splice(0, Math.max(0, 12 - Math.min(chosen.length, size))))
      const band = (one: PeerDescriptor) => Math.floor(far(one) / 4)
      const nth = (one: PeerDescriptor) =>
        left.filter((other) => band(other) === band(one) && preference(other) < preference(one)).length
      left.sort((a, b) => nth(a) - nth(b) || band(b) - band(a))
      const expected = ids([...chosen, ...left].slice(0, size))
      assert.deepEqual(ids(heapTreeRanking().select(around, peers, size, preference)), expected)
    }),
    { numRuns: 300 },
  )
})

test('over ranks: parent and children are the nearest of all, whatever the tree’s size', () => {
  const peers = Array.from({ length: 127 }, (_, i) => ranked(i + 1))
  for (const [rank, links] of [
    [1, [2, 3]],
    [2, [1, 4, 5]],
    [50, [25, 100, 101]],
    [127, [63]],
  ] as const) {
    const chosen = ids(heapTreeRanking().select(ranked(rank), peers, 20, preference))
    assert.deepEqual(new Set(chosen.slice(0, links.length)), new Set(links.map((link) => `r${link}`)))
  }
})

test('a rank that is none does no harm', () => {
  const odd = [Number.NaN, -5, 0, 2 ** 40, 1.5].map((rank, i) => ({
    ...ranked(1),
    id: `odd${i}`,
    attributes: { rank },
  }))
  assert.equal(heapTreeRanking().select(ranked(7), [...odd, base], 20, preference).length, 6)
})

const crowd = fc
  .uniqueArray(fc.integer({ min: 0, max: SPACE - 1 }), { minLength: 1, maxLength: 70, size: 'max' })
  .map((positions) => positions.map((position, i) => at(`n${i}`, position)))

/** Ids reached from `start` by links, without the one link from it to `cut`. */
function reached(
  links: ReadonlyMap<string, readonly PeerDescriptor[]>,
  start: string,
  cut?: string,
): Map<string, number> {
  const steps = new Map([[start, 0]])
  for (const [id, away] of steps) {
    for (const next of links.get(id) ?? []) {
      if (!steps.has(next.id) && !(id === start && next.id === cut)) steps.set(next.id, away + 1)
    }
  }
  return steps
}

test('a search tree joins all nodes by N - 1 links that carry both ways, nobody has more than a parent and two children', () => {
  fc.assert(
    fc.property(crowd, (peers) => {
      const links = searchTreeTargets(peers)
      let ends = 0
      for (const [id, others] of links) {
        ends += others.length
        assert.ok(others.length <= 3)
        for (const other of others) assert.ok(links.get(other.id)?.some((back) => back.id === id))
      }
      assert.equal(ends, 2 * (peers.length - 1))
      assert.equal(reached(links, peers[0]?.id as string).size, peers.length)
    }),
    { numRuns: 60 },
  )
})

test('a search tree keeps the order of positions: what hangs from a link is a run of neighbours', () => {
  fc.assert(
    fc.property(crowd, (peers) => {
      const links = searchTreeTargets(peers)
      const order = [...peers].sort((a, b) => a.position - b.position).map(({ id }) => id)
      const isRun = (ids: Iterable<string>) => {
        const places = [...ids].map((id) => order.indexOf(id)).sort((a, b) => a - b)
        return (places.at(-1) as number) - (places[0] as number) === places.length - 1
      }
      for (const [id, others] of links) {
        for (const other of others) {
          const sides = [reached(links, id, other.id), reached(links, other.id, id)]
          assert.ok(sides.some((side) => isRun(side.keys())))
        }
      }
    }),
    { numRuns: 30 },
  )
})

test('a search tree of 4096 nodes is no more than a few times as deep as it must be', () => {
  const peers = Array.from({ length: 4096 }, (_, i) => at(`n${i}`, positionOf(`n${i}`)))
  const links = searchTreeTargets(peers)
  const across = Math.max(...reached(links, 'n0').values())
  assert.ok(across <= 60, `${across} links from one node to another`) // 2 log2 N = 24 if it were perfect
})

test('who knows everybody selects its parent and children in the search tree first', () => {
  fc.assert(
    fc.property(crowd, (peers) => {
      const links = searchTreeTargets(peers)
      for (const peer of peers) {
        const chosen = ids(searchTreeRanking().select(peer, peers, 20, preference))
        const targets = ids(links.get(peer.id) ?? [])
        assert.ok(
          targets.every((id) => chosen.slice(0, 4).includes(id)),
          `${peer.id}: ${targets} in ${chosen}`,
        )
      }
    }),
    { numRuns: 60 },
  )
})

test('a selection is as full as it can be, and depends on the candidates alone', () => {
  fc.assert(
    fc.property(crowd, fc.integer({ min: 1, max: 40 }), (peers, size) => {
      const around = peers[0] as PeerDescriptor
      const chosen = searchTreeRanking().select(around, peers, size, preference)
      assert.equal(chosen.length, Math.min(size, peers.length - 1))
      assert.equal(new Set(ids(chosen)).size, chosen.length)
      assert.ok(!chosen.includes(around))
      assert.deepEqual(ids(searchTreeRanking().select(around, [...peers].reverse(), size, preference)), ids(chosen))
    }),
    { numRuns: 100 },
  )
})
