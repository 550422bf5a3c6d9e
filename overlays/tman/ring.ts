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

/** Every band, the nearest first. */
const NEAREST_FIRST = Array.from({ length: BANDS }, (_, i) => i)
/** Of every second band ahead the farthest three: from them a query's interval is cut into pieces, everywhere on the ring. */
const FAR = [100, 96, 92]
/** Every second band ahead, up to half the ring; every second behind. */
const AHEAD = NEAREST_FIRST.filter((band) => band % 4 === 0 && band <= 100)
const BEHIND = NEAREST_FIRST.filter((band) => band % 8 === 7)
/** In which order bands get their first link, and their further ones. */
const FIRST = Int32Array.from(new Set([...FAR, ...AHEAD, ...BEHIND, ...NEAREST_FIRST]))
const FURTHER = Int32Array.from(NEAREST_FIRST.toReversed())

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
 * Where there is no room for all bands, every second one comes first: with twelve links there is one for every fourfolding ahead
 * up to 2^20 nodes. Who is left behind then comes four times nearer with every exchange wherever it is. Gaps of more than that
 * are where the last links crawl: with the nearest bands first and the middle ones empty, 2^20 nodes lacked 50 links after 30 cycles.
 *
 * Measured in a model of synchronous exchanges for c = 20, one seed, cycles to 99.9/100 % of the links of 2^17 nodes: every second band first, 15/19; the
 * nearest bands first, 14/19; of 2^17 nodes at c = 16, where as few bands have room as at 2^20 with c = 20: 17/23, and never.
 * Bands ahead only, the farthest first, took 26 cycles for 2^14, which is 14 now (simulator).
 *
 * The three farthest ahead come before all others for queries: they cut the whole ring.
 *
 * Order: nearest predecessor (its links ahead are the ones that lead here), nearest successor, second predecessor, ...; then a
 * link of each of the farthest three of every second band ahead, of the others of these, the nearest first, of every second band
 * behind, and of all that are left; then second links, the farthest first.
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
