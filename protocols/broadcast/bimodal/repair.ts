import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { positionOf } from '../../../core/position.ts'
import type { DeliveryInit } from '../delivery.ts'
import { expire, put } from '../oldest-out.ts'
import type { Publication } from '../publication.ts'
import { asRuns, numbersOf } from '../runs.ts'
import type { Entry } from '../store.ts'
import { Bufferers } from './bufferers.ts'
import { type BimodalMessage, bimodalCodec, type Digest, type Holding, type Pull } from './codec.ts'
import { Contents, holdingsOf } from './contents.ts'
import { type Lack, Lacking, PATIENCE } from './lacking.ts'
import { Seen } from './seen.ts'

/** A digest we sent: what a pull or a reply must name to be heard. */
interface Sent {
  readonly at: number
  readonly reply: boolean
  answered: boolean
  pulled: boolean
}

type RepairInit = Pick<DeliveryInit, 'partners' | 'rtt' | 'budget' | 'options' | 'store' | 'publishers' | 'counts'>

const MAX_SENT = 256
const MAX_SERVED = 16_384
const MAX_HEARD = 1024
/** Numbers of a digest that are looked at although they are not asked for now: a run may be as long as it likes. */
const MAX_LOOKED = 4096
/** Rounds after the start in which a node tells somebody even that it has nothing. */
const FIRST_ROUNDS = 6
/** Rounds between two digests when there is no news. */
const SLOW = 10
/** While there is news, and nothing had to be repaired here for ALERT ms, since the tree does its work. */
const CALM = 4
const ALERT = 10_000
/** Of so many rounds in one the partners are drawn from all, not from the nearer ones: what is far must not be left out. */
const FAR = 4
/** Rounds after which what is lacked is urgent: one partner more a round is asked for it. */
const URGENT = 8

/**
 * Phase 2 of bimodal multicast: every round a digest of what is stored goes to a random partner, near ones preferred, who pulls
 * what it lacks, most recent first, and is served once for it, soon, up to a byte cap. What is young is pulled; what a node has
 * lacked for longer it names in its digests, and whoever gets one pushes it with the answer: a round trip less, and a loss.
 *
 * Where not everybody buffers everything (`bufferers`), digests also tell what was seen, and who lacks something asks those
 * who buffer it.
 *
 * Departure: a partner that holds what the digest lacks replies with a digest of just that, so that one digest repairs both
 * sides; where both hold the same nothing is added. Departure: a digest names publishers by ring position and their
 * publications as runs, and says up to where its sender needs nothing.
 *
 * Invariants: (1) nothing is sent that the budget does not pay for; (2) a pull is served at most once, only by who announced
 * and only for two rounds' time, and what is lacked at most once a digest; (3) a publication goes to a peer at most
 * `retransmissions` times (for the last 16384 pairs); (4) what comes unasked is not taken: `wants` says what was asked for.
 */
export class Repair {
  readonly #environment: Environment<BimodalMessage>
  readonly #init: RepairInit
  readonly #lacking: Lacking
  readonly #contents: Contents
  readonly #bufferers: Bufferers | undefined
  /** With `bufferers`. */
  readonly #seen: Seen | undefined
  #round = 0
  #turns = 0
  /** When the last round was. */
  #turned = Number.NEGATIVE_INFINITY
  /** By `round/peer`, oldest first; at most MAX_SENT. */
  readonly #sent = new Map<string, Sent>()
  /** How often it was sent, by `peer/publisher/sequence`, oldest first; at most MAX_SERVED. */
  readonly #served = new Map<string, number>()
  /** When a digest of this peer was last looked at, oldest first; at most MAX_HEARD. */
  readonly #heard = new Map<string, number>()

  /** When something had to be repaired last, here or at a peer; at first, the start. */
  #troubled: number
  readonly #onTrouble: () => void

  constructor(environment: Environment<BimodalMessage>, init: RepairInit, trouble: () => void) {
    const { options, store, publishers } = init
    this.#onTrouble = trouble
    this.#troubled = environment.now()
    this.#environment = environment
    this.#init = init
    this.#lacking = new Lacking(options)
    if (options.bufferers > 0) {
      const { self } = environment
      const bufferers = new Bufferers(self, options.bufferers)
      this.#bufferers = bufferers
      this.#seen = new Seen(options)
      const known = (publisher: string) => publishers.get(publisher)
      store.terms = {
        isLong: ({ publisher, sequence }) =>
          publisher === self.id || bufferers.keeps(known(publisher)?.position ?? positionOf(publisher), sequence),
      }
    }
    this.#contents = new Contents(init, this.#seen)
  }

  get sizes(): Record<string, number> {
    const { size: seen } = this.#seen ?? { size: 0 }
    return { sent: this.#sent.size, ...this.#lacking.sizes, served: this.#served.size, heard: this.#heard.size, seen }
  }

  /** A publication was taken in, whether it came or was made here. */
  took({ publisher, sequence }: Publication): void {
    this.#seen?.add(publisher, sequence, this.#environment.now())
  }

  /** One round. @param news when the last publication came in */
  turn(news: number): void {
    const now = this.#environment.now()
    const { period, brisk, fanout } = this.#init.options
    this.#lacking.turn(now)
    this.#seen?.turn(now)
    expire(this.#sent, ({ at }) => now - at > PATIENCE * period)
    this.#turns++
    const joining = this.#turns <= FIRST_ROUNDS
    const pace = now - news >= brisk ? SLOW : now - this.#troubled > ALERT ? CALM : 1
    const isDue = this.#turns % pace === 0
    const partners = this.#init.partners()
    this.#bufferers?.turn(partners)
    // Who was asleep or busy for rounds has what it lacks in its queue, perhaps.
    const awake = now - this.#turned < 2 * period
    this.#turned = now
    const lacks = fanout === 0 || !awake ? [] : this.#due(now)
    if (!joining && !(isDue && this.#init.store.size > 0) && lacks.length === 0) return
    const urgent = lacks.some(({ since }) => now - since > URGENT * period)
    const others = partners.filter(({ id }) => id !== this.#environment.self.id)
    const chosen = this.#choose(others, this.#bufferers === undefined && urgent ? fanout + 1 : fanout)
    const asked = this.#asked(lacks, chosen)
    const all = this.#contents.all(this.#environment.random)
    for (const partner of chosen) {
      const named = asked.get(partner)
      asked.delete(partner)
      this.#announce(partner, { ...all, ...this.#named(named, now) })
    }
    for (const [bufferer, named] of asked) {
      this.#announce(bufferer, { holdings: [], partial: true, ...this.#named(named, now) })
    }
  }

  /**
   * The tree brought what had been repaired already: it is slow, not broken, perhaps because all are busy, and asking for what is
   * on its way makes them busier. From now on it is waited for as long as it was late, and a quarter more.
   * (Not longer with every copy: a relay that slept brings hundreds at once, which is one delay.)
   */
  raced({ publisher, sequence }: Publication): void {
    this.#init.counts.done.add('raced')
    this.#lacking.late(positionOf(publisher), sequence, this.#environment.now())
  }

  /** Whether this came because we asked for it. */
  wants(publisher: string, sequence: number): boolean {
    return this.#lacking.wants(positionOf(publisher), sequence)
  }

  /** Whether this node wants it, which neither came nor is given up. */
  lacks(lack: Pick<Lack, 'publisher' | 'sequence'>): boolean {
    return lack.publisher !== this.#environment.self.position && !this.#contents.has(lack)
  }

  /** Somebody else than the digests asks for it. */
  asked(publisher: number, sequence: number): void {
    this.#lacking.ask(publisher, sequence, this.#environment.now())
  }

  /** @returns whether it was looked at */
  receiveDigest(from: PeerDescriptor, digest: Digest): boolean {
    if (!this.#hears(from, digest)) return false
    const pushed = new Set<string>()
    if (digest.answers === undefined && digest.lacks !== undefined) this.supply(from, digest.lacks, this.#again, pushed)
    this.#pull(from, digest)
    if (digest.answers !== undefined || digest.partial) return true
    const { holdings, seen } = this.#contents.beyond(digest, pushed, this.#environment.now())
    if (holdings.length > 0 || seen.length > 0) {
      this.#announce(from, { holdings, partial: true, ...(seen.length > 0 && { seen }) }, digest.round)
    }
    return true
  }

  receivePull(from: PeerDescriptor, pull: Pull): void {
    const sent = this.#sent.get(`${pull.round}/${from.id}`)
    const now = this.#environment.now()
    if (sent === undefined || sent.pulled || now - sent.at > PATIENCE * this.#init.options.period) {
      this.#init.counts.refused.add('unasked-pull')
      return
    }
    sent.pulled = true
    this.supply(from, pull.holdings, this.#again)
  }

  /** How often a publication may have been sent to a peer before it is once more. */
  get #again(): number {
    return this.#init.options.retransmissions - 1
  }

  /** What to ask for although nobody has announced it just now: with bufferers all that is lacked, else what is old. */
  #due(now: number): Lack[] {
    const { digestRuns } = this.#init.options
    return this.#lacking.due(now, digestRuns, (lack) => this.#contents.has(lack), this.#bufferers !== undefined)
  }

  /** Whom to ask for what: one of its bufferers, each in turn; else the first partner, and a second one for what is urgent. */
  #asked(lacks: readonly Lack[], partners: readonly PeerDescriptor[]): Map<PeerDescriptor, Lack[]> {
    const asked = new Map<PeerDescriptor, Lack[]>()
    const ask = (peer: PeerDescriptor, lack: Lack) => {
      asked.set(peer, [...(asked.get(peer) ?? []), lack])
    }
    const these = partners.length > this.#init.options.fanout ? partners : partners.slice(0, 1)
    for (const lack of lacks) {
      const bufferer = this.#bufferers?.whom(lack, this.#turns)
      if (bufferer !== undefined) ask(bufferer, lack)
      else for (const partner of these) ask(partner, lack)
    }
    return asked
  }

  #named(lacks: readonly Lack[] | undefined, now: number): Pick<Digest, 'lacks'> {
    if (lacks === undefined) return {}
    for (const { publisher, sequence } of lacks) this.#lacking.ask(publisher, sequence, now)
    return { lacks: holdingsOf(lacks) }
  }

  /** Near ones preferred: the nearer half of twice as many. */
  #choose(partners: readonly PeerDescriptor[], count: number): PeerDescriptor[] {
    const { random } = this.#environment
    if (this.#init.rtt === undefined || this.#turns % FAR === 0) return random.sample(partners, count)
    const drawn = random.sample(partners, 2 * count)
    const away = new Map(drawn.map((peer) => [peer, this.#init.rtt?.(peer.id) ?? Number.MAX_VALUE]))
    return drawn.sort((a, b) => (away.get(a) as number) - (away.get(b) as number)).slice(0, count)
  }

  /** Sends what is stored of these, up to the byte cap, if it went there at most `before` times before; says in `supplied` what, by `publisher position/sequence`. */
  supply(to: PeerDescriptor, holdings: readonly Holding[], before: number, supplied?: Set<string>): void {
    let bytes = 0
    for (const { publisher, runs } of holdings) {
      const id = this.#init.publishers.at(publisher)?.id
      if (id === undefined) continue
      for (const sequence of numbersOf(runs, 0)) {
        const entry = this.#init.store.get(id, sequence)
        const size = entry === undefined ? 0 : this.#serve(to, entry, this.#init.options.pullBytes - bytes, before)
        if (size > 0) supplied?.add(`${publisher}/${sequence}`)
        bytes += size
      }
    }
  }

  /** Bytes that it took of `room`. */
  #serve(to: PeerDescriptor, { publication }: Entry, room: number, before: number): number {
    const { counts } = this.#init
    const message = { kind: 'data', publication, until: undefined } as const
    const size = bimodalCodec.size(message)
    const key = `${to.id}/${publication.publisher}/${publication.sequence}`
    const times = this.#served.get(key) ?? 0
    if (size > room) counts.refused.add('pull-bytes')
    else if (times > before) counts.refused.add('retransmissions')
    else if (this.#say(to, message)) {
      put(this.#served, key, times + 1, MAX_SERVED)
      counts.done.add('repairs')
      this.#trouble()
      return size
    }
    return 0
  }

  #hears(from: PeerDescriptor, { answers }: Digest): boolean {
    const now = this.#environment.now()
    const { period } = this.#init.options
    if (answers !== undefined) {
      const sent = this.#sent.get(`${answers}/${from.id}`)
      const expected = sent !== undefined && !sent.reply && !sent.answered && now - sent.at <= PATIENCE * period
      if (expected) sent.answered = true
      else this.#init.counts.refused.add('unasked-reply')
      return expected
    }
    if (now - (this.#heard.get(from.id) ?? Number.NEGATIVE_INFINITY) < period * 0.75) {
      this.#init.counts.refused.add('digest-rate')
      return false
    }
    put(this.#heard, from.id, now, MAX_HEARD)
    return true
  }

  /** Asks for what we lack of a digest and have not just asked another for. */
  #pull(from: PeerDescriptor, digest: Digest): void {
    const now = this.#environment.now()
    const holdings: Holding[] = []
    let room = this.#init.options.digestRuns
    let looks = MAX_LOOKED
    for (const { publisher, runs } of digest.holdings) {
      if (room === 0 || looks <= 0) break
      const lacking: number[] = []
      for (const sequence of this.#missing(publisher, runs)) {
        if (room === 0 || looks-- <= 0) break
        const heard = this.#lacking.hear(publisher, sequence, now)
        if (heard !== 'wait') room-- // counts those asked for already: a long run of them must not be searched to its end
        if (heard === 'ask') lacking.push(sequence)
      }
      if (lacking.length > 0) holdings.push({ publisher, settled: 0, runs: asRuns(lacking) })
    }
    for (const { publisher, runs } of this.#bufferers === undefined ? [] : (digest.seen ?? [])) {
      for (const sequence of this.#missing(publisher, runs)) {
        if (looks-- <= 0) break
        this.#lacking.hear(publisher, sequence, now)
      }
    }
    if (holdings.length === 0 || !this.#say(from, { kind: 'pull', round: digest.round, holdings })) return
    this.#init.counts.done.add('pulls')
    this.#trouble()
    for (const { publisher, runs } of holdings) {
      for (const sequence of numbersOf(runs, 0)) this.#lacking.ask(publisher, sequence, now)
    }
  }

  /** Those of another publisher's runs that we want, newest first. */
  *#missing(position: number, runs: readonly { first: number; last: number }[]): Generator<number> {
    if (position === this.#environment.self.position) return
    const settled = this.#init.publishers.at(position)?.order.settled ?? 0
    for (const sequence of numbersOf(runs, settled)) {
      if (!this.#contents.has({ publisher: position, sequence })) yield sequence
    }
  }

  #trouble(): void {
    this.#troubled = this.#environment.now()
    this.#onTrouble()
  }

  #announce(to: PeerDescriptor, told: Pick<Digest, 'holdings' | 'partial' | 'seen' | 'lacks'>, answers?: number): void {
    const round = ++this.#round
    if (!this.#say(to, { kind: 'digest', round, answers, ...told })) return
    this.#init.counts.done.add(answers === undefined ? 'digests' : 'replies')
    const sent = { at: this.#environment.now(), reply: answers !== undefined, answered: false, pulled: false }
    put(this.#sent, `${round}/${to.id}`, sent, MAX_SENT)
  }

  #say(to: PeerDescriptor, message: BimodalMessage): boolean {
    const affordable = this.#init.budget.take(this.#environment.now(), bimodalCodec.size(message))
    if (affordable) this.#environment.send(to, message)
    else this.#init.counts.refused.add('over-budget')
    return affordable
  }
}
