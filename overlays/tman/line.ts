import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Ranking } from './ranking.ts'
import { SIDE } from './ring.ts'

/**
 * Scratch of `select`, as in ring.ts: nothing in it outlives a call, and it grows to the longest list ever ranked, which TMan
 * bounds.
 */
const scratch = {
  /** Of each candidate. */
  values: new Float64Array(128),
  preferences: new Float64Array(128),
  /** Indices of candidates on one side of the node, the nearest first. */
  after: new Int32Array(128),
  before: new Int32Array(128),
  /** Of those, the skip links: places in `after` and `before`, the nearest first. */
  skipsAfter: new Int32Array(128),
  skipsBefore: new Int32Array(128),
  chosen: new Int32Array(128),
  /** 1 for a candidate that is chosen. */
  taken: new Uint8Array(128),
}

function reserve(candidates: number): void {
  if (candidates <= scratch.values.length) return
  const length = candidates * 2
  scratch.values = new Float64Array(length)
  scratch.preferences = new Float64Array(length)
  scratch.after = new Int32Array(length)
  scratch.before = new Int32Array(length)
  scratch.skipsAfter = new Int32Array(length)
  scratch.skipsBefore = new Int32Array(length)
  scratch.chosen = new Int32Array(length)
  scratch.taken = new Uint8Array(length)
}

/**
 * All nodes in the order of a ranked attribute; equal values in the order of positions, so the order is total and nobody is
 * between two that are neighbours. A node without the attribute is not in the structure: nobody selects it, and it selects
 * nobody.
 *
 * A view holds the `side` nearest on each side, then skip links, then, while there is room, the preferred of the rest. The
 * skip links are those of a skip graph (Aspnes and Shah; PAPERS section 1): for every l the nearest on each side whose random
 * bits begin with the same l bits as this node's. One such link is on average twice as far away as the one before. They are
 * found by order alone, never by distance, so skewed, clustered and equal values give the same structure as even ones.
 *
 * Order: nearest above, nearest below, second above, ...; then the skip links, the farthest first; then the rest.
 */
export function lineRanking(attribute: string, side = SIDE): Ranking {
  return {
    name: `line:${attribute}`,
    neighbours: 2 * side,
    select(around, candidates, size, preference) {
      const own = around.attributes[attribute]
      if (own === undefined) return []
      reserve(candidates.length)
      scratch.taken.fill(0, 0, candidates.length)
      let below = 0
      let above = 0
      for (let i = 0; i < candidates.length; i++) {
        const peer = candidates[i] as PeerDescriptor
        const value = peer.attributes[attribute]
        if (value === undefined) continue
        scratch.values[i] = value
        const order = value - own || peer.position - around.position || compareIds(peer.id, around.id)
        if (order > 0) insert(scratch.after, above++, candidates, i, 1)
        else if (order < 0) insert(scratch.before, below++, candidates, i, -1)
      }
      let count = chooseNeighbours(above, below, Math.min(size, 2 * side), side)
      count = chooseSkips(around, candidates, above, below, count, size, side)
      if (count < size) count = chooseRest(candidates, above, below, count, size, preference)
      const view = new Array<PeerDescriptor>(count)
      for (let i = 0; i < count; i++) view[i] = candidates[scratch.chosen[i] as number] as PeerDescriptor
      return view
    },
  }
}

/** Puts candidate `i` into its place among the `held` on one side, sorted outwards: upwards for 1, downwards for -1. */
function insert(
  sorted: Int32Array,
  held: number,
  candidates: readonly PeerDescriptor[],
  i: number,
  direction: number,
): void {
  let at = held
  for (; at > 0 && direction * compare(candidates, i, sorted[at - 1] as number) < 0; at--) {
    sorted[at] = sorted[at - 1] as number
  }
  sorted[at] = i
}

/** Negative when candidate `a` comes first on the line. */
function compare(candidates: readonly PeerDescriptor[], a: number, b: number): number {
  const difference = (scratch.values[a] as number) - (scratch.values[b] as number)
  if (difference !== 0) return difference
  const one = candidates[a] as PeerDescriptor
  const other = candidates[b] as PeerDescriptor
  return one.position - other.position || compareIds(one.id, other.id)
}

function compareIds(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

/** Puts the nearest into `chosen`, alternating sides while both have some. Returns how many. */
function chooseNeighbours(above: number, below: number, limit: number, side: number): number {
  let count = 0
  for (let i = 0; i < side; i++) {
    if (i < above && count < limit) count = choose(scratch.after[i] as number, count)
    if (i < below && count < limit) count = choose(scratch.before[i] as number, count)
  }
  return count
}

function choose(index: number, count: number): number {
  scratch.chosen[count] = index
  scratch.taken[index] = 1
  return count + 1
}

/** Adds the skip links of both sides, the farthest first. */
function chooseSkips(
  around: PeerDescriptor,
  candidates: readonly PeerDescriptor[],
  above: number,
  below: number,
  count: number,
  size: number,
  side: number,
): number {
  const { after, before, skipsAfter, skipsBefore } = scratch
  let up = findSkips(around, candidates, after, above, side, skipsAfter)
  let down = findSkips(around, candidates, before, below, side, skipsBefore)
  let full = count
  while (up + down > 0 && full < size) {
    if (up >= down) full = choose(skipsAfter[--up] as number, full)
    else full = choose(skipsBefore[--down] as number, full)
  }
  return full
}

/**
 * The nearest for each length of common prefix, except those that are neighbours anyway: whoever shares more bits than all
 * who are nearer. Returns how many.
 */
function findSkips(
  around: PeerDescriptor,
  candidates: readonly PeerDescriptor[],
  sorted: Int32Array,
  length: number,
  side: number,
  skips: Int32Array,
): number {
  let longest = -1
  let found = 0
  for (let i = 0; i < length; i++) {
    const index = sorted[i] as number
    // The low 32 bits of the position: random, and independent of the high ones, by which equal values are ordered.
    const common = Math.clz32((candidates[index] as PeerDescriptor).position ^ around.position)
    if (common <= longest) continue
    longest = common
    if (i >= side) skips[found++] = index
  }
  return found
}

/** Fills up with the preferred among those that are left. */
function chooseRest(
  candidates: readonly PeerDescriptor[],
  above: number,
  below: number,
  count: number,
  size: number,
  preference: (peer: PeerDescriptor) => number,
): number {
  const { after, before, preferences, chosen, taken } = scratch
  let full = count
  for (let k = 0; k < above + below; k++) {
    const index = k < above ? (after[k] as number) : (before[k - above] as number)
    if (taken[index] === 1) continue
    const preferred = preference(candidates[index] as PeerDescriptor)
    preferences[index] = preferred
    if (full === size && preferred >= (preferences[chosen[size - 1] as number] as number)) continue
    let at = full < size ? full++ : size - 1
    for (; at > count && preferred < (preferences[chosen[at - 1] as number] as number); at--) {
      chosen[at] = chosen[at - 1] as number
    }
    chosen[at] = index
  }
  return full
}
