import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/** A peer as slots rank it. The fingerprints are salted by the node, so that nobody can make two groups or ids collide. */
export interface Ranked {
  readonly peer: PeerDescriptor
  /** Fingerprint of its id, 32 bits. */
  readonly key: number
  /** Fingerprint of its address group, 32 bits. */
  readonly group: number
}

/** FNV-1a under a salt, then murmur3's finaliser. */
export function fingerprint(salt: number, text: string): number {
  let h = salt
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return scramble(h)
}

function scramble(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The min-hash sampler of Brahms and Basalt: every slot prefers the address group that minimises a hash under the slot's own
 * secret salt, and within the group the id that minimises another. So a thousand keys on one /24 weigh as much as one key.
 *
 * Departure: nobody sits in two slots, and what is pushed out of its slot moves on to the next one it wins. That is the
 * deferred acceptance of Gale and Shapley, whose outcome does not depend on the order of proposals: who sits in which slot
 * is decided by the set of peers ever offered. Whoever is offered a thousand times gains nothing over once.
 *
 * Invariants: no id holds more than one slot; with `apart`, no group either.
 */
export class Slots<Held extends Ranked> {
  readonly #salts: Uint32Array
  readonly #scores: Uint32Array
  readonly #keys: Uint32Array
  readonly #held: (Held | undefined)[]
  readonly #apart: boolean
  readonly #salt: number
  #size = 0

  /** @param apart whether one address group holds one slot at most */
  constructor(count: number, apart: boolean, random: Random) {
    this.#apart = apart
    this.#salt = random.word()
    this.#salts = Uint32Array.from({ length: count }, () => random.word())
    this.#scores = new Uint32Array(count)
    this.#keys = new Uint32Array(count)
    this.#held = new Array<Held | undefined>(count).fill(undefined)
  }

  get count(): number {
    return this.#held.length
  }

  get size(): number {
    return this.#size
  }

  /** Who holds a slot, in the slots' order. */
  get held(): Held[] {
    return this.#held.filter((held) => held !== undefined)
  }

  forEach(visit: (held: Held) => void): void {
    for (let i = 0; i < this.#held.length; i++) {
      const held = this.#held[i]
      if (held !== undefined) visit(held)
    }
  }

  holds(held: Held): boolean {
    return this.#slotOfId(held.key, held.peer.id) >= 0
  }

  find(key: number, id: string): Held | undefined {
    return this.#held[this.#slotOfId(key, id)]
  }

  /** Changes nothing for who holds a slot already. */
  offer(newcomer: Held): void {
    if (this.holds(newcomer)) return
    const rival = this.#apart ? this.#slotOfGroup(newcomer.group) : -1
    if (rival < 0) {
      this.#place(newcomer)
      return
    }
    const { key } = this.#held[rival] as Held
    if (scramble(this.#salt ^ newcomer.key) >= scramble(this.#salt ^ key)) return
    this.#held[rival] = newcomer
    this.#keys[rival] = newcomer.key
  }

  /** Forgets a peer that is gone; its slot takes the next one offered. */
  remove(key: number, id: string): void {
    const slot = this.#slotOfId(key, id)
    if (slot < 0) return
    this.#held[slot] = undefined
    this.#size--
  }

  /** Gives a slot a new salt, and everybody the slot that they win then. */
  resalt(slot: number, salt: number): void {
    this.#salts[slot] = salt
    const all = this.held
    this.#held.fill(undefined)
    this.#size = 0
    for (const held of all) this.#place(held)
  }

  /** -1 when it holds none. */
  #slotOfId(key: number, id: string): number {
    for (let i = this.#keys.indexOf(key); i >= 0; i = this.#keys.indexOf(key, i + 1)) {
      if (this.#held[i]?.peer.id === id) return i
    }
    return -1
  }

  #slotOfGroup(group: number): number {
    for (let i = 0; i < this.#held.length; i++) if (this.#held[i]?.group === group) return i
    return -1
  }

  #place(newcomer: Held): void {
    let moving = newcomer
    for (let i = 0; i < this.#held.length; i++) {
      const salt = this.#salts[i] as number
      const score = scramble(salt ^ moving.group)
      const before = this.#held[i]
      if (before !== undefined) {
        const best = this.#scores[i] as number
        if (score > best) continue
        if (score === best && scramble(salt ^ moving.key) >= scramble(salt ^ before.key)) continue
      }
      this.#held[i] = moving
      this.#keys[i] = moving.key
      this.#scores[i] = score
      if (before === undefined) {
        this.#size++
        return
      }
      moving = before
    }
  }
}
