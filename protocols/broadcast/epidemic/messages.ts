import { descriptorSize, type PeerDescriptor } from '../../../core/descriptor.ts'
import { type BufferClaim, claimSize } from '../adaptive/claims.ts'
import type { Event } from './buffer.ts'

/** One node's gossip to another: what it holds, or a part of it where a frame cannot take all. */
export interface Gossip {
  /** The receiver is to answer with what it holds. */
  readonly ask: boolean
  /** The youngest first. */
  readonly events: readonly Event[]
  /** The smallest buffers that its sender heard of (Fig. 5a). Empty without admission control. */
  readonly claims: readonly BufferClaim[]
  /** Members, its sender among them. Empty where the sampler supplies partners. */
  readonly subscriptions: readonly PeerDescriptor[]
}

export type EpidemicMessage = Gossip

/** Chosen: a message stays under the frame of 64 KiB, with room for its batch. */
export const MAX_GOSSIP_BYTES = 56 * 1024
export const MAX_EVENTS = 1024

/** Bytes that an event takes inside a message, at most. */
export function eventSize({ publication: { record } }: Event): number {
  return record.body.length + record.signature.length + 16
}

export function gossipSize({ events, claims, subscriptions }: Gossip): number {
  let size = 16
  for (const event of events) size += eventSize(event)
  for (const claim of claims) size += claimSize(claim)
  for (const peer of subscriptions) size += descriptorSize(peer)
  return size
}
