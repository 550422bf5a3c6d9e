import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'
import { type Known, MAX_KNOWN_AGE, MAX_KNOWN_SENT } from './messages.ts'

/** Super-peers held. */
const MAX_KNOWN = 20

interface Entry {
  readonly id: string
  readonly peer: PeerDescriptor
  readonly room: number
  /** The round in which it said so itself. */
  readonly since: number
}

/**
 * The super-peers that a node has heard of, a small Newscast of them alone: the freshest stay, and of equally fresh ones those
 * with room. Random peers would not do: at the end one of hundreds is a super-peer.
 *
 * Invariant: at most MAX_KNOWN, none twice, none older than MAX_KNOWN_AGE rounds.
 */
export class KnownSuperPeers {
  readonly #entries = new Map<string, Entry>()
  #round = 0

  /** A round went by. */
  age(): void {
    this.#round++
    for (const [id, { since }] of this.#entries) if (this.#round - since > MAX_KNOWN_AGE) this.#entries.delete(id)
  }

  all(): readonly Pick<Known, 'id' | 'peer' | 'room'>[] {
    return [...this.#entries.values()]
  }

  /** Takes in what is fresher than what is known. */
  merge(told: readonly Known[]): void {
    for (const { id, peer, room, age } of told) {
      const since = this.#round - age
      const known = this.#entries.get(id)
      if (known === undefined || known.since < since) this.#entries.set(id, { id, peer, room, since })
    }
    if (this.#entries.size <= MAX_KNOWN) return
    const sorted = [...this.#entries.values()].sort(
      (a, b) => b.since - a.since || Math.sign(b.room) - Math.sign(a.room),
    )
    for (const { id } of sorted.slice(MAX_KNOWN)) this.#entries.delete(id)
  }

  /** Heard from itself, now. */
  heard(peer: PeerDescriptor, room: number): void {
    this.#entries.delete(peer.id)
    this.merge([{ id: peer.id, peer, room, age: 0 }])
  }

  remove(id: string): void {
    this.#entries.delete(id)
  }

  /** What to tell: at random, those with room first. */
  told(random: Random, to: string, count = MAX_KNOWN_SENT): readonly Known[] {
    const others = random.sample([...this.#entries.values()], this.#entries.size).filter(({ id }) => id !== to)
    return [...others.filter(({ room }) => room > 0), ...others.filter(({ room }) => room === 0)]
      .slice(0, count)
      .map(({ id, peer, room, since }) => ({ id, peer, room, age: this.#round - since }))
  }
}
