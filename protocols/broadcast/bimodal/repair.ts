import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { positionOf } from '../../../core/position.ts'
import type { Counts } from '../counts.ts'
import type { Budget } from '../delivery.ts'
import type { BroadcastOptions } from '../options.ts'
import type { Publication } from '../publication.ts'
import type { Publishers } from '../publishers.ts'
import { asRuns, numbersOf, type Run } from '../runs.ts'
import type { Entry, Store } from '../store.ts'
import { type BimodalMessage, bimodalCodec, type Digest, type Holding, type Pull } from './codec.ts'

/** A digest we sent: what a pull or a reply must name to be heard. */
interface Sent {
  readonly at: number
  readonly reply: boolean
  answered: boolean
  pulled: boolean
}

const MAX_SENT = 256
const MAX_WANTED = 4096
const MAX_SERVED = 16_384
const MAX_HEARD = 1024
const MAX_LACKING = 4096
/** ms for which the tree is waited for at most, however slow it is. */
const MAX_PATIENCE = 16_000
/** How much longer it is waited for than it was last late. */
const MARGIN = 1.25
/** What is left of that patience after a round in which the tree came too late for nothing. */
const CALM = 0.97
/** Rounds after the start in which a node tells somebody even that it has nothing. */
const FIRST_ROUNDS = 6
/** Periods within which a pull or a reply counts: for round trips of up to a second. */
const PATIENCE = 2
/** Rounds between two digests when there is no news. */
const SLOW = 10

/**
 * Phase 2 of bimodal multicast: every round a digest of what is stored goes to a random partner, who pulls what it lacks,
 * most recent first, and is served once for it, soon, up to a byte cap.
 *
 * Departure: a partner that holds what the digest lacks replies with a digest of just that, so that one digest repairs both
 * sides; where both hold the same nothing is added. Departure: a digest names publishers by ring position and their
 * publications as runs, and says up to where its sender needs nothing.
 *
 * Invariants: (1) nothing is sent that the budget does not pay for; (2) a pull is served at most once, only by who announced
 * and only for two rounds' time; (3) a publication goes to a peer at most `retransmissions` times (for the last 16384 pairs);
 * (4) what comes unasked is not taken: `wants` says what was asked for.
 */
export class Repair {
  readonly #environment: Environment<BimodalMessage>
  readonly #partners: () => readonly PeerDescriptor[]
  readonly #budget: Budget
  readonly #options: BroadcastOptions
  readonly #store: Store
  readonly #publishers: Publishers
  readonly #counts: Counts
  #round = 0
  #turns = 0
  /** By `round/peer`, oldest first; at most MAX_SENT. */
  readonly #sent = new Map<string, Sent>()
  /** When it was asked for, by `publisher position/sequence`, oldest first; at most MAX_WANTED. */
  readonly #wanted = new Map<string, number>()
  /** How often it was sent, by `peer/publisher/sequence`, oldest first; at most MAX_SERVED. */
  readonly #served = new Map<string, number>()
  /** When it was first heard of, by `publisher position/sequence`, oldest first; at most MAX_LACKING. */
  readonly #lacking = new Map<string, number>()
  /** ms between hearing of a publication and asking for it. */
  #patience = 0
  /** When a digest of this peer was last looked at, oldest first; at most MAX_HEARD. */
  readonly #heard = new Map<string, number>()

  constructor(
    environment: Environment<BimodalMessage>,
    init: { readonly partners: () => readonly PeerDescriptor[]; readonly budget: Budget },
    options: BroadcastOptions,
    store: Store,
    publishers: Publishers,
    counts: Counts,
  ) {
    this.#environment = environment
    this.#partners = init.partners
    this.#budget = init.budget
    this.#options = options
    this.#store = store
    this.#publishers = publishers
    this.#counts = counts
  }

  get sizes(): Record<string, number> {
    const { size: sent } = this.#sent
    const { size: lacking } = this.#lacking
    return { sent, wanted: this.#wanted.size, served: this.#served.size, heard: this.#heard.size, lacking }
  }

  /** One round. @param news when the last publication came in */
  turn(news: number): void {
    const now = this.#environment.now()
    expire(this.#wanted, (at) => now - at > 2 * PATIENCE * this.#options.period)
    expire(this.#lacking, (at) => now - at > 2 * MAX_PATIENCE)
    this.#patience = this.#patience < this.#options.period / 2 ? 0 : this.#patience * CALM
    expire(this.#sent, ({ at }) => now - at > PATIENCE * this.#options.period)
    this.#turns++
    const joining = this.#turns <= FIRST_ROUNDS
    const brisk = now - news < this.#options.brisk || this.#turns % SLOW === 0
    if (!joining && !(brisk && this.#store.size > 0)) return
    const { self, random } = this.#environment
    const partners = this.#partners().filter(({ id }) => id !== self.id)
    for (const partner of random.sample(partners, this.#options.fanout)) this.#announce(partner, this.#holdings())
  }

  /**
   * The tree brought what had been repaired already: it is slow, not broken, perhaps because all are busy, and asking for what is
   * on its way makes them busier. From now on it is waited for as long as it was late, and a quarter more.
   * (Not longer with every copy: a relay that slept brings hundreds at once, which is one delay.)
   */
  raced({ publisher, sequence }: Publication): void {
    this.#counts.done.add('raced')
    const now = this.#environment.now()
    const since = this.#lacking.get(`${positionOf(publisher)}/${sequence}`) ?? now
    const late = Math.max(this.#options.period, (now - since) * MARGIN)
    this.#patience = Math.min(MAX_PATIENCE, Math.max(this.#patience, late))
  }

  /** Whether this came because we asked for it. */
  wants(publisher: string, sequence: number): boolean {
    return this.#wanted.has(`${positionOf(publisher)}/${sequence}`)
  }

  receiveDigest(from: PeerDescriptor, digest: Digest): void {
    if (!this.#hears(from, digest)) return
    this.#pull(from, digest)
    if (digest.answers === undefined && !digest.partial) this.#reply(from, digest)
  }

  receivePull(from: PeerDescriptor, pull: Pull): void {
    const sent = this.#sent.get(`${pull.round}/${from.id}`)
    const now = this.#environment.now()
    if (sent === undefined || sent.pulled || now - sent.at > PATIENCE * this.#options.period) {
      this.#counts.refused.add('unasked-pull')
      return
    }
    sent.pulled = true
    let bytes = 0
    for (const { publisher, runs } of pull.holdings) {
      const id = this.#publishers.at(publisher)?.id
      if (id === undefined) continue
      for (const sequence of numbersOf(runs, 0)) {
        const entry = this.#store.get(id, sequence)
        if (entry === undefined) continue
        bytes += this.#serve(from, entry, this.#options.pullBytes - bytes)
      }
    }
  }

  /** Bytes that it took of `room`. */
  #serve(to: PeerDescriptor, { publication }: Entry, room: number): number {
    const message = { kind: 'data', publication, until: undefined } as const
    const size = bimodalCodec.size(message)
    const key = `${to.id}/${publication.publisher}/${publication.sequence}`
    const times = this.#served.get(key) ?? 0
    if (size > room) this.#counts.refused.add('pull-bytes')
    else if (times >= this.#options.retransmissions) this.#counts.refused.add('retransmissions')
    else if (this.#say(to, message)) {
      put(this.#served, key, times + 1, MAX_SERVED)
      this.#counts.done.add('repairs')
      return size
    }
    return 0
  }

  #hears(from: PeerDescriptor, { answers }: Digest): boolean {
    const now = this.#environment.now()
    if (answers !== undefined) {
      const sent = this.#sent.get(`${answers}/${from.id}`)
      const expected =
        sent !== undefined && !sent.reply && !sent.answered && now - sent.at <= PATIENCE * this.#options.period
      if (expected) sent.answered = true
      else this.#counts.refused.add('unasked-reply')
      return expected
    }
    if (now - (this.#heard.get(from.id) ?? Number.NEGATIVE_INFINITY) < this.#options.period * 0.75) {
      this.#counts.refused.add('digest-rate')
      return false
    }
    put(this.#heard, from.id, now, MAX_HEARD)
    return true
  }

  /** Asks for what we lack of a digest and have not just asked another for. */
  #pull(from: PeerDescriptor, digest: Digest): void {
    const now = this.#environment.now()
    const holdings: Holding[] = []
    let room = this.#options.digestRuns
    for (const { publisher: position, runs } of digest.holdings) {
      if (room === 0) break
      if (position === this.#environment.self.position) continue
      const publisher = this.#publishers.at(position)
      const shelf = publisher === undefined ? undefined : this.#store.shelf(publisher.id)
      const lacking: number[] = []
      for (const sequence of numbersOf(runs, publisher?.order.settled ?? 0)) {
        if (room === 0) break
        if (shelf?.entries.has(sequence)) continue
        if (this.#mayStillCome(`${position}/${sequence}`, now)) continue
        room-- // counts those asked for already: a long run of them must not be searched to its end
        if (now - (this.#wanted.get(`${position}/${sequence}`) ?? 0) < this.#options.period / 2) continue
        lacking.push(sequence)
      }
      if (lacking.length > 0) holdings.push({ publisher: position, settled: 0, runs: asRuns(lacking) })
    }
    if (holdings.length === 0 || !this.#say(from, { kind: 'pull', round: digest.round, holdings })) return
    this.#counts.done.add('pulls')
    for (const { publisher, runs } of holdings) {
      for (const sequence of numbersOf(runs, 0)) put(this.#wanted, `${publisher}/${sequence}`, now, MAX_WANTED)
    }
  }

  #mayStillCome(key: string, now: number): boolean {
    const since = this.#lacking.get(key)
    if (since === undefined) put(this.#lacking, key, now, MAX_LACKING)
    return now - (since ?? now) < this.#patience
  }

  /** Announces what the sender of a digest lacks, except what may still be on its way to it or just discarded by it. */
  #reply(from: PeerDescriptor, digest: Digest): void {
    const { settle, retention, digestRuns } = this.#options
    const now = this.#environment.now()
    const theirs = new Map(digest.holdings.map((holding) => [holding.publisher, holding]))
    const holdings: Holding[] = []
    let room = digestRuns
    for (const shelf of this.#store.shelves()) {
      const publisher = this.#publishers.get(shelf.publisher)
      if (publisher === undefined || room === 0) continue
      const their = theirs.get(publisher.position)
      const lacking: number[] = []
      for (const sequence of without(shelf.announced.newestFirst(), their?.runs ?? [], their?.settled ?? 0)) {
        const age = now - (shelf.entries.get(sequence)?.received ?? 0)
        if (age < 2 * settle || age > retention / 2) continue
        lacking.push(sequence)
        if (--room === 0) break
      }
      const { position, order } = publisher
      if (lacking.length > 0) holdings.push({ publisher: position, settled: order.settled, runs: asRuns(lacking) })
    }
    if (holdings.length > 0) this.#announce(from, { holdings, partial: true }, digest.round)
  }

  #announce(to: PeerDescriptor, { holdings, partial }: Pick<Digest, 'holdings' | 'partial'>, answers?: number): void {
    const round = ++this.#round
    if (!this.#say(to, { kind: 'digest', round, answers, partial, holdings })) return
    this.#counts.done.add(answers === undefined ? 'digests' : 'replies')
    const sent = { at: this.#environment.now(), reply: answers !== undefined, answered: false, pulled: false }
    put(this.#sent, `${round}/${to.id}`, sent, MAX_SENT)
  }

  /**
   * All that is announced, as runs: the most recent publishers first. When that is too much, three quarters go to the most
   * recent and the rest to a random choice of the others, so that every old gap is named in some round.
   */
  #holdings(): Pick<Digest, 'holdings' | 'partial'> {
    const limit = this.#options.digestRuns
    const all: { readonly publisher: number; readonly settled: number; readonly run: Run }[] = []
    for (const shelf of this.#store.shelves()) {
      const publisher = this.#publishers.get(shelf.publisher)
      if (publisher === undefined) continue
      const { position, order } = publisher
      for (const run of shelf.announced.newestFirst()) all.push({ publisher: position, settled: order.settled, run })
    }
    const partial = all.length > limit
    const recent = partial ? Math.ceil(limit * 0.75) : all.length
    const chosen = all.slice(0, recent)
    if (partial) chosen.push(...this.#environment.random.sample(all.slice(recent), limit - recent))
    const holdings = new Map<number, { publisher: number; settled: number; runs: Run[] }>()
    for (const { publisher, settled, run } of chosen) {
      const holding = holdings.get(publisher) ?? { publisher, settled, runs: [] }
      holdings.set(publisher, holding)
      holding.runs.push(run)
    }
    for (const { runs } of holdings.values()) runs.sort((a, b) => b.last - a.last)
    return { holdings: [...holdings.values()], partial }
  }

  #say(to: PeerDescriptor, message: BimodalMessage): boolean {
    const affordable = this.#budget.take(this.#environment.now(), bimodalCodec.size(message))
    if (affordable) this.#environment.send(to, message)
    else this.#counts.refused.add('over-budget')
    return affordable
  }
}

/** Sets an entry as the youngest of a map that holds at most `limit`. */
function put<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > limit) map.delete(map.keys().next().value as K)
}

/** Deletes entries from the oldest on, up to the first that stays. */
function expire<K, V>(map: Map<K, V>, old: (value: V) => boolean): void {
  for (const [key, value] of map) {
    if (!old(value)) return
    map.delete(key)
  }
}

/** The numbers of `ours` above `floor` that are in none of `theirs`, both newest first. */
function* without(ours: readonly Run[], theirs: readonly Run[], floor: number): Generator<number> {
  let at = 0
  for (const number of numbersOf(ours, floor)) {
    while (at < theirs.length && (theirs[at] as Run).first > number) at++
    const their = theirs[at]
    if (their === undefined || number > their.last) yield number
  }
}
