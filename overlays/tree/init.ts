import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Sign } from '../../core/signed.ts'

export interface TreeInit {
  /** Peers that this node talks to anyway: the edges out of which the tree is made. A parent is one of its children's contacts. */
  contacts(): readonly PeerDescriptor[]
  /** The node's gossip budget in bytes, one bucket for all that gossips. What does not fit is not said. */
  readonly budget: TokenBucket
  /** ms between two rounds; all nodes must have about the same. */
  readonly period: number
  /** Left out, signatures are empty, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
  /** Called when the parent or the children are others. */
  changed?(): void
  /** ms after which the salt, and so the root, is another; all nodes must have the same. @default 3600000 */
  readonly epoch?: number
}
