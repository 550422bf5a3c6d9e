import type { PeerDescriptor } from '../../core/descriptor.ts'

/** A super-peer as it was heard of. */
export interface Known {
  readonly id: string
  readonly peer: PeerDescriptor
  /** Clients that it could still take. */
  readonly room: number
  /** Rounds since it said so itself. */
  readonly age: number
}

/** What nodes that serve, or could, tell each other. */
export interface Report {
  readonly kind: 'gossip' | 'answer'
  readonly superPeer: boolean
  readonly clients: number
  readonly known: readonly Known[]
  /** Of an answer: the sender's most capable client. */
  readonly spare: PeerDescriptor | undefined
}

/** What was asked for a place says. */
export interface Place {
  readonly kind: 'accepted' | 'refused'
  readonly clients: number
  readonly known: readonly Known[]
}

export type SuperPeersMessage =
  | Report
  | Place
  /** Asks for a place, and later for more time in it. */
  | { readonly kind: 'join' }
  /** A super-peer to its client: that one would take you. */
  | { readonly kind: 'move'; readonly to: PeerDescriptor }
  /** A client to its super-peer: I am somebody else's. */
  | { readonly kind: 'leave' }
  /** To a client more capable than the sender: serve, and take my clients. */
  | { readonly kind: 'promote' }

/** Super-peers in a message. */
export const MAX_KNOWN_SENT = 8
/** A capacity that no node has; larger ones that a descriptor says count as this. */
export const MAX_CAPACITY = 4096
/** Rounds for which a super-peer is believed to be one without a word of its own: most are none ten rounds later. */
export const MAX_KNOWN_AGE = 10
