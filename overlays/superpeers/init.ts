import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { KnownOptions } from './known.ts'

export interface SuperPeersInit {
  /** How many clients a peer can serve, as its signed descriptor says; undefined when it takes no part. */
  capacityOf(peer: PeerDescriptor): number | undefined
  /** Random peers, from peer sampling. */
  sample(count: number): readonly PeerDescriptor[]
  /** The node's gossip budget in bytes, one bucket for all that gossips. What does not fit is not said. */
  readonly budget: TokenBucket
  /** ms between two rounds. */
  readonly period: number
  /** What is believed of others' words about super-peers. */
  readonly known?: Partial<KnownOptions> | undefined
  /** How often the time between two promotions that bring no client doubles. @default 5 */
  readonly doublings?: number | undefined
  /** How often a client may be told to move and stay. @default 8 */
  readonly mostMoves?: number | undefined
  /** Called when this node's super-peer, or its clients, are others. */
  changed?(): void
}
