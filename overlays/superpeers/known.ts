import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'
import type { Tally } from '../../core/tally.ts'
import { type Known, MAX_KNOWN_AGE, MAX_KNOWN_SENT } from './messages.ts'

export interface KnownOptions {
  /**
   * Places that the words of one peer about others take, its own oldest out first; Infinity leaves it open. @default 5 (chosen:
   * four peers tell of all that one can know, and one liar fills a quarter)
   */
  readonly places: number
  /** Places that nobody's words about others take from those that spoke themselves. @default 10 (half of all) */
  readonly reserved: number
  /**
   * Rounds for which nobody's word is heard about a peer that did not answer; 0 leaves it out. @default MAX_KNOWN_AGE (what
   * honest ones tell of the dead is too old by then)
   */
  readonly quarantine: number
  /** Whom to tell others of: all that one knows, or one's own acquaintances. @default 'own' */
  readonly passing: 'own' | 'all'
  /** In which share of its rounds a super-peer follows the words of others; 1 for all. @default 0.5 */
  readonly believed: number
}

export const KNOWN_DEFAULTS: KnownOptions = {
  places: 5,
  reserved: 10,
  quarantine: MAX_KNOWN_AGE,
  passing: 'own',
  believed: 0.5,
}

/** Super-peers held. */
const MAX_KNOWN = 20
/** Peers in quarantine, the latest: more than are asked within it, at up to three a round. */
const MAX_SILENT = 64

interface Entry {
  readonly id: string
  readonly peer: PeerDescriptor
  readonly room: number
  /** The round in which it said so itself. */
  readonly since: number
  /** Who told of it; undefined when it spoke to this node itself. */
  readonly teller: string | undefined
}

/**
 * The super-peers that a node has heard of, a small Newscast of them alone: the freshest stay, and of equally fresh ones those
 * with room. Random peers would not do: at the end one of hundreds is a super-peer.
 *
 * What is told of others may be made up, and is always the freshest. So a word of a peer's own stands against what others tell
 * of it; nobody's words push out all that spoke themselves, or all that others told; who did not answer is not heard of again for a
 * while; and what was only told is not told on. What is left to liars is one teller's places each, and half of the rounds.
 *
 * Invariants: at most MAX_KNOWN, none twice, none older than MAX_KNOWN_AGE rounds; at most `places` of one teller.
 */
export class KnownSuperPeers {
  readonly #tally: Tally
  readonly #options: KnownOptions
  readonly #entries = new Map<string, Entry>()
  /** Peer -> the round in which it did not answer; at most MAX_SILENT. */
  readonly #silent = new Map<string, number>()
  #round = 0

  /** @param tally counts told-of-silent and told-too-many: words of others that were not taken in */
  constructor(tally: Tally, options: Partial<KnownOptions> = {}) {
    this.#tally = tally
    this.#options = { ...KNOWN_DEFAULTS, ...options }
  }

  /** A round went by. */
  age(): void {
    this.#round++
    for (const [id, { since }] of this.#entries) if (this.#round - since > MAX_KNOWN_AGE) this.#entries.delete(id)
    for (const [id, since] of this.#silent) if (this.#round - since >= this.#options.quarantine) this.#silent.delete(id)
  }

  all(): readonly Pick<Known, 'id' | 'peer' | 'room'>[] {
    return [...this.#entries.values()]
  }

  /** Whether to follow the words of others this time. */
  believes(random: Random): boolean {
    return random.chance(this.#options.believed)
  }

  /** Two at random of those that are wanted and have room; with `spoken` of those alone that spoke to this node themselves. */
  withRoom(random: Random, isWanted: (peer: PeerDescriptor) => boolean, spoken: boolean): readonly PeerDescriptor[] {
    const wanted = [...this.#entries.values()].filter(({ peer, room, teller }) => {
      return room > 0 && isWanted(peer) && (teller === undefined || !spoken)
    })
    return random.sample(wanted, 2).map(({ peer }) => peer)
  }

  /** Takes in what is fresher than what is known, as `teller` has it. */
  merge(teller: string, told: readonly Known[]): void {
    for (const { id, peer, room, age } of told) {
      if (this.#silent.has(id)) {
        this.#tally.add('told-of-silent')
        continue
      }
      const since = this.#round - age
      const known = this.#entries.get(id)
      const isNews = known === undefined || (known.teller !== undefined && known.since < since)
      if (isNews) this.#entries.set(id, { id, peer, room, since, teller })
    }
    const theirs = byFreshness([...this.#entries.values()].filter((one) => one.teller === teller))
    for (const { id } of theirs.slice(this.#options.places)) {
      this.#entries.delete(id)
      this.#tally.add('told-too-many')
    }
    this.#trim()
  }

  /** Heard from itself, now. */
  heard(peer: PeerDescriptor, room: number): void {
    this.#entries.set(peer.id, { id: peer.id, peer, room, since: this.#round, teller: undefined })
    this.#trim()
  }

  /** It said something, if not how it stands: it lives. */
  spoke(id: string): void {
    this.#silent.delete(id)
  }

  /** It did not answer. */
  silent(id: string): void {
    this.#entries.delete(id)
    if (this.#options.quarantine <= 0) return
    this.#silent.delete(id)
    this.#silent.set(id, this.#round)
    if (this.#silent.size > MAX_SILENT) this.#silent.delete(this.#silent.keys().next().value as string)
  }

  remove(id: string): void {
    this.#entries.delete(id)
  }

  /**
   * What to tell: at random, those with room first. With `passing` 'own' only who spoke to this node itself, and whom `source`, its own
   * super-peer, told it: what one liar makes up goes no further than it goes itself.
   */
  told(random: Random, to: string, source: string | undefined, count = MAX_KNOWN_SENT): readonly Known[] {
    const worth = [...this.#entries.values()].filter(({ id, teller }) => {
      return id !== to && (this.#options.passing === 'all' || teller === undefined || teller === source)
    })
    const others = random.sample(worth, worth.length)
    return [...others.filter(({ room }) => room > 0), ...others.filter(({ room }) => room === 0)]
      .slice(0, count)
      .map(({ id, peer, room, since }) => ({ id, peer, room, age: this.#round - since }))
  }

  #trim(): void {
    if (this.#entries.size <= MAX_KNOWN) return
    const sorted = byFreshness([...this.#entries.values()])
    const first = sorted.filter(({ teller }) => teller === undefined).slice(0, this.#options.reserved)
    const ranked = [...new Set([...first, ...sorted])]
    for (const { id } of ranked.slice(MAX_KNOWN)) this.#entries.delete(id)
  }
}

function byFreshness(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => b.since - a.since || Math.sign(b.room) - Math.sign(a.room))
}
