import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Position } from './beacon.ts'

/** What nodes say to each other; every message but the last says where the sender is. */
export type TreeMessage = Announcement | { readonly kind: 'leave'; readonly at: number }

export interface Announcement {
  readonly kind: 'hello' | 'reply' | 'join' | 'accepted' | 'refused' | 'news'
  /** The sender's clock, ms: of two messages of a node the later holds, whichever arrives first. */
  readonly at: number
  readonly position: Position
  /** Whether the sender takes another child. */
  readonly room: boolean
}

/** What a peer said last. */
export interface Heard {
  readonly peer: PeerDescriptor
  /** By its clock. */
  readonly at: number
  /** By ours. */
  readonly received: number
  readonly position: Position | undefined
  readonly room: boolean
}

/** LIMITS: hops from the root. */
export const MAX_DEPTH = 24
