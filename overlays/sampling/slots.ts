import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

interface Slot {
  readonly salt: number
  peer: PeerDescriptor | undefined
  /** Hash of the peer's address group, then of its id, under the salt: smaller is better. */
  rank: readonly [group: number, id: number]
}

const EMPTY = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const

function hash(salt: number, text: string): number {
  let h = salt
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The min-hash sampler of Brahms and Basalt: every slot keeps, of all the peers ever offered, the one that minimises a hash
 * under the slot's own secret salt. Whoever pushes its descriptors a thousand times gains nothing over pushing them once.
 *
 * The address group is hashed first, so that a thousand keys on one /24 weigh as much as one key.
 * Invariant: no group holds more than one slot.
 */
export class Slots {
  readonly #slots: Slot[]
  readonly #groupOf: (peer: PeerDescriptor) => string
  /** Group -> the slot it holds; at most one entry a slot. */
  readonly #holders = new Map<string, Slot>()

  constructor(count: number, groupOf: (peer: PeerDescriptor) => string, random: Random) {
    this.#groupOf = groupOf
    this.#slots = Array.from({ length: count }, () => ({ salt: random.word(), peer: undefined, rank: EMPTY }))
  }

  offer(peer: PeerDescriptor): void {
    const group = this.#groupOf(peer)
    const held = this.#holders.get(group)
    if (held !== undefined) {
      if (held.peer?.id === peer.id) held.peer = peer
      else this.#improve(held, group, peer)
      return
    }
    for (const slot of this.#slots) if (this.#improve(slot, group, peer)) return
  }

  /** Forgets a peer that is gone; its slot takes the next one offered. */
  remove(id: string): void {
    for (const slot of this.#slots) {
      if (slot.peer?.id !== id) continue
      this.#holders.delete(this.#groupOf(slot.peer))
      slot.peer = undefined
      slot.rank = EMPTY
    }
  }

  /** The peers in the slots, each once. */
  peers(): PeerDescriptor[] {
    return this.#slots.flatMap(({ peer }) => (peer === undefined ? [] : [peer]))
  }

  #improve(slot: Slot, group: string, peer: PeerDescriptor): boolean {
    const byGroup = hash(slot.salt, group)
    if (byGroup > slot.rank[0]) return false
    const byId = hash(slot.salt, peer.id)
    if (byGroup === slot.rank[0] && byId >= slot.rank[1]) return false
    if (slot.peer !== undefined) this.#holders.delete(this.#groupOf(slot.peer))
    slot.peer = peer
    slot.rank = [byGroup, byId]
    this.#holders.set(group, slot)
    return true
  }
}
