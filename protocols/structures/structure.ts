import type { Attributes } from '../../core/attributes.ts'
import type { TokenBucket } from '../../core/bucket.ts'
import type { Codec } from '../../core/codec.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import type { Sign } from '../../core/signed.ts'
import type { Ranking } from '../../overlays/tman/ranking.ts'

/** A peer that this node has in a structure. */
export interface StructureMember {
  readonly peer: PeerDescriptor
  /** What it is there: `neighbour`, `long link`, ... */
  readonly role: string
  /** Whether the transport should keep it connected and failure detection watch it. */
  readonly kept: boolean
}

/** One structure that this node takes part in: usually an Exchange and its Rounds. */
export interface Structure<Message = unknown> {
  start(): void
  stop(): void
  /** Nothing that a peer sends may throw out of here. Only called for peers that take part. */
  receive(from: PeerDescriptor, message: Message): void
  /** The transport lost this peer: an exchange that waits for it ends. */
  unreachable(id: string): void
  /** Peers learnt elsewhere that take part; their descriptors are verified. */
  introduce(peers: readonly PeerDescriptor[]): void
  /** It died, left, or takes part no more. */
  remove(id: string): void
  /** The most wanted first, each once; bounded. */
  members(): readonly StructureMember[]
  /** What this node's descriptor must say, for `attributes` of its kind; nothing when the node cannot take part at present. */
  ranked(): Readonly<Record<string, number>>
  /** Sizes and counters. */
  status(): Readonly<Record<string, unknown>>
}

/** What a structure has of its node. */
export interface StructureSurroundings<Message = unknown> {
  readonly name: string
  readonly environment: Environment<Message>
  /** The gossip budget of the whole node. */
  readonly budget: TokenBucket
  /** ms between two rounds. */
  readonly period: number
  readonly own: readonly OwnStructure[]
  /** Signs as this node; undefined where nobody checks. */
  readonly sign: Sign | undefined
  /** The node's contacts on the ring that take part: connected anyway, and sorted by nothing but the hash of their ids. */
  contacts(): readonly PeerDescriptor[]
  /** Random peers that take part. */
  sample(count: number): readonly PeerDescriptor[]
  /** As failure detection says; 'no' for a peer that takes no part. */
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no'
  /** Finds out whether the peer lives. False when that is being done already. */
  ask(peer: PeerDescriptor): boolean
  /** Others offer a peer that is not admitted and would be a neighbour. */
  refused(peer: PeerDescriptor): void
  /** What queries see of this node. */
  attributes(): Attributes
  /** Members changed. */
  changed(): void
}

/** Structures of one sort: `line:load` and `line:uptime` are both of kind `line`. */
export interface Kind<Message = unknown> {
  /** What stands after the colon, as help text shows it (`line:<attribute>`); undefined when nothing may. */
  readonly argument?: string
  /** Says why an argument is none, in a sentence without its subject; undefined when it is right. */
  wrong?(argument: string, own: readonly OwnStructure[]): string | undefined
  /** Of the messages of all structures of this kind. */
  readonly codec: Codec<Message>
  /** Ranked attributes that the descriptor of every node that takes part carries: this is how it is known. At least one. */
  attributes(argument: string, own: readonly OwnStructure[]): readonly string[]
  make(argument: string, surroundings: StructureSurroundings<Message>): Structure<Message>
}

/** A structure of the user's own: `own:<name of the ranking>`. Nodes must mean the same by one name. */
export interface OwnStructure {
  readonly ranking: Ranking
  /**
   * Attributes of the node, numbers, that the ranking finds in the descriptors' `attributes`. A node that lacks one of them
   * takes no part. @default none
   */
  readonly attributes?: readonly string[]
}
