import type { PeerDescriptor } from '../../core/descriptor.ts'

/** A descriptor as gossip carries it: `age` counts the rounds since its owner spoke for itself. */
export interface Aged {
  readonly id: string
  readonly peer: PeerDescriptor
  readonly age: number
}

/** One word about a peer: the peer's own (`firstHand`), or another's about it. */
export interface Heard {
  readonly peer: PeerDescriptor
  readonly age: number
  readonly firstHand: boolean
}

/** An age that grows without bound would be a number of the sender's choosing. */
export const MAX_AGE = 1000

/** Whom a sampler knows. Two rules: the paper's (`AgedView`), and the defended one (`RankedView`). */
export interface Known {
  /** The gossip view. */
  readonly view: readonly Aged[]
  /** Another round begins. */
  turn(): void
  /** Whom to gossip with; undefined when nobody usable is known. */
  partner(usable: (peer: PeerDescriptor) => boolean): PeerDescriptor | undefined
  /** At most `count` peers that this node tells the partner of. */
  tell(partner: PeerDescriptor, count: number): readonly Aged[]
  /** Takes words in. `told`: what this node itself told in the same exchange. */
  hear(words: readonly Heard[], told: readonly Aged[]): void
  /** The peer spoke to this node, which did not choose it. */
  pushed(peer: PeerDescriptor): void
  /** The peer did not answer. The last peer known is kept, or the node would be alone for good. */
  missed(id: string): void
  /** The peer is gone. */
  remove(id: string): void
  /** `count` different usable peers at random; unusable ones that are met leave. */
  sample(count: number, usable: (peer: PeerDescriptor) => boolean): PeerDescriptor[]
}
