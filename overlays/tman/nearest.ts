import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Pool } from './pool.ts'
import type { Ranking } from './ranking.ts'

export interface NearestOptions {
  /** How many come before any long link, and are kept connected. @default 8 */
  readonly neighbours?: number
}

/**
 * A ranking out of one function: how far a peer is from a node, the lower the nearer. A node's neighbours are the nearest; the rest
 * of its view are random long links, out of which order keeps growing.
 *
 * ```ts
 * // Nodes of like age know each other; `uptime` has to be a ranked attribute of their descriptors.
 * const peers = nearestRanking('age', (a, b) => Math.abs((a.attributes.uptime ?? 0) - (b.attributes.uptime ?? 0)))
 * ```
 *
 * @param distance called for every candidate of every exchange: cheap, without side effects, the same on all nodes. NaN is as far as
 *   can be. It sees what strangers claim of themselves, within the limits of a descriptor
 */
export function nearestRanking(
  name: string,
  distance: (around: PeerDescriptor, peer: PeerDescriptor) => number,
  { neighbours = 8 }: NearestOptions = {},
): Ranking {
  const pool = new Pool()
  return {
    name,
    neighbours,
    select(around, candidates, size, preference) {
      pool.begin(around, candidates, size)
      for (let i = 0; i < pool.count; i++) {
        const far = distance(around, pool.peers[i] as PeerDescriptor)
        pool.key[i] = Number.isNaN(far) ? Number.POSITIVE_INFINITY : far
        pool.group[i] = 0
      }
      pool.takeNearest(neighbours, preference)
      pool.takePreferred(preference)
      return pool.chosen
    },
  }
}
