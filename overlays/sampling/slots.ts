import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

const EMPTY = 0xffffffff

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
 * But who is told of most is offered to a new salt first. So a slot with a new salt shows its peer only when it has become
 * mature: when `young` others have had new salts since (Basalt draws a sample from a slot at the end of its life, too). Peers
 * try the oldest slots first, so that the young ones hold only whom the mature have no room for.
 *
 * Invariants: no id holds more than one slot; with `apart`, no group either.
 */
export class Slots<Held extends Ranked> {
  readonly #salts: Uint32Array
  /** EMPTY where nobody is held: whoever comes wins. */
  readonly #scores: Uint32Array
  /** The holders' keys and groups once more, where they are found fast; left behind where nobody is held any more. */
  readonly #keys: Uint32Array
  readonly #groups: Uint32Array
  readonly #held: (Held | undefined)[]
  readonly #apart: boolean
  readonly #salt: number
  /** The slot that gets the next new salt. */
  #oldest = 0
  #size = 0
  /** Whether somebody left a slot, and those in younger ones were not asked since whether they would win it. */
  #left = false
  /** Mature slots. */
  readonly count: number

  /**
   * @param count mature slots
   * @param young slots beside them that mature
   * @param apart whether one address group holds one slot at most
   */
  constructor(count: number, young: number, apart: boolean, random: Random) {
    const all = count + young
    this.count = count
    this.#apart = apart
    this.#salt = random.word()
    this.#salts = Uint32Array.from({ length: all }, () => random.word())
    this.#scores = new Uint32Array(all).fill(EMPTY)
    this.#keys = new Uint32Array(all)
    this.#groups = new Uint32Array(all)
    this.#held = new Array<Held | undefined>(all).fill(undefined)
  }

  /** How many peers hold slots, young ones among them. */
  get size(): number {
    return this.#size
  }

  /** Who holds a mature slot, the oldest first. */
  get held(): Held[] {
    const held: Held[] = []
    this.forEach((one) => {
      held.push(one)
    })
    return held
  }

  /** Visits who holds a mature slot, the oldest first. */
  forEach(visit: (held: Held) => void): void {
    this.#visit(this.count, visit)
  }

  /** Visits who holds any slot, the oldest first. */
  forAll(visit: (held: Held) => void): void {
    this.#visit(this.#held.length, visit)
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
    this.#empty(slot)
    this.#left = true
  }

  /** Gives the oldest slot a new salt, which makes it the youngest, and everybody the slot that they win then. */
  resalt(salt: number): void {
    const first = this.#oldest
    const freed = this.#held[first]
    if (freed !== undefined) this.#empty(first)
    this.#salts[first] = salt
    this.#oldest = (first + 1) % this.#held.length
    // Whoever sits in a slot won it against all who sit in younger ones, so only who was freed can move anybody.
    const moving = freed === undefined ? [] : [freed]
    if (this.#left) {
      this.forAll((held) => moving.push(held))
      this.#held.fill(undefined)
      this.#scores.fill(EMPTY)
      this.#size = 0
      this.#left = false
    }
    for (const held of moving) this.#place(held)
  }

  #empty(slot: number): void {
    this.#held[slot] = undefined
    this.#scores[slot] = EMPTY
    this.#size--
  }

  #visit(slots: number, visit: (held: Held) => void): void {
    const all = this.#held.length
    for (let n = 0, i = this.#oldest; n < slots; n++, i = i + 1 === all ? 0 : i + 1) {
      const held = this.#held[i]
      if (held !== undefined) visit(held)
    }
  }

  /** -1 when it holds none. */
  #slotOfId(key: number, id: string): number {
    for (let i = this.#keys.indexOf(key); i >= 0; i = this.#keys.indexOf(key, i + 1)) {
      if (this.#held[i]?.peer.id === id) return i
    }
    return -1
  }

  #slotOfGroup(group: number): number {
    for (let i = this.#groups.indexOf(group); i >= 0; i = this.#groups.indexOf(group, i + 1)) {
      if (this.#held[i] !== undefined) return i
    }
    return -1
  }

  #place(newcomer: Held): void {
    let moving = newcomer
    const slots = this.#held.length
    for (let n = 0, i = this.#oldest; n < slots; n++, i = i + 1 === slots ? 0 : i + 1) {
      const salt = this.#salts[i] as number
      const score = scramble(salt ^ moving.group)
      const best = this.#scores[i] as number
      if (score > best) continue
      const before = this.#held[i]
      const even = before !== undefined && score === best
      if (even && scramble(salt ^ moving.key) >= scramble(salt ^ before.key)) continue
      this.#held[i] = moving
      this.#keys[i] = moving.key
      this.#groups[i] = moving.group
      this.#scores[i] = score
      if (before === undefined) {
        this.#size++
        return
      }
      moving = before
    }
  }
}
