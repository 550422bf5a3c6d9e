import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Protocol } from '../../core/environment.ts'
import type { Sign } from '../../core/signed.ts'
import type { Admission } from './adaptive/controller.ts'
import type { Counts } from './counts.ts'
import type { BroadcastOptions } from './options.ts'
import type { Missed } from './order.ts'
import type { Publication } from './publication.ts'
import type { Publishers } from './publishers.ts'
import type { Store } from './store.ts'
import type { SubgroupRatings } from './subscriptions.ts'

/** One way to bring publications to all members of a group. It runs on members only. */
export interface Delivery<Message = unknown> extends Protocol<Message> {
  /** Sends a publication that this node has just made, and taken in itself. */
  spread(publication: Publication): void
  /** The transport lost this peer, or membership declared it dead. */
  peerDown(id: string): void
  /**
   * Whether this node may publish a message of so many parts now, beside the quota of every publisher and the lane's admission control,
   * which lets it; refused in a sentence. @default always
   */
  admit?(now: number, parts: number): Admission | Refused
  /** Messages a second that its own admission control admits. @default all that the lane's does */
  readonly rate?: number
  /**
   * Gets what was accepted in its publisher's order, in place of the subscribers; `DeliveryInit.deliver` passes it on to
   * them. For a delivery that promises more than each publisher's order. @default to the subscribers
   */
  inOrder?(publication: Publication): void
  /**
   * With `inOrder`: gets what its publisher's order gave up, in place of the subscribers, as it may still come by another way;
   * `DeliveryInit.missed` tells them. @default to the subscribers
   */
  missed?(publisher: string, missed: Missed): void
  /**
   * Brings a member only a part of the publications, on purpose: whether the one of this number, if there is one, may be among them.
   * Of a message in parts, which come all or none, this is the number of the last one. What is not expected nobody waits for, and
   * for the others not long. @default all are
   */
  expects?(publisher: string, sequence: number): boolean
  /** With `expects`: since when, ms, it leaves out none: of gaps from then on the user is told; Infinity while it does. @default it does */
  wholeSince?(): number
  /** Counters and sizes; every size has its bound beside its field. */
  status(): Readonly<Record<string, unknown>>
}

/**
 * What becomes of a publication that a delivery brings: 'new' is to be passed on; 'known' was here before; one refused, for a
 * reason that is counted, goes nowhere.
 */
export type Verdict = 'new' | 'known' | Refused

export interface Refused {
  readonly refused: string
}

/** A bucket of bytes, which counts what stands around each message on the wire as well. */
export type Budget = Pick<TokenBucket, 'take'>

/** What a delivery has of the node that it runs in: one topic's part of it. */
export interface DeliveryInit {
  readonly topic: string
  /** Left out, signatures are empty, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
  /** Live members of the group that are sorted by the ring: neighbours and long links. */
  contacts(): readonly PeerDescriptor[]
  /** Live members to gossip with: contacts and random ones. */
  partners(): readonly PeerDescriptor[]
  /** Round trip to a peer, ms; undefined where it is not known. @default nobody's is */
  rtt?(id: string): number | undefined
  /** The node's gossip budget, bytes. A publication's first copy to a peer is not paid from it, everything else is. */
  readonly budget: Budget
  /**
   * Takes in a publication that a peer sent; it is delivered in order, after the message that brought it was handled. Its
   * signature is verified.
   * @param pushed whether it came unasked: then its publisher's rate is also held to by this node's clock. @default true
   */
  accept(publication: Publication, pushed?: boolean): Verdict
  /** Hands a publication to the subscribers: for a delivery with `inOrder`, once for each. */
  deliver(publication: Publication): void
  /** Tells the subscribers what will not come to them of what `inOrder` or `missed` got, and why. @default nobody is told */
  missed?(publisher: string, missed: Missed): void
  /** The shares of the publications that this node's subscribers want. */
  ratings(): SubgroupRatings
  /** The group's recent publications, and who published them. */
  readonly store: Store
  readonly publishers: Publishers
  readonly counts: Counts
  readonly options: BroadcastOptions
}
