import type { AbortOptions, Startable, TypedEventTarget } from '@libp2p/interface'
import type { Attributes, Value } from '../core/attributes.ts'
import type { PublishOptions, Receipt, SubscribeOptions } from '../protocols/broadcast/broadcast.ts'
import type { Equivocation } from '../protocols/broadcast/equivocation.ts'
import type { Limited } from '../protocols/broadcast/limited.ts'
import type { Message } from '../protocols/broadcast/subscriptions.ts'
import type { StackOptions } from '../protocols/options.ts'
import type { Answer } from '../protocols/query/wave/answer.ts'
import type { Stack } from '../protocols/stack.ts'
import type { JoinOptions } from './join.ts'
import type { VerifierLimits } from './keys/verifier.ts'
import type { LinkLimits } from './links/limits.ts'
import type { LinksStatus } from './links/links.ts'
import type { Contact } from './peers.ts'

export interface TendrilInit {
  /** Nodes of other networks are strangers. 1 to 64 characters. @default 'tendril' */
  readonly network?: string
  /** What this node says about itself, besides what its machine says. @default {} */
  readonly attributes?: Attributes
  /** Multiaddrs, ending in /p2p/ and the id, of nodes to join through. @default [] */
  readonly bootstrap?: readonly string[]
  /** ms between two looks at the machine: load, memory and so on. @default 5000 */
  readonly refresh?: number
  /** Announce the network in the content routing (the DHT) of this libp2p node, and look it up there. @default true */
  readonly dht?: boolean
  /**
   * Structures to take part in beside the ring: `line:<attribute>`, `torus`, `tree`, `latency`, `spanning-tree`,
   * `slices:<attribute>`, `superpeers`, and `own:<name>` for the rankings in `stack.rankings`. Short for `stack.structures`.
   * @default []
   */
  readonly structures?: readonly string[]
  readonly stack?: Partial<StackOptions>
  readonly links?: Partial<LinkLimits>
  readonly verifier?: Partial<VerifierLimits>
  readonly join?: Partial<JoinOptions>
}

export interface TendrilEvents {
  /** A peer is known to be alive now. */
  'peer:up': CustomEvent<{ id: string }>
  /** It is not any more: why. */
  'peer:down': CustomEvent<{ id: string; reason: string }>
  /** Publications of `from` that will not be delivered: their first and last sequence number. */
  'message:missed': CustomEvent<{
    topic: string
    from: string
    range: { first: number; last: number }
    reason: string
  }>
  /** A publisher signed two messages under one number. `verifyEquivocation` checks the proof, here or anywhere else. */
  'publisher:equivocated': CustomEvent<Equivocation>
  /** A publisher sends more than its rate, and what is beyond it is refused; at most once a minute. */
  'publisher:limited': CustomEvent<Limited>
  /** A peer reads too slowly: messages to it were dropped, others were not delayed. */
  'peer:slow': CustomEvent<{ id: string; dropped: number; reason: string }>
  /** This node has no contact, and an attempt to find one failed; it goes on trying. */
  'join:failed': CustomEvent<{ reason: string }>
}

export interface QueryOptions extends AbortOptions {
  /** ms within which the answer is given, complete or not. @default 10000, at most 60000 */
  readonly timeout?: number
}

export interface Tendril extends Startable, TypedEventTarget<TendrilEvents> {
  readonly id: string
  readonly network: string
  /**
   * Asks all nodes of the network.
   * @throws QueryError (position, caret()) for a wrong query, QueryRefused beyond the rate or while stopped, RangeError for a
   * timeout that is no number, the signal's reason
   */
  query(sql: string, options?: QueryOptions): Promise<Answer>
  /**
   * Tells all subscribers in the network: at most 1 MiB. A text travels as UTF-8. Accepted means sent, not received; delayed that
   * nothing was sent, and from when on it may be.
   */
  publish(topic: string, data: Uint8Array | string, options?: PublishOptions): Receipt
  /**
   * @returns the function that ends the subscription
   * @throws RangeError, a sentence, for a topic, rating or past that cannot be, beyond 64 topics, or after `leave`
   */
  subscribe(topic: string, how: ((message: Message) => void) | SubscribeOptions): () => void
  /** The topics whose groups this node is in: members, rates, buffers and repair of each. */
  topics(): ReturnType<Stack['topics']>
  /** The proofs that this node holds of publishers that signed two messages under one number; at most 16. */
  proofs(): readonly Equivocation[]
  /**
   * Sets an attribute of this node, kept over restarts; null takes it back. It holds at once; `saved` says when it is on disk.
   * @throws RangeError with a sentence, and nothing is changed
   */
  set(name: string, value: Value): void
  /** Waits until what was set is written. Rejects when it could not be: it holds until the node ends, and is tried again with the next `set`. */
  saved(): Promise<void>
  /** Undefined when this node has no such attribute. */
  get(name: string): Value | undefined
  attributes(): Attributes
  /**
   * Those this node keeps: its neighbours on the ring, nearest first, its long links, the members of its structures, and
   * random ones it is connected to.
   */
  peers(): Contact[]
  /** Counters and sizes: everything that is bounded, dropped or refused, by reason. */
  status(): NodeStatus
  /** Says goodbye to the contacts and falls silent; stop the libp2p node afterwards. */
  leave(): Promise<void>
}

export interface NodeStatus extends ReturnType<Stack['status']> {
  readonly id: string
  readonly network: string
  readonly version: string
  /** Whether it takes part: not before it has started, nor once it has left. */
  readonly running: boolean
  /** On the ring. */
  readonly position: number
  /** Multiaddrs with the id. */
  readonly addresses: readonly string[]
  /** Of this node's descriptor. */
  readonly sequence: number
  /** What structures sort this node by, as its descriptor says it. */
  readonly ranked: Readonly<Record<string, number>>
  /** Peers in the address book. */
  readonly known: number
  /** ms by which the node's time is ahead of the machine's clock, because that was put back; far ahead, the others refuse it: restart it. */
  readonly clockAhead: number
  /** Code of the node or of the user that threw, by where. */
  readonly failures: Readonly<Record<string, number>>
  readonly join: Readonly<Record<string, number>>
  /** Undefined while the node is stopped. */
  readonly links: LinksStatus | undefined
}
