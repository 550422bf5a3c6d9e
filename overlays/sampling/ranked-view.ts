import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'
import { type Aged, type Heard, type Known, MAX_AGE } from './held.ts'
import { fingerprint, type Ranked, Slots } from './slots.ts'

/** What is known of one peer; shared by all that hold it. */
interface Entry extends Ranked {
  readonly id: string
  peer: PeerDescriptor
  /** The round in which its owner spoke for itself, to this node or as others told. */
  born: number
  /** The round in which it last spoke to this node; NEVER when it did not. */
  spoke: number
  /** The round in which it last answered this node, which had chosen to ask it. */
  answered: number
}

export interface RankedViewOptions {
  readonly view: number
  readonly slots: number
  readonly hearsay: boolean
  groupOf(peer: PeerDescriptor): string
}

const NEVER = Number.NEGATIVE_INFINITY
/** A seat lives for 120 rounds (60 of them), a slot for 384 (96 of them): measured, see below. */
const ROUNDS_A_SEAT = 2
const ROUNDS_A_SLOT = 4
/** Seats and slots that mature beside those that show, as shares of those: for 60 and 128 rounds. */
const YOUNG_SEATS = 1
const YOUNG_SLOTS = 0.5
/** Peers that answered, whoever holds a slot; more than one answers a round only where other protocols ask, too. */
const MAX_CONTACTS = 64
/** Rounds for which the proven are not asked again: a newcomer, who has few, asks others meanwhile. */
const REST = 16
/** Rounds for which a peer that spoke to this node is passed on; and when many do not answer. */
const PASSED_ON = 40
const PASSED_ON_IN_DOUBT = 8
/** The share of those who had spoken before and now do not answer (moving average) from which on many are taken for dead. */
const DOUBT = 0.4
const SMOOTHING = 0.25
/** Seats and slots vacated in a round of doubt, and what is left of each. */
const VACATED = 8
const LEFT = 8
/** Rounds for which the word of others about a peer that did not answer is not heard. */
const QUARANTINE = 40
/** Peers in quarantine; the oldest go first. */
const MAX_QUARANTINED = 128
/** Slots that are too few to draw samples from alone, and rounds for which a newcomer draws from its seats, too. */
const FEW = 16
const NEWCOMER = 20

/**
 * The defended rule: nobody gets into the view for being young, or often told of, but for minimising a secret hash (Basalt,
 * Auvolat et al. 2021; Brahms, Bortnikov et al. 2009). Three sets of slots are offered the peers that are heard of:
 *
 * - the *seats*, which are the gossip view: re-salted one after the other so that it keeps changing;
 * - the *rumoured*: who would hold the slots if all that is told were true;
 * - the *proven*: who holds them of those that answered this node when it asked. Samples are drawn from these.
 *
 * Departures: a rumour that would win a slot is tested, before it evicts anybody, by being the next partner (test before
 * evict: Heilman et al., USENIX Security 2015): peers that do not exist cost a round each, and never a sample. Of all that
 * push in a round one is heard, once the seats are taken. When many of those that had spoken do not answer, only the freshest
 * are passed on, and the longest silent leave without being asked: otherwise half a network of dead is passed on for as long
 * as it takes to ask each.
 *
 * Liars are told of before everybody else, since they tell of each other whenever they are asked. Against that:
 * - a seat or slot with a new salt shows only once it had time to hear of everybody (`Slots`: young and mature); and it is
 *   offered all that is proven and all that answered lately (*contacts*) at once;
 * - contacts are passed on though they hold no slot, so that honest nodes, too, hear of each other soon.
 *
 * Measured (PAPERS section 2's hubs, N = 1,000, ten pushes a round, in a network that had run for 40 rounds; in brackets
 * without either): 3 % hubs have at most 1.2 times their share of the seats (1.6), and when they attack from the first round
 * 1.1 times after 200 (1.8); 20 % attackers fill 21.9 % of the samples within 60 rounds (23.7 %).
 *
 * Invariants: (1) seats, rumoured and proven hold no id twice; (2) whoever is proven has answered this node.
 */
export class RankedView implements Known {
  readonly #random: Random
  readonly #options: RankedViewOptions
  readonly #salt: number
  readonly #seats: Slots<Entry>
  readonly #rumoured: Slots<Entry>
  readonly #proven: Slots<Entry>
  /** Those that answered, the latest last; at most MAX_CONTACTS. */
  readonly #contacts = new Map<string, Entry>()
  /** Peer -> the round in which it did not answer; at most MAX_QUARANTINED. */
  readonly #silent = new Map<string, number>()
  /** One of those that pushed since the last round, each as likely as any other. */
  #pusher: PeerDescriptor | undefined
  #pushers = 0
  /** Of those who had spoken before, the share that did not answer: a moving average. */
  #missing = 0
  /** The first and the last round of the present doubt. */
  #doubt: { readonly since: number; readonly until: number } | undefined
  #round = 0

  constructor(random: Random, options: RankedViewOptions) {
    this.#random = random
    this.#options = options
    this.#salt = random.word()
    const { view, slots } = options
    this.#seats = new Slots(view, Math.floor(view * YOUNG_SEATS), false, random.fork('seats'))
    const young = Math.floor(slots * YOUNG_SLOTS)
    this.#rumoured = new Slots(slots, young, true, random.fork('slots'))
    this.#proven = new Slots(slots, young, true, random.fork('slots')) // the same salts
  }

  get view(): readonly Aged[] {
    return this.#seats.held.map((entry) => this.#aged(entry))
  }

  turn(): void {
    this.#round++
    if (this.#pusher !== undefined) this.#takeIn(this.#pusher, 0, this.#round, NEVER)
    this.#pusher = undefined
    this.#pushers = 0
    this.#judge()
    if (this.#doubt !== undefined) this.#vacate(this.#doubt.since)
    if (this.#round % ROUNDS_A_SEAT === 0) this.#newSeat()
    if (this.#round % ROUNDS_A_SLOT === 0) this.#newSlot()
  }

  /** Every second partner is a rumour to be tested, if there is one; otherwise it is who has not answered for longest. */
  partner(usable: (peer: PeerDescriptor) => boolean): PeerDescriptor | undefined {
    const rumour = this.#random.chance(0.5) ? this.#rumour(usable) : undefined
    if (rumour !== undefined) return rumour
    if (this.#random.chance(0.5)) {
      const silent = longestSilent(this.#proven, usable)
      if (silent !== undefined && silent.answered < this.#round - REST) return silent.peer
    }
    return (longestSilent(this.#seats, usable) ?? longestSilent(this.#rumoured, usable))?.peer
  }

  tell(partner: PeerDescriptor, count: number): readonly Aged[] {
    const since = this.#options.hearsay && this.#doubt === undefined ? NEVER : this.#round - this.#passedOn
    const worth = new Set<Entry>()
    const consider = (entry: Entry) => {
      if (entry.spoke >= since && entry.id !== partner.id) worth.add(entry)
    }
    this.#seats.forEach(consider)
    this.#proven.forEach(consider)
    this.#contacts.forEach(consider)
    return this.#random.sample([...worth], count).map((entry) => this.#aged(entry))
  }

  hear(words: readonly Heard[], _told: readonly Aged[]): void {
    for (const { peer, age, firstHand } of words) {
      if (firstHand) this.#heardFrom(peer)
      else if (!this.#isSilent(peer.id)) this.#takeIn(peer, age, NEVER, NEVER)
    }
  }

  pushed(peer: PeerDescriptor): void {
    if (this.#seats.size < this.#seats.count) {
      this.#takeIn(peer, 0, this.#round, NEVER) // nobody is displaced, and a bootstrap makes its guests known quickly
      return
    }
    this.#pushers++
    if (this.#random.chance(1 / this.#pushers)) this.#pusher = peer
  }

  missed(id: string): void {
    const known = this.#find(fingerprint(this.#salt, id), id)
    if (known === undefined || (this.#seats.size === 1 && this.#seats.holds(known))) return
    if (known.spoke !== NEVER) this.#missing += (1 - this.#missing) * SMOOTHING
    this.remove(id)
    this.#silent.delete(id)
    this.#silent.set(id, this.#round)
    if (this.#silent.size > MAX_QUARANTINED) this.#silent.delete(this.#silent.keys().next().value as string)
  }

  remove(id: string): void {
    const key = fingerprint(this.#salt, id)
    this.#seats.remove(key, id)
    this.#rumoured.remove(key, id)
    this.#proven.remove(key, id)
    this.#contacts.delete(id)
  }

  sample(count: number, usable: (peer: PeerDescriptor) => boolean): PeerDescriptor[] {
    const slots = this.#options.hearsay ? this.#rumoured : this.#proven
    const drawn: PeerDescriptor[] = []
    const few = slots.size < FEW || this.#round < NEWCOMER
    const pool = !few ? slots.held : [...new Set([...slots.held, ...this.#seats.held])]
    // Twice as many as asked for, so that a few unusable ones among them do not show.
    for (let tries = Math.min(2 * count, pool.length); tries > 0 && drawn.length < count; tries--) {
      const i = this.#random.integer(pool.length)
      const { peer } = pool[i] as Entry
      pool[i] = pool[pool.length - 1] as Entry
      pool.pop()
      if (usable(peer)) drawn.push(peer)
      else this.remove(peer.id)
    }
    return drawn
  }

  /** Doubt lasts until nobody who died before it is passed on any more. */
  #judge(): void {
    if (this.#missing > DOUBT)
      this.#doubt = { since: this.#doubt?.since ?? this.#round, until: this.#round + PASSED_ON }
    else if (this.#doubt !== undefined && this.#round > this.#doubt.until) this.#doubt = undefined
  }

  get #passedOn(): number {
    return this.#doubt !== undefined ? PASSED_ON_IN_DOUBT : PASSED_ON
  }

  #rumour(usable: (peer: PeerDescriptor) => boolean): PeerDescriptor | undefined {
    const untested: PeerDescriptor[] = []
    this.#rumoured.forEach(({ answered, peer }) => {
      if (answered === NEVER && usable(peer)) untested.push(peer)
    })
    return this.#random.pick(untested)
  }

  #heardFrom(peer: PeerDescriptor): void {
    this.#silent.delete(peer.id)
    const known = this.#find(fingerprint(this.#salt, peer.id), peer.id)
    if (known !== undefined && known.answered !== NEVER) this.#missing -= this.#missing * SMOOTHING
    this.#takeIn(peer, 0, this.#round, this.#round)
  }

  #takeIn(peer: PeerDescriptor, age: number, spoke: number, answered: number): void {
    const entry = this.#entryOf(peer)
    entry.born = Math.max(entry.born, this.#round - Math.min(MAX_AGE, age))
    entry.spoke = Math.max(entry.spoke, spoke)
    entry.answered = Math.max(entry.answered, answered)
    this.#seats.offer(entry)
    this.#rumoured.offer(entry)
    if (entry.answered === NEVER) return
    this.#proven.offer(entry)
    if (answered === NEVER) return
    this.#contacts.delete(peer.id)
    this.#contacts.set(peer.id, entry)
    if (this.#contacts.size > MAX_CONTACTS) this.#contacts.delete(this.#contacts.keys().next().value as string)
  }

  /** What is known of the peer, under its newest descriptor. Who moved to another group has to win its slots anew. */
  #entryOf(peer: PeerDescriptor): Entry {
    const { id } = peer
    const key = fingerprint(this.#salt, id)
    const known = this.#find(key, id)
    if (known !== undefined && peer.sequence <= known.peer.sequence) return known
    const group = fingerprint(this.#salt, this.#options.groupOf(peer))
    if (known?.group === group) {
      known.peer = peer
      return known
    }
    if (known !== undefined) this.remove(id)
    const { born = this.#round - MAX_AGE, spoke = NEVER, answered = NEVER } = known ?? {}
    return { id, peer, key, group, born, spoke, answered }
  }

  #find(key: number, id: string): Entry | undefined {
    return (
      this.#seats.find(key, id) ?? this.#proven.find(key, id) ?? this.#rumoured.find(key, id) ?? this.#contacts.get(id)
    )
  }

  #isSilent(id: string): boolean {
    const since = this.#silent.get(id)
    return since !== undefined && this.#round - since < QUARANTINE
  }

  /** Who has not answered since then makes room. */
  #vacate(since: number): void {
    this.#contacts.forEach(({ answered }, id) => {
      if (answered < since) this.#contacts.delete(id)
    })
    for (const slots of [this.#seats, this.#proven]) {
      for (let i = 0; i < VACATED && slots.size > LEFT; i++) {
        const entry = longestSilent(slots, () => true)
        if (entry === undefined || entry.answered >= since) break
        slots.remove(entry.key, entry.id)
        if (slots === this.#proven) this.#rumoured.remove(entry.key, entry.id)
      }
    }
  }

  #newSeat(): void {
    this.#seats.resalt(this.#random.word())
    const since = this.#round - this.#passedOn
    this.#proven.forAll((entry) => {
      if (entry.spoke >= since) this.#seats.offer(entry)
    })
  }

  #newSlot(): void {
    const salt = this.#random.word()
    this.#rumoured.resalt(salt)
    this.#proven.resalt(salt)
    this.#seats.forAll((entry) => {
      this.#rumoured.offer(entry)
      if (entry.answered !== NEVER) this.#proven.offer(entry)
    })
    this.#contacts.forEach((entry) => {
      this.#rumoured.offer(entry)
      this.#proven.offer(entry)
    })
  }

  #aged({ id, peer, born }: Entry): Aged {
    return { id, peer, age: Math.min(MAX_AGE, this.#round - born) }
  }
}

/** Who did not answer for longest, those first that were never asked. */
function longestSilent(slots: Slots<Entry>, usable: (peer: PeerDescriptor) => boolean): Entry | undefined {
  let longest: Entry | undefined
  slots.forEach((entry) => {
    if ((longest === undefined || entry.answered < longest.answered) && usable(entry.peer)) longest = entry
  })
  return longest
}
