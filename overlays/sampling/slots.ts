import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

interface Held {
  readonly peer: PeerDescriptor
  readonly group: string
}

interface Slot {
  readonly salt: number
  held: Held | undefined
}

function hash(salt: number, text: string): number {
  let h = salt
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The min-hash sampler of Brahms and Basalt: every slot prefers the address group that minimises a hash under the slot's own
 * secret salt; within a group one more salt chooses the id. So a thousand keys on one /24 weigh as much as one key.
 *
 * Departure: a group holds one slot at most, and what is pushed out of its slot moves on to the next one it wins. That is the
 * deferred acceptance of Gale and Shapley, whose outcome does not depend on the order of proposals: which groups sit in which
 * slots is decided by the set of peers ever offered. Whoever is offered a thousand times gains nothing over once.
 *
 * Invariants: no group and no id holds more than one slot; of a peer's descriptors the newest is kept.
 */
export class Slots {
  readonly #slots: Slot[]
  readonly #groupOf: (peer: PeerDescriptor) => string
  readonly #salt: number

  constructor(count: number, groupOf: (peer: PeerDescriptor) => string, random: Random) {
    this.#groupOf = groupOf
    this.#salt = random.word()
    this.#slots = Array.from({ length: count }, () => ({ salt: random.word(), held: undefined }))
  }

  offer(peer: PeerDescriptor): void {
    const group = this.#groupOf(peer)
    const own = this.#slots.find(({ held }) => held?.peer.id === peer.id)
    if (own?.held !== undefined) {
      if (peer.sequence <= own.held.peer.sequence) return
      own.held = own.held.group === group ? { peer, group } : undefined
      if (own.held !== undefined) return
    }
    const rival = this.#slots.find(({ held }) => held?.group === group)
    if (rival?.held === undefined) this.#place({ peer, group })
    else if (hash(this.#salt, peer.id) < hash(this.#salt, rival.held.peer.id)) rival.held = { peer, group }
  }

  /** Forgets a peer that is gone; its slot takes the next one offered. */
  remove(id: string): void {
    for (const slot of this.#slots) if (slot.held?.peer.id === id) slot.held = undefined
  }

  /** The peers in the slots, each once. */
  peers(): PeerDescriptor[] {
    return this.#slots.flatMap(({ held }) => (held === undefined ? [] : [held.peer]))
  }

  #place(newcomer: Held): void {
    let moving = newcomer
    for (const slot of this.#slots) {
      const before = slot.held
      if (before !== undefined && hash(slot.salt, moving.group) >= hash(slot.salt, before.group)) continue
      slot.held = moving
      if (before === undefined) return
      moving = before
    }
  }
}
