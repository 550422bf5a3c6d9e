import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'

/** Surroundings of an exchange that is driven by hand. */
export interface Hand {
  readonly self: PeerDescriptor
  readonly random: Random
  now(): number
}

export function peer(id: string): PeerDescriptor {
  return describe({ id, addresses: [], sequence: 1, issued: 0 })
}

export function byHand(id: string, clock: { time: number }): Hand {
  return { self: peer(id), random: new Random(id.length + id.charCodeAt(id.length - 1)), now: () => clock.time }
}
