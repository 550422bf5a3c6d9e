import type { PeerDescriptor } from '../../core/descriptor.ts'

/**
 * T-Man's one extension point: which peers a node should know, given all those it could know.
 *
 * A structure is defined by what `select` prefers. The view it gives holds neighbours and long links alike; neighbours come
 * first, in the order in which the node would gossip with them.
 */
export interface Ranking {
  readonly name: string
  /** How many of the first that `select` gives are neighbours, the rest being long links. */
  readonly neighbours: number
  /**
   * The best `size` of the candidates for the node `around`, neighbours first, each once.
   * @param candidates unique ids; `around` itself is passed over
   * @param preference breaks ties among equally good long links: the lower the better. A constant private one keeps a view
   *   stable; a random one makes what is sent to a partner varied
   */
  select(
    around: PeerDescriptor,
    candidates: readonly PeerDescriptor[],
    size: number,
    preference: (peer: PeerDescriptor) => number,
  ): PeerDescriptor[]
}
