import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Pool } from './pool.ts'
import type { Ranking } from './ranking.ts'
import { bandOf } from './ring.ts'

/** What a ranking reads of a peer. */
type Placed = Pick<PeerDescriptor, 'id' | 'position' | 'attributes'>

/** A torus: `width` by `height`, both ends of each axis joined, and where on it a peer lies. */
export interface TorusInit {
  readonly width: number
  readonly height: number
  /** In [0, width). */
  x(peer: Placed): number
  /** In [0, height). */
  y(peer: Placed): number
}

const HALF = 2 ** 26

/** Where hashed ids lie: the upper 26 bits of the position are x, the lower 26 are y, so everybody can compute it and nobody choose. */
export const HASHED_TORUS: TorusInit = {
  width: HALF,
  height: HALF,
  x: ({ position }) => Math.floor(position / HALF),
  y: ({ position }) => position - Math.floor(position / HALF) * HALF,
}

/** The paper's grid: nodes at whole numbers, which their descriptors carry as the ranked attributes x and y. */
export function gridTorus(width: number, height: number): TorusInit {
  return { width, height, x: ({ attributes }) => attributes.x ?? 0, y: ({ attributes }) => attributes.y ?? 0 }
}

/**
 * In each direction: a target link and those that stand in for it. With c = 20 that leaves 8 long links, as many as 2^17 nodes
 * have doubling bands: with one more in each direction half of the bands stay empty, and there the last links crawl.
 */
const DEEP = 3
/** Of these, whom a node stays connected to. */
const KEPT = 2
const EAST = 3
const NORTH = 2
const WEST = 1
const SOUTH = 0

/**
 * A two-dimensional torus. The four diagonals through a node cut the torus into directions (east, north, west, south, each with one
 * of its borders); the target links of a node are the nearest peer in each of them, by straight distance. On a grid these are the four
 * neighbouring cells, 4N links in all, as in the paper; among hashed places they are as well defined.
 *
 * Order: the nearest to the east, north, west and south, then the second and the third nearest of each; then long links, one per
 * doubling band of distance whatever its direction.
 */
export function torusRanking({ width, height, x, y }: TorusInit = HASHED_TORUS): Ranking {
  const pool = new Pool()
  return {
    name: 'torus',
    neighbours: 4 * KEPT,
    select(around, candidates, size, preference) {
      pool.begin(around, candidates, size)
      const [ax, ay] = [x(around), y(around)]
      for (let i = 0; i < pool.count; i++) {
        const peer = pool.peers[i] as PeerDescriptor
        const dx = shorter(x(peer) - ax, width)
        const dy = shorter(y(peer) - ay, height)
        pool.key[i] = dx * dx + dy * dy
        pool.group[i] = directionOf(dx, dy)
      }
      pool.takeInTurns(DEEP)
      for (let i = 0; i < pool.count; i++) pool.group[i] = bandOf(pool.key[i] as number) >> 1 // squares double twice as fast
      pool.takePreferred(preference)
      return pool.chosen
    },
  }
}

/** A difference of two coordinates the shorter way round: in (-length / 2, length / 2]. */
function shorter(difference: number, length: number): number {
  if (difference > length / 2) return difference - length
  return difference <= -length / 2 ? difference + length : difference
}

function directionOf(dx: number, dy: number): number {
  if (dx > 0 && -dx < dy && dy <= dx) return EAST
  if (dy > 0 && -dy <= dx && dx < dy) return NORTH
  if (dx < 0 && dx <= dy && dy < -dx) return WEST
  return SOUTH
}

/** The four target links of a node among `peers`: the nearest in each direction, where there is one. What a testnet counts. */
export function torusTargets<Peer extends Placed>(
  around: Peer,
  peers: readonly Peer[],
  torus: TorusInit = HASHED_TORUS,
): Peer[] {
  const [ax, ay] = [torus.x(around), torus.y(around)]
  const best: (Peer | undefined)[] = []
  const nearest: number[] = []
  for (const peer of peers) {
    if (peer.id === around.id) continue
    const dx = shorter(torus.x(peer) - ax, torus.width)
    const dy = shorter(torus.y(peer) - ay, torus.height)
    const direction = directionOf(dx, dy)
    const distance = dx * dx + dy * dy
    const held = best[direction]
    const farther = distance - (nearest[direction] ?? Number.POSITIVE_INFINITY)
    if (farther > 0 || (farther === 0 && held !== undefined && held.position < peer.position)) continue
    nearest[direction] = distance
    best[direction] = peer
  }
  return best.filter((peer) => peer !== undefined)
}
