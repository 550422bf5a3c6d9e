import type { PeerDescriptor } from '../../core/descriptor.ts'
import { clockwise } from '../../core/position.ts'
import type { Ranking } from './ranking.ts'

/** How many neighbours on each side come before any long link. LIMITS: at least 4, so that one liar cannot cut the ring. */
export const SIDE = 4

/** Long links in each doubling band (DESIGN's models: 9 hops at 10^4). More would be connections that buy little. */
export const PER_BAND = 2

/** Which doubling band a clockwise distance falls into: band b holds [2^b, 2^(b+1)). */
export function bandOf(distance: number): number {
  return Math.floor(Math.log2(distance))
}

/**
 * The ring sorted by position: the `side` nearest each way, then long links, one per doubling band of clockwise distance,
 * then a second one per band, up to `perBand`, until the view is full (PAPERS section 1: the cure of the stuck tail; the
 * bands are also what cuts a query's interval into pieces).
 *
 * Order: nearest successor, nearest predecessor, second successor, ...; then bands, the farthest first.
 */
export function ringRanking(side = SIDE, perBand = PER_BAND): Ranking {
  return {
    name: 'ring',
    neighbours: 2 * side,
    select(around, candidates, size, preference) {
      const sorted = candidates
        .filter(({ id }) => id !== around.id)
        .map((peer) => ({ peer, distance: clockwise(around.position, peer.position) }))
        .sort((a, b) => a.distance - b.distance || (a.peer.id < b.peer.id ? -1 : 1))
      const chosen: PeerDescriptor[] = []
      let low = 0
      let high = sorted.length - 1
      for (let i = 0; i < side * 2 && low <= high && chosen.length < size; i++) {
        chosen.push((sorted[i % 2 === 0 ? low++ : high--] as (typeof sorted)[number]).peer)
      }
      const bands = inBands(sorted.slice(low, high + 1), preference)
      for (let depth = 0; depth < perBand && chosen.length < size; depth++) {
        for (const band of bands) {
          const peer = band[depth]
          if (peer !== undefined && chosen.length < size) chosen.push(peer)
        }
      }
      return chosen
    },
  }
}

/** The peers band by band, the farthest band first, the preferred peer of each band first. */
function inBands(
  sorted: readonly { peer: PeerDescriptor; distance: number }[],
  preference: (peer: PeerDescriptor) => number,
): PeerDescriptor[][] {
  const bands = new Map<number, { peer: PeerDescriptor; preference: number }[]>()
  for (let i = sorted.length - 1; i >= 0; i--) {
    const { peer, distance } = sorted[i] as (typeof sorted)[number]
    const band = distance === 0 ? 0 : bandOf(distance)
    const entry = { peer, preference: preference(peer) }
    const known = bands.get(band)
    if (known === undefined) bands.set(band, [entry])
    else known.push(entry)
  }
  return [...bands.values()].map((band) => band.sort((a, b) => a.preference - b.preference).map(({ peer }) => peer))
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
