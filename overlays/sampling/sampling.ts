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

interface Entry extends Aged {
  /** Whether the owner itself has spoken to this node; otherwise others told of it. */
  readonly firstHand: boolean
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
  /**
   * Whether second-hand descriptors are passed on, and are believed when a peer pushes them: the plain protocol of the paper,
   * which a few liars fill with peers that do not exist. @default false; experiments set it
   */
  readonly hearsay: boolean
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
  hearsay: false,
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
/** Entries of the table that holds when each peer last pushed: twice the connections that a node has (LIMITS). */
const MAX_PUSHERS = 256
/** An age that grows without bound would be a number of the sender's choosing. */
export const MAX_AGE = 1000

/**
 * Peer sampling: the generic exchange of Jelasity et al. (ACM TOCS 2007; PAPERS section 2) with c, H and S, and beside it
 * the min-hash slots of Brahms and Basalt. The gossip view is fresh and mixes fast, the slots cannot be pushed out of
 * shape; `sample` draws from both.
 *
 * Departures, against liars: a push tells of the pusher alone, a list is believed only from a partner that this node chose
 * (Brahms); and a peer is passed on only after it spoke to this node (LIMITS: contacted before it is passed on). Measured
 * with 500 nodes, 10 of which tell 3 others a round of 15 peers that do not exist: made-up entries fill 8 % of the views
 * instead of 58 %; in-degrees have a deviation of 9 instead of 12; healing after 50 % deaths takes some 5 rounds more, and
 * so does a single bootstrap until it is one of many (40 instead of 20 rounds). With hearsay the paper's protocol runs
 * unchanged. Made-up peers leave view and slots when they do not answer.
 *
 * Invariants: (1) the view never holds this node itself, nor an id twice; (2) one push a peer and interval counts;
 * (3) no exchange sends or takes more than MAX_SAMPLE descriptors.
 */
export class Sampling implements Exchange<readonly Aged[], readonly Aged[]> {
  /** push-rate, stale: descriptors and pushes that were refused. */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #options: SamplingOptions
  readonly #usable: (peer: PeerDescriptor) => boolean
  readonly #view: PartialView<Entry>
  readonly #slots: Slots
  /** Peer -> time of its last push; at most MAX_PUSHERS, oldest out first. */
  readonly #pushed = new Map<string, number>()
  readonly #settled: () => boolean
  #sent: readonly Entry[] = []
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
      peers.map((peer) => ({ id: peer.id, peer, age: 0, firstHand: false })),
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
    const now = this.#environment.now()
    const usable: PeerDescriptor[] = []
    // Twice as many as asked for, so that a few unusable ones among them do not show.
    for (const peer of this.#environment.random.sample([...pool.values()], 2 * count)) {
      if (usable.length === count) break
      if (this.#usable(peer) && isFresh(peer, now)) usable.push(peer)
      else this.remove(peer.id)
    }
    return usable
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
    this.#sent = this.#options.hearsay ? this.#chosenFor(partner) : []
    return this.#buffer(this.#sent)
  }

  answer(from: PeerDescriptor, offer: readonly Aged[]): readonly Aged[] | undefined {
    if (!this.#mayPush(from.id)) {
      this.tally.add('push-rate')
      return undefined
    }
    const sent = this.#chosenFor(from)
    this.#merge(heard(from, this.#options.hearsay ? offer : []), sent)
    return this.#buffer(sent)
  }

  absorb(from: PeerDescriptor, answer: readonly Aged[]): void {
    this.#merge(heard(from, answer), this.#sent)
  }

  /** A live peer that merely lost a message comes back with the next one that tells of it; the last one known is kept. */
  missed(partner: PeerDescriptor, _reason: MissedReason): void {
    if (this.#view.size > 1) this.remove(partner.id)
  }

  /** Self with age 0, then what was chosen. */
  #buffer(chosen: readonly Entry[]): readonly Aged[] {
    const { self } = this.#environment
    return [{ id: self.id, peer: self, age: 0 }, ...chosen.map(({ id, peer, age }) => ({ id, peer, age }))]
  }

  /** The view in random order with its H oldest at the end; c/2 with this node itself. */
  #chosenFor(partner: PeerDescriptor): readonly Entry[] {
    const { view, heal, hearsay } = this.#options
    const shuffled = this.#environment.random
      .sample(this.#view.entries, this.#view.size)
      .filter(({ id, firstHand }) => id !== partner.id && (firstHand || hearsay))
    const oldest = new Set(byAge(shuffled).slice(Math.max(0, shuffled.length - heal)))
    const ordered = [...shuffled.filter((entry) => !oldest.has(entry)), ...oldest]
    return ordered.slice(0, Math.min(MAX_SAMPLE, Math.floor(view / 2)) - 1)
  }

  /** The merge of PAPERS section 2: append, youngest of duplicates, minus H oldest, minus S sent, random down to c. */
  #merge(received: readonly Entry[], sent: readonly Entry[]): void {
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
      merged.set(entry.id, known === undefined ? entry : younger(known, entry))
    }
    const surplus = () => Math.max(0, merged.size - capacity)
    const oldest = byAge([...merged.values()]).reverse()
    for (const { id } of oldest.slice(0, Math.min(heal, surplus()))) merged.delete(id)
    const kept = sent.filter((entry) => merged.get(entry.id) === entry) // not those that the partner knew better
    for (const { id } of kept.slice(0, Math.min(swap, surplus()))) merged.delete(id)
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

/** A partner's word, its own entry first. */
function heard(from: PeerDescriptor, told: readonly Aged[]): Entry[] {
  const others = told.slice(0, MAX_SAMPLE).map(({ id, peer, age }) => ({ id, peer, age, firstHand: false }))
  return [{ id: from.id, peer: from, age: 0, firstHand: true }, ...others]
}

function byAge(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.age - b.age)
}

/** What is known, unless the other is younger or carries the newer descriptor. */
function younger(known: Entry, other: Entry): Entry {
  const newer = other.peer.sequence > known.peer.sequence
  if (!newer && other.age >= known.age && (known.firstHand || !other.firstHand)) return known
  return {
    id: known.id,
    peer: newer ? other.peer : known.peer,
    age: Math.min(known.age, other.age),
    firstHand: known.firstHand || other.firstHand,
  }
}
