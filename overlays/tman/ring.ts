import type { PeerDescriptor } from '../../core/descriptor.ts'
import { clockwise, SPACE } from '../../core/position.ts'
import type { Ranking } from './ranking.ts'

/** How many neighbours on each side come before any long link. LIMITS: at least 4, so that one liar cannot cut the ring. */
export const SIDE = 4

/** Long links in each band (DESIGN's models: 9 hops at 10^4). More would be connections that buy little. */
export const PER_BAND = 2

/** Distances have 52 bits: a band ahead for each, and one behind for every two. */
const BANDS = 2 * 52

/** Which doubling band a clockwise distance falls into: band b holds [2^b, 2^(b+1)); 0 counts as 1. */
export function bandOf(distance: number): number {
  const high = Math.floor(distance / 0x1_0000_0000)
  return high > 0 ? 63 - Math.clz32(high) : distance >= 1 ? 31 - Math.clz32(distance) : 0
}

/**
 * The bands that long links are chosen from, numbered from the nearest to the farthest: ahead (clockwise, up to half the ring)
 * every doubling of distance is one, behind every fourfolding.
 */
export function linkBandOf(distance: number): number {
  return distance < SPACE / 2 ? 2 * bandOf(distance) : 2 * (bandOf(SPACE - distance) | 1) + 1
}

/** The bands that cover seven eighths of the way ahead. */
const FAR = [100, 98, 96]
/** In which order bands get their first link, and their further ones. */
const FIRST = Int32Array.from([...FAR, ...Array.from({ length: BANDS }, (_, i) => i).filter((i) => !FAR.includes(i))])
const FURTHER = Int32Array.from({ length: BANDS }, (_, i) => BANDS - 1 - i)

/**
 * Scratch of `select`, which a simulation calls hundreds of thousands of times a second. Nothing in it outlives a call. It
 * grows to the longest list ever ranked, which TMan bounds (MAX_RANKED and a view), and the widest ranking ever made.
 */
const scratch = {
  /** Of each candidate, clockwise; -1 for one that is chosen already or is the node itself. */
  distances: new Float64Array(128),
  preferences: new Float64Array(128),
  /** Indices of candidates: nearest successors, nearest first. */
  after: new Int32Array(SIDE),
  before: new Int32Array(SIDE),
  /** How many candidates a band has kept, and which: `perBand` places a band, the most preferred first. */
  kept: new Int32Array(BANDS),
  links: new Int32Array(BANDS * PER_BAND),
  chosen: new Int32Array(128),
}

function reserve(candidates: number, side: number, perBand: number): void {
  if (candidates > scratch.distances.length) {
    scratch.distances = new Float64Array(candidates * 2)
    scratch.preferences = new Float64Array(candidates * 2)
    scratch.chosen = new Int32Array(candidates * 2)
  }
  if (side > scratch.after.length) {
    scratch.after = new Int32Array(side)
    scratch.before = new Int32Array(side)
  }
  if (BANDS * perBand > scratch.links.length) scratch.links = new Int32Array(BANDS * perBand)
}

/**
 * The ring sorted by position: the `side` nearest each way, then long links, one of each band, then a second one, up to
 * `perBand`, until the view is full (PAPERS section 1: the cure of the stuck tail; the links ahead are also what cuts a
 * query's interval into pieces).
 *
 * Measured for c = 20, cycles to 99.9/100 % of the links of 2^14 nodes: doubling bands ahead only, the farthest first, 16/26;
 * bands behind as well, 15/18; and the nearest bands first, 11/12. Who is left behind descends from both sides then, and where
 * a view is too small for all bands the random peers of each merge stand in for the far ones, nobody for the near ones. The
 * three farthest ahead come before all others nevertheless, for queries: they cut the whole ring at 10^4 nodes in 9 hops
 * (c = 32) and 13 (c = 20); links ahead alone take 8 and 11, without the three it is 23.
 *
 * Order: nearest predecessor (its links ahead are the ones that lead here), nearest successor, second predecessor, ...; then a
 * link of each of the three farthest bands ahead, of all others, the nearest first; then second links, the farthest first.
 */
export function ringRanking(side = SIDE, perBand = PER_BAND): Ranking {
  return {
    name: 'ring',
    neighbours: 2 * side,
    select(around, candidates, size, preference) {
      reserve(candidates.length, side, perBand)
      let count = chooseNeighbours(around, candidates, side, size)
      if (perBand > 0) count = chooseLinks(candidates, perBand, count, size, preference)
      const view = new Array<PeerDescriptor>(count)
      for (let i = 0; i < count; i++) view[i] = candidates[scratch.chosen[i] as number] as PeerDescriptor
      return view
    },
  }
}

/** Puts the nearest into `chosen`, alternating sides, and takes them out of `distances`. Returns how many. */
function chooseNeighbours(
  around: PeerDescriptor,
  candidates: readonly PeerDescriptor[],
  side: number,
  size: number,
): number {
  const { distances, after, before, chosen } = scratch
  const from = around.position
  let others = 0
  for (let i = 0; i < candidates.length; i++) {
    const peer = candidates[i] as PeerDescriptor
    const distance = clockwise(from, peer.position)
    if (distance === 0 && peer.id === around.id) {
      distances[i] = -1
      continue
    }
    distances[i] = distance
    const last = Math.min(others, side) - 1
    const room = others < side
    others++
    if (room || precedes(candidates, i, after[last] as number)) {
      let at = room ? last + 1 : last
      for (; at > 0 && precedes(candidates, i, after[at - 1] as number); at--) after[at] = after[at - 1] as number
      after[at] = i
    }
    if (room || precedes(candidates, before[last] as number, i)) {
      let at = room ? last + 1 : last
      for (; at > 0 && precedes(candidates, before[at - 1] as number, i); at--) before[at] = before[at - 1] as number
      before[at] = i
    }
  }
  // Where there are fewer than two full sides these are the same peers, counted from both ends: together they are all.
  const count = Math.min(2 * side, others, size)
  for (let k = 0; k < count; k++) {
    const index = (k & 1) === 0 ? (before[k >> 1] as number) : (after[k >> 1] as number)
    chosen[k] = index
    distances[index] = -1
  }
  return count
}

/** Whether candidate `a` comes before candidate `b` on the way round; ids decide at one and the same place. */
function precedes(candidates: readonly PeerDescriptor[], a: number, b: number): boolean {
  const difference = (scratch.distances[a] as number) - (scratch.distances[b] as number)
  return difference < 0 || (difference === 0 && idOf(candidates, a) < idOf(candidates, b))
}

function idOf(candidates: readonly PeerDescriptor[], index: number): string {
  return (candidates[index] as PeerDescriptor).id
}

/** Adds the preferred of every band to the `count` chosen ones. Returns how many there are then. */
function chooseLinks(
  candidates: readonly PeerDescriptor[],
  perBand: number,
  count: number,
  size: number,
  preference: (peer: PeerDescriptor) => number,
): number {
  if (count === size) return count
  const { distances, preferences, kept, links, chosen } = scratch
  kept.fill(0)
  for (let i = 0; i < candidates.length; i++) {
    const distance = distances[i] as number
    if (distance < 0) continue
    preferences[i] = preference(candidates[i] as PeerDescriptor)
    const band = linkBandOf(distance)
    const first = band * perBand
    const held = kept[band] as number
    let at = first + held
    if (held < perBand) kept[band] = held + 1
    else if (!preferred(candidates, i, links[--at] as number)) continue
    for (; at > first && preferred(candidates, i, links[at - 1] as number); at--) links[at] = links[at - 1] as number
    links[at] = i
  }
  let full = count
  for (let depth = 0; depth < perBand; depth++) {
    const order = depth === 0 ? FIRST : FURTHER
    for (let i = 0; i < BANDS; i++) {
      const band = order[i] as number
      if ((kept[band] as number) <= depth) continue
      if (full === size) return full
      chosen[full++] = links[band * perBand + depth] as number
    }
  }
  return full
}

/** Whether candidate `a` is the better long link; among equals the farther one is. */
function preferred(candidates: readonly PeerDescriptor[], a: number, b: number): boolean {
  const difference = (scratch.preferences[a] as number) - (scratch.preferences[b] as number)
  return difference < 0 || (difference === 0 && precedes(candidates, b, a))
}

/** The nearest on each side among `peers`, nearest first; a peer may be on both lists when there are few. */
export function sides(
  around: PeerDescriptor,
  peers: readonly PeerDescriptor[],
  side = SIDE,
): { successors: PeerDescriptor[]; predecessors: PeerDescriptor[] } {
  const sorted = peers
    .filter(({ id }) => id !== around.id)
    .sort((a, b) => clockwise(around.position, a.position) - clockwise(around.position, b.position))
  return { successors: sorted.slice(0, side), predecessors: sorted.slice(-side).reverse() }
}
