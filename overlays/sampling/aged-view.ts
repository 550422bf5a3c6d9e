import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'
import { type Aged, type Heard, type Known, MAX_AGE } from './held.ts'

interface Entry {
  readonly id: string
  readonly peer: PeerDescriptor
  /** The round, of this node's own, in which its owner spoke for itself. */
  readonly born: number
  /** Whether the owner itself has spoken to this node; otherwise others told of it. */
  readonly firstHand: boolean
}

export interface AgedViewOptions {
  readonly view: number
  readonly heal: number
  readonly swap: number
  readonly oldest: boolean
  readonly hearsay: boolean
}

/**
 * The gossip view of Jelasity et al. (ACM TOCS 2007; PAPERS section 2), as it is there: what is youngest wins. A few liars
 * that call each other young own it within some ten rounds.
 *
 * Invariant: it holds at most `view` entries, no id twice.
 */
export class AgedView implements Known {
  readonly #random: Random
  readonly #options: AgedViewOptions
  #entries: readonly Entry[] = []
  #round = 0

  constructor(random: Random, options: AgedViewOptions) {
    this.#random = random
    this.#options = options
  }

  get view(): readonly Aged[] {
    return this.#entries.map((entry) => this.#aged(entry))
  }

  turn(): void {
    this.#round++
  }

  partner(usable: (peer: PeerDescriptor) => boolean): PeerDescriptor | undefined {
    const possible = this.#entries.filter(({ peer }) => usable(peer))
    return (this.#options.oldest ? byAge(possible).at(-1) : this.#random.pick(possible))?.peer
  }

  /** The view in random order with its H oldest at the end, and of that the first. */
  tell(partner: PeerDescriptor, count: number): readonly Aged[] {
    const { heal, hearsay } = this.#options
    const shuffled = this.#random
      .sample(this.#entries, this.#entries.length)
      .filter(({ id, firstHand }) => id !== partner.id && (firstHand || hearsay))
    const oldest = new Set(byAge(shuffled).slice(Math.max(0, shuffled.length - heal)))
    const ordered = [...shuffled.filter((entry) => !oldest.has(entry)), ...oldest]
    return ordered.slice(0, count).map((entry) => this.#aged(entry))
  }

  /** The merge of PAPERS section 2: append, youngest of duplicates, minus H oldest, minus S sent, random down to c. */
  hear(words: readonly Heard[], told: readonly Aged[]): void {
    const { view: capacity, heal, swap } = this.#options
    const merged = new Map<string, Entry>()
    for (const entry of this.#entries) merged.set(entry.id, entry)
    const renewed = new Set<string>()
    for (const { peer, age, firstHand } of words) {
      const entry = { id: peer.id, peer, born: this.#round - Math.min(MAX_AGE, age), firstHand }
      const known = merged.get(entry.id)
      const better = known === undefined ? entry : younger(known, entry)
      if (better === known) continue
      merged.set(entry.id, better)
      renewed.add(entry.id)
    }
    let surplus = merged.size - capacity
    if (surplus > 0 && heal > 0) {
      const oldest = byAge([...merged.values()])
      for (let i = 0; i < heal && surplus > 0; i++, surplus--) merged.delete((oldest.pop() as Entry).id)
    }
    let swaps = swap
    for (const { id } of told) {
      if (surplus <= 0 || swaps === 0) break
      if (renewed.has(id) || !merged.delete(id)) continue // the partner knew it better
      surplus--
      swaps--
    }
    const left = [...merged.values()]
    this.#entries = surplus > 0 ? this.#random.sample(left, capacity) : left
  }

  pushed(peer: PeerDescriptor): void {
    this.hear([{ peer, age: 0, firstHand: true }], [])
  }

  missed(id: string): void {
    if (this.#entries.length > 1) this.remove(id)
  }

  remove(id: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== id)
  }

  sample(count: number, usable: (peer: PeerDescriptor) => boolean): PeerDescriptor[] {
    const drawn: PeerDescriptor[] = []
    // Twice as many as asked for, so that a few unusable ones among them do not show.
    for (const { peer } of this.#random.sample(this.#entries, 2 * count)) {
      if (drawn.length === count) break
      if (usable(peer)) drawn.push(peer)
      else this.remove(peer.id)
    }
    return drawn
  }

  #aged({ id, peer, born }: Entry): Aged {
    return { id, peer, age: Math.min(MAX_AGE, this.#round - born) }
  }
}

/** The youngest first. */
function byAge(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => b.born - a.born)
}

/** What is known, unless the other is younger or carries the newer descriptor. */
function younger(known: Entry, other: Entry): Entry {
  const newer = other.peer.sequence > known.peer.sequence
  if (!newer && other.born <= known.born && (known.firstHand || !other.firstHand)) return known
  return {
    id: known.id,
    peer: newer ? other.peer : known.peer,
    born: Math.max(known.born, other.born),
    firstHand: known.firstHand || other.firstHand,
  }
}
