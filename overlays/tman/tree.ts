import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Pool } from './pool.ts'
import type { Ranking } from './ranking.ts'

/** In each direction, up and down to the left and to the right: those that come first. */
const DEEP = 4
/** With them, the nearest that come before any long link (measured: 2^17 nodes, c = 20, psi = 20, all links in 21 cycles). */
const NEAR = 12
/** Steps of a search tree that come before the nearest on the ring (measured: with more or fewer the last links take longer). */
const STEPS = 10
/** Of them, whom a node stays connected to: parent and children, and as many that stand in for them. */
const KEPT = 6

/**
 * The paper's binary tree over ranks, which are whole numbers from 1: the children of rank i are 2i and 2i + 1. Peers are as
 * far from each other as the way along the tree is long; the target links of a node are its parent and its children, in all
 * 2N - 2 among the ranks 1 to N. Only for nodes that know their rank: see `searchTreeRanking` for those that do not.
 *
 * Order: the nearest above (everybody who does not hang from the node), the nearest below on the left and on the right, then the second
 * nearest of each, up to the fourth: by distance alone a view fills up with what hangs from one child, and the last links are never found.
 * Then the nearest of what is left, the private preference deciding among equals, and long links, one for every
 * four lengths of the way, the longest first: as many as a view of 20 has room for.
 *
 * Every member of the view should become a partner at last (`psi` of its size): where partners are the nearest alone, a few
 * nodes of 2^17 talk in a circle for ever.
 *
 * @param rankOf @default the ranked attribute `rank`; what is no rank counts as 1
 */
export function heapTreeRanking(rankOf: (peer: PeerDescriptor) => number = ranked): Ranking {
  const pool = new Pool()
  return {
    name: 'tree',
    neighbours: KEPT,
    select(around, candidates, size, preference) {
      pool.begin(around, candidates, size)
      const own = rankOf(around)
      for (let i = 0; i < pool.count; i++) {
        const rank = rankOf(pool.peers[i] as PeerDescriptor)
        pool.key[i] = hopsBetween(own, rank)
        pool.group[i] = directionTo(own, rank)
      }
      pool.takeInTurns(DEEP)
      pool.takeNearest(NEAR - pool.chosen.length, preference)
      for (let i = 0; i < pool.count; i++) pool.group[i] = (pool.key[i] as number) >> 2
      pool.takePreferred(preference)
      return pool.chosen
    },
  }
}

const UP = 2
const DOWN_LEFT = 1
const DOWN_RIGHT = 0

/** Over which of its links a node goes to a rank. */
function directionTo(own: number, rank: number): number {
  const deeper = Math.clz32(own) - Math.clz32(rank)
  if (deeper <= 0 || rank >> deeper !== own) return UP
  return ((rank >> (deeper - 1)) & 1) === 0 ? DOWN_LEFT : DOWN_RIGHT
}

function ranked({ attributes }: PeerDescriptor): number {
  const rank = attributes.rank ?? 1
  return rank >= 1 && rank < 2 ** 31 ? Math.floor(rank) : 1
}

/** Links on the way between two ranks. */
function hopsBetween(a: number, b: number): number {
  const [depthA, depthB] = [Math.clz32(1) - Math.clz32(a), Math.clz32(1) - Math.clz32(b)]
  const shared = Math.min(depthA, depthB)
  // Above where the two ways join, both ranks begin with the same bits.
  const apart = 32 - Math.clz32((a >> (depthA - shared)) ^ (b >> (depthB - shared)))
  return depthA - shared + (depthB - shared) + 2 * apart
}

/**
 * A binary search tree over the places on the ring, for nodes that know no rank: a treap (Seidel and Aragon 1996), whose
 * root is the node of the lowest weight, its left subtree being those of lower positions, and so on; the weight of a node is
 * a hash of its position. Weights are as good as random, so the tree is about 2 ln N deep on the average, and no more than two children hang from
 * anybody. It is what it is whoever joins in which order: the target links of a node, its parent and children, follow from the
 * set of nodes alone, 2N - 2 of them.
 *
 * On each side of a node, going away from it, some peers are lighter than all nearer ones: the steps. The last step heavier than the node
 * is its child on that side; the first lighter step is an ancestor, and the heavier of those two its parent. So the steps are whom
 * it needs, and what leads there: each is a better candidate's neighbour.
 *
 * Order: the two ancestors, the two children, then outwards from there along the steps, then the nearest on the ring.
 */
export function searchTreeRanking(): Ranking {
  const pool = new Pool()
  const left = new Steps()
  const right = new Steps()
  return {
    name: 'tree',
    neighbours: KEPT,
    select(around, candidates, size, preference) {
      pool.begin(around, candidates, size)
      for (let i = 0; i < pool.count; i++) {
        const peer = pool.peers[i] as PeerDescriptor
        const difference = peer.position - around.position
        pool.group[i] = difference < 0 ? LEFT : RIGHT
        pool.key[i] = Math.abs(difference)
        pool.weight[i] = weightOf(peer)
      }
      const weight = weightOf(around)
      left.find(pool, LEFT, weight)
      right.find(pool, RIGHT, weight)
      const steps = Math.min(size, STEPS)
      for (let away = 0; away < STEPS && pool.chosen.length < steps; away++) {
        pool.take(left.lighter(away))
        pool.take(right.lighter(away))
        pool.take(left.heavier(away))
        pool.take(right.heavier(away))
      }
      pool.takeNearest(size, preference)
      return pool.chosen
    },
  }
}

const LEFT = 0
const RIGHT = 1

/** The steps on one side of a node: indices of candidates, the nearest first. */
class Steps {
  #steps = new Int32Array(64)
  #count = 0
  /** Where the first that is lighter than the node stands; as many as there are when there is none. */
  #turn = 0

  find(pool: Pool, side: number, weight: number): void {
    if (this.#steps.length < pool.count) this.#steps = new Int32Array(pool.count * 2)
    this.#count = 0
    this.#turn = 0
    let lightest = Number.POSITIVE_INFINITY
    // After a step comes the nearest of those that are lighter: all of them are farther, or they would have been steps before.
    for (;;) {
      let next = -1
      for (let i = 0; i < pool.count; i++) {
        if (pool.group[i] !== side || (pool.weight[i] as number) >= lightest) continue
        if (next < 0 || (pool.key[i] as number) < (pool.key[next] as number)) next = i
      }
      if (next < 0) return
      lightest = pool.weight[next] as number
      this.#steps[this.#count++] = next
      if (lightest > weight) this.#turn = this.#count
    }
  }

  /** The first lighter than the node, or the one so many steps beyond it; -1 when there is none. */
  lighter(beyond: number): number {
    return this.#turn + beyond < this.#count ? (this.#steps[this.#turn + beyond] as number) : -1
  }

  /** The last heavier than the node, or the one so many steps before it; -1 when there is none. */
  heavier(before: number): number {
    return this.#turn - 1 - before >= 0 ? (this.#steps[this.#turn - 1 - before] as number) : -1
  }
}

/** 52 bits of a hash of the position: no two nodes of a network are likely to weigh the same. */
function weightOf({ position }: Pick<PeerDescriptor, 'position'>): number {
  const high = mixed((position / 0x10_0000) | 0)
  return (mixed(position ^ high) >>> 0) * 0x10_0000 + (high >>> 12)
}

function mixed(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** The target links of each node: its parent and its children. What a testnet counts. By id, in any order. */
export function searchTreeTargets<Peer extends Pick<PeerDescriptor, 'id' | 'position'>>(
  peers: readonly Peer[],
): Map<string, Peer[]> {
  const links = new Map<string, Peer[]>(peers.map(({ id }) => [id, []]))
  const join = (parent: Peer, child: Peer) => {
    links.get(parent.id)?.push(child)
    links.get(child.id)?.push(parent)
  }
  // From left to right, the path from the root to the newest node: each is the right child of the one before.
  const path: Peer[] = []
  for (const peer of [...peers].sort((a, b) => a.position - b.position)) {
    let below: Peer | undefined
    while (path.length > 0 && weightOf(path[path.length - 1] as Peer) > weightOf(peer)) {
      const last = path.pop() as Peer
      if (below !== undefined) join(last, below)
      below = last
    }
    if (below !== undefined) join(peer, below)
    path.push(peer)
  }
  path.forEach((peer, i) => {
    if (i > 0) join(path[i - 1] as Peer, peer)
  })
  return links
}
