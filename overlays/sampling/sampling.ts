import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import { Tally } from '../../core/tally.ts'
import { PartialView } from '../../core/view.ts'
import { addressGroup } from './groups.ts'
import { Slots } from './slots.ts'

/** A descriptor in the gossip view: `age` counts the rounds since its owner spoke for itself. */
export interface Aged {
  readonly id: string
  readonly peer: PeerDescriptor
  readonly age: number
}

export interface SamplingOptions {
  /** c, entries of the gossip view. @default 30 (paper) */
  readonly view: number
  /** H, how many of the oldest a merge drops. @default 8 (chosen: between Newscast's c/2 and Cyclon's 0) */
  readonly heal: number
  /** S, how many of those just sent a merge drops. @default 7 (chosen: H + S = c/2) */
  readonly swap: number
  /** Min-hash slots beside the view. @default 64 (LIMITS; measured against 20 % attackers pushing 10x) */
  readonly slots: number
  /** ms within which one peer may push once. @default 800 */
  readonly pushInterval: number
  /** A settled node gossips in one of this many rounds. @default 8 (chosen: a random partner costs a connection) */
  readonly keepAlive: number
  /** Loopback addresses are groups of their own. @default false; testnets set it */
  readonly loopbackApart: boolean
}

export const SAMPLING_DEFAULTS: SamplingOptions = {
  view: 30,
  heal: 8,
  swap: 7,
  slots: 64,
  pushInterval: 800,
  keepAlive: 8,
  loopbackApart: false,
}

export interface SamplingInit {
  /** False for peers known to be gone. @default always true */
  usable?(peer: PeerDescriptor): boolean
  /** Whether the structures built on the samples have come to rest. @default never */
  settled?(): boolean
  readonly options?: Partial<SamplingOptions>
}

/** LIMITS: at most 30 descriptors an exchange. */
export const MAX_SAMPLE = 30
/** Entries of the table that holds when each peer last pushed. */
const MAX_PUSHERS = 256
/** An age that grows without bound would be a number of the sender's choosing. */
export const MAX_AGE = 1000

/**
 * Peer sampling: the generic exchange of Jelasity et al. (ACM TOCS 2007; PAPERS section 2) with c, H and S, and beside it
 * the min-hash slots of Brahms and Basalt. The gossip view is fresh and mixes fast, the slots cannot be pushed out of
 * shape; `sample` draws from both.
 *
 * Invariants: (1) the view never holds this node itself, nor an id twice; (2) one push a peer and interval counts.
 */
export class Sampling implements Exchange<readonly Aged[], readonly Aged[]> {
  /** push-rate, stale: descriptors and pushes that were refused. */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #options: SamplingOptions
  readonly #usable: (peer: PeerDescriptor) => boolean
  readonly #view: PartialView<Aged>
  readonly #slots: Slots
  /** Peer -> time of its last push; at most MAX_PUSHERS, oldest out first. */
  readonly #pushed = new Map<string, number>()
  readonly #settled: () => boolean
  #sent: readonly Aged[] = []
  #round = 0

  constructor(environment: Surroundings, init: SamplingInit = {}) {
    this.#environment = environment
    this.#options = { ...SAMPLING_DEFAULTS, ...init.options }
    this.#usable = init.usable ?? (() => true)
    this.#settled = init.settled ?? (() => false)
    this.#view = new PartialView(this.#options.view)
    const groupOf = (peer: PeerDescriptor) => addressGroup(peer, this.#options.loopbackApart)
    this.#slots = new Slots(this.#options.slots, groupOf, environment.random)
  }

  get view(): readonly Aged[] {
    return this.#view.entries
  }

  /** Peers learnt otherwise: bootstrap, address book, DHT, a link's hello. */
  introduce(peers: readonly PeerDescriptor[]): void {
    this.#merge(
      peers.map((peer) => ({ id: peer.id, peer, age: 0 })),
      [],
    )
  }

  remove(id: string): void {
    this.#view.remove(id)
    this.#slots.remove(id)
  }

  /** `count` different peers at random from view and slots together. */
  sample(count: number): PeerDescriptor[] {
    const pool = new Map<string, PeerDescriptor>()
    for (const { id, peer } of this.#view.entries) pool.set(id, peer)
    for (const peer of this.#slots.peers()) pool.set(peer.id, peer)
    // Twice as many as asked for, so that a few unusable ones among them do not show.
    return this.#environment.random
      .sample([...pool.values()], 2 * count)
      .filter(this.#usable)
      .slice(0, count)
  }

  /**
   * Departure: every second partner comes from the slots, so that an attacker who owns the whole gossip view still cannot
   * choose whom this node talks to.
   */
  partner(): PeerDescriptor | undefined {
    this.#round++
    if (this.#settled() && this.#round % this.#options.keepAlive !== 0) return undefined
    this.#view.replace(this.#view.entries.map((entry) => ({ ...entry, age: Math.min(MAX_AGE, entry.age + 1) })))
    const { random } = this.#environment
    const fromSlots = random.chance(0.5) ? random.pick(this.#slots.peers().filter(this.#usable)) : undefined
    return fromSlots ?? random.pick(this.#view.entries.filter(({ peer }) => this.#usable(peer)))?.peer
  }

  offer(partner: PeerDescriptor): readonly Aged[] {
    this.#sent = this.#buffer(partner)
    return this.#sent
  }

  answer(from: PeerDescriptor, offer: readonly Aged[]): readonly Aged[] | undefined {
    if (!this.#mayPush(from.id)) {
      this.tally.add('push-rate')
      return undefined
    }
    const answer = this.#buffer(from)
    this.#merge([{ id: from.id, peer: from, age: 0 }, ...offer], answer)
    return answer
  }

  absorb(from: PeerDescriptor, answer: readonly Aged[]): void {
    this.#merge([{ id: from.id, peer: from, age: 0 }, ...answer], this.#sent)
  }

  missed(partner: PeerDescriptor, _reason: MissedReason): void {
    this.#view.remove(partner.id)
  }

  /** Self with age 0, then the view in random order with its H oldest at the end; c/2 in all. */
  #buffer(partner: PeerDescriptor): readonly Aged[] {
    const { random, self } = this.#environment
    const shuffled = random.sample(this.#view.entries, this.#view.size).filter(({ id }) => id !== partner.id)
    const oldest = new Set(byAge(shuffled).slice(Math.max(0, shuffled.length - this.#options.heal)))
    const ordered = [...shuffled.filter((entry) => !oldest.has(entry)), ...oldest]
    const count = Math.min(MAX_SAMPLE, Math.floor(this.#options.view / 2))
    return [{ id: self.id, peer: self, age: 0 }, ...ordered.slice(0, count - 1)]
  }

  /** The merge of PAPERS section 2: append, youngest of duplicates, minus H oldest, minus S sent, random down to c. */
  #merge(received: readonly Aged[], sent: readonly Aged[]): void {
    const { view: capacity, heal, swap } = this.#options
    const merged = new Map(this.#view.entries.map((entry) => [entry.id, entry]))
    const now = this.#environment.now()
    for (const entry of received) {
      if (entry.id === this.#environment.self.id || !this.#usable(entry.peer)) continue
      if (!isFresh(entry.peer, now)) {
        this.tally.add('stale')
        continue
      }
      this.#slots.offer(entry.peer)
      const known = merged.get(entry.id)
      if (known === undefined) merged.set(entry.id, entry)
      else merged.set(entry.id, younger(known, entry))
    }
    const surplus = () => merged.size - capacity
    for (const { id } of byAge([...merged.values()])
      .reverse()
      .slice(0, Math.max(0, Math.min(heal, surplus())))) {
      merged.delete(id)
    }
    for (const { id } of sent.slice(1, 1 + Math.max(0, Math.min(swap, surplus())))) merged.delete(id)
    this.#view.replace(this.#environment.random.sample([...merged.values()], capacity))
  }

  #mayPush(id: string): boolean {
    const now = this.#environment.now()
    const last = this.#pushed.get(id)
    if (last !== undefined && now - last < this.#options.pushInterval) return false
    this.#pushed.delete(id)
    this.#pushed.set(id, now)
    if (this.#pushed.size > MAX_PUSHERS) this.#pushed.delete(this.#pushed.keys().next().value as string)
    return true
  }
}

function byAge(entries: readonly Aged[]): Aged[] {
  return [...entries].sort((a, b) => a.age - b.age)
}

/** The younger entry, carrying the newer of the two descriptors. */
function younger(a: Aged, b: Aged): Aged {
  const peer = b.peer.sequence > a.peer.sequence ? b.peer : a.peer
  return { id: a.id, peer, age: Math.min(a.age, b.age) }
}
