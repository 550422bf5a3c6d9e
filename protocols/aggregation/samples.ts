import type { PeerDescriptor } from '../../core/descriptor.ts'
import { CLOCK_WINDOW } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange } from '../../core/exchange.ts'
import { Tally } from '../../core/tally.ts'
import { ANYTHING, FirstHand, SPACING, wholeOf } from './first-hand.ts'
import { placeOf, rankOf } from './ranks.ts'
import type { Kept, Sample } from './sample.ts'
import { CONFIDENCE, fromExponentials, type SizeEstimate } from './size/estimate.ts'
import type { Stretch } from './size/ring.ts'
import { clamped, extremes, type Summary, summarize } from './summary.ts'

/** One side of an exchange. */
export interface SamplesExchange {
  readonly samples: readonly Sample[]
  /** What the sender came to at first hand, by key, and under SPACING how far apart nodes are on the ring around it; empty while it knows hardly any. */
  readonly estimates: ReadonlyMap<number, number>
}

export interface SamplesOptions {
  /** Nodes whose values are kept. @default 400 (PAPERS section 3) */
  readonly kept: number
  /** Samples in a message at most, this node's own included. @default 16 (chosen: 3 KB with signatures) */
  readonly message: number
  /** Share that is left out at each end. @default 0.05 (chosen: more would misjudge skewed values, less would trust liars) */
  readonly trim: number
  /** ms after which a value is forgotten unless its owner renews it. @default 300000 */
  readonly maxAge: number
}

export const SAMPLES_DEFAULTS: SamplesOptions = { kept: 400, message: 16, trim: 0.05, maxAge: 300_000 }

/** LIMITS: samples in a message, whatever a partner sends. */
export const MAX_SAMPLES = 32
/** LIMITS: attributes that are averaged, and estimates that are told: of these, and of the ring. */
export const MAX_AVERAGES = 16
export const MAX_ESTIMATES = 2 * MAX_AVERAGES + 1
/** Who died or left, remembered. */
const DEPARTED = 1024
/**
 * How many times as far from what is known at first hand as chance usually takes it the samples of all may be, and be believed: of ten thousand
 * nodes some have partners among whom twice as many lie as among all (2 is too few by a hair, seed 1 of aggregation-liars).
 */
const FAR = 2.5
/** With fewer samples a node that still hears of new ones says nothing. */
const FEWEST = 8
/** To how many partners a value is told that has just come in; of others, how many go into a message: for who joins, and what was lost. */
const TELLINGS = 3
const OTHERS = 2
/** Share of `maxAge` that a node's value is newer by than what was told of it last: who signs anew all the time is not told for it. */
const NEWER = 0.1
/** Samples that brought nobody new, after which a small network is taken to be known. */
const QUIET = 16

export interface SamplesInit {
  partner(): PeerDescriptor | undefined
  /** This node's values as they are now, signed; undefined when it has none. */
  own(): Sample | undefined
  /** Of what averages are wanted, at most MAX_AVERAGES, and what each value can be at least and at most: others are clamped to it. */
  readonly ranges: ReadonlyMap<number, readonly [number, number]>
  /** The ring around this node: who has a place there was connected to. @default none, and keys that no node has count as nodes */
  ring?(): Stretch | undefined
  /** Samples to keep beside the random ones. @default none */
  readonly lists?: readonly Kept[]
  readonly options?: Partial<SamplesOptions>
}

interface Entry {
  sample: Sample
  readonly rank: number
  /** How many partners have been told since it was news, and when that was issued. */
  tellings: number
  news: number
}

/** An average of the honest nodes. */
export interface Defended extends SizeEstimate {
  readonly deviation: number
  /** Share of the nodes that have the attribute, and how far off that may be. */
  readonly share: number
  readonly shareHalf: number
}

/**
 * Averages among liars (PAPERS section 3: signed samples). No number is passed on that its owner did not sign, so a liar has one voice for
 * each key, clamped to the stated range, however loud it is.
 *
 * Keys cost nothing, and samples of keys that no node has are passed on like any others. So what is stated rests on what cannot be made up
 * (`FirstHand`): the values of partners that answered for themselves, the median of what they came to, and the ring around this node. What
 * the samples of all come to is more exact, and is told as far as it lies within what chance leaves open of that: a fraction f of partners
 * that lie moves the average by f times the range at most and that much, with however many keys.
 *
 * Each node keeps a sample of the nodes: those whose ids come first under a private hash, which nobody can choose. How far down the hashes
 * go tells how many ids there are. A message has this node's own sample, what has come in of late, and a few others: at rest everybody
 * knows most of what there is.
 *
 * Invariants: (1) at most `kept` samples, as many first-hand ones, those of the lists, 31 peers' estimates and 1024 departures are held; (2) every value
 * counts as clamped to its range, and no sample is older than `maxAge`; (3) the latest sample of a node replaces its earlier ones.
 */
export class Samples implements Exchange<SamplesExchange, SamplesExchange> {
  /** too-many, not-fresh, departed */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #init: SamplesInit
  readonly #options: SamplesOptions
  readonly #lists: readonly Kept[]
  readonly #salt: number
  /** In the order of their ranks: at most `kept`. */
  readonly #kept: Entry[] = []
  readonly #byId = new Map<string, Entry>()
  /** What this node tells its partners to have found: renewed once a round. */
  #told: ReadonlyMap<number, number> = new Map()
  /** What the samples come to, by key; made when it is asked for, gone when they change. */
  readonly #known = new Map<number, Summary>()
  readonly #firstHand: FirstHand
  /** When those died or left that this node knew of, the oldest first: on its own clock or, where that is ahead, on theirs. At most DEPARTED. */
  readonly #departed = new Map<string, number>()
  /** Samples that partners of this node's choice had since one of somebody new came: each once an exchange, however often it is in it. */
  #sinceNew = 0

  constructor(environment: Surroundings, init: SamplesInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...SAMPLES_DEFAULTS, ...init.options }
    this.#lists = init.lists ?? []
    this.#firstHand = new FirstHand({ kept: this.#options.kept, trim: this.#options.trim, ranges: init.ranges })
    this.#salt = environment.random.word()
  }

  get size(): number {
    return this.#kept.length
  }

  /** When the oldest of the samples was issued, ms since 1970; undefined without any. */
  get since(): number | undefined {
    let oldest: number | undefined
    for (const { sample } of this.#kept) if (!(sample.issued >= (oldest ?? Infinity))) oldest = sample.issued
    return oldest
  }

  partner(): PeerDescriptor | undefined {
    this.#forget()
    const own = this.#init.own()
    if (own !== undefined) this.#hear(own)
    const told = new Map<number, number>()
    if (this.#firstHand.size >= Math.min(FEWEST, this.#kept.length / 2)) {
      const ring = this.#init.ring?.()
      if (ring !== undefined) told.set(SPACING, ring.length / ring.spacings)
      for (const key of this.#init.ranges.keys()) {
        const mean = this.#firstHand.mean(key)
        const whole = this.mean(key)
        if (mean !== undefined) told.set(key, mean)
        if (whole !== undefined) told.set(wholeOf(key), whole)
      }
    }
    this.#told = told
    return this.#init.partner()
  }

  offer(): SamplesExchange {
    return this.#message()
  }

  /**
   * What samples say their owners signed, so anybody may bring them; what somebody came to, and that it knows nobody else, is believed of
   * partners of this node's choice only: who asks unasked would be all that it hears.
   */
  answer(_from: PeerDescriptor, offer: SamplesExchange): SamplesExchange {
    const answer = this.#message()
    if (this.#isBounded(offer)) for (const sample of offer.samples) this.#consider(sample)
    return answer
  }

  absorb(from: PeerDescriptor, answer: SamplesExchange): void {
    if (!this.#isBounded(answer)) return
    const known = new Set<string>()
    for (const sample of answer.samples) {
      const found = sample.id === from.id ? this.#hear(sample) : this.#consider(sample)
      if (found === 'known') known.add(sample.id)
    }
    this.#sinceNew += known.size
    this.#firstHand.told(from.id, answer.estimates)
  }

  missed(): void {}

  /**
   * It died or left: it counts no more, and what it said until now, which others tell on for a while, does not bring it back; what it says
   * from now on does.
   */
  remove(id: string): void {
    const entry = this.#byId.get(id)
    const said = [entry?.sample, ...this.#lists.map(({ samples }) => samples.find((sample) => sample.id === id))]
    this.#departed.delete(id)
    this.#departed.set(id, Math.max(this.#environment.now(), ...said.flatMap((sample) => sample?.issued ?? [])))
    if (this.#departed.size > DEPARTED) this.#departed.delete(this.#departed.keys().next().value as string)
    if (entry !== undefined) this.#drop(this.#kept.indexOf(entry))
    this.#firstHand.remove(id)
    for (const list of this.#lists) {
      if (!list.remove(id)) continue
      for (const { sample } of this.#kept) list.consider(sample)
    }
  }

  /** Trimmed mean of this node's own samples; undefined while it has few, or none has the attribute. */
  mean(key: number): number | undefined {
    return this.#says && this.#summary(key).values.length > 0 ? this.#summary(key).mean : undefined
  }

  /** The q-quantile of this node's own samples. */
  quantile(key: number, q: number): number | undefined {
    const { values } = this.#summary(key)
    return values[Math.min(values.length - 1, Math.floor(q * values.length))]
  }

  /**
   * What the samples of all come to, as near as chance allows to what is known at first hand, and where the average of the honest lies if
   * at most a share of `trim` lie. Where not all are kept, chance takes what one node's come to, and the median of what partners' do is
   * nearer. While nothing is known at first hand, anywhere in the range. Of what few nodes have, and no partner, only
   * the samples of all tell: as many as chance may have kept from being partners may have the most of it, or the least.
   */
  estimate(key: number): Defended | undefined {
    const mean = this.mean(key)
    if (mean === undefined) return undefined
    const { deviation, values } = this.#summary(key)
    const range = this.#init.ranges.get(key) ?? ANYTHING
    const share = values.length / this.#kept.length
    const anchor = this.#firstHand.anchor(key, this.#unheard())
    if (anchor === undefined) {
      const [low, high] = range
      return { value: mean, low, high, confidence: CONFIDENCE, deviation, share, shareHalf: 1 }
    }
    const { value, half, below, above, unlike } = anchor
    const [least, most] = extremes(this.#all(), key, range)
    const around = (middle: number, by: number) => [middle - by, middle + by] as const
    const whole = this.#kept.length < this.#options.kept ? mean : this.#firstHand.whole(key, mean)
    // Twice as far off as could be is no chance any more: somebody makes up keys, and what they come to counts for nothing.
    const told = Math.abs(whole - value) <= 2 * FAR * half ? clamped(whole, around(value, FAR * half)) : value
    return {
      value: told,
      low: clamped(Math.min(told, value - below - half - unlike * Math.max(0, anchor.least - least)), range),
      high: clamped(Math.max(told, value + above + half + unlike * Math.max(0, most - anchor.most)), range),
      confidence: CONFIDENCE,
      deviation: told === mean ? deviation : anchor.deviation,
      share: clamped(share, around(anchor.share, anchor.shareHalf)),
      shareHalf: anchor.shareHalf,
    }
  }

  /**
   * How many nodes there are: those that are known while all are, else by how far down the hashes of the known go (k minimum values,
   * Bar-Yossef et al. 2002). Those not heard of for half of `maxAge` may be gone; those that this node was in touch with and that are gone are not counted.
   *
   * Ids can be made up, places on the ring of those that one is connected to cannot: where the ids are more or fewer than the ring allows, it is the
   * ring's number. What is stated holds both.
   */
  count(): SizeEstimate | undefined {
    const ids = this.#countIds()
    const own = this.#init.ring?.()
    if (ids === undefined || own === undefined) return ids
    const ring = this.#firstHand.network(own)
    return {
      value: ring.low <= ids.value && ids.value <= ring.high ? ids.value : ring.value,
      low: Math.min(ids.low, ring.low),
      high: Math.max(ids.high, ring.high),
      confidence: CONFIDENCE,
    }
  }

  #countIds(): SizeEstimate | undefined {
    if (!this.#says) return undefined
    const count = this.#kept.length
    const since = this.#environment.now() - this.#options.maxAge / 2
    const alive = this.#kept.filter(({ sample }) => sample.issued > since).length / count
    if (count >= this.#options.kept) {
      const found = fromExponentials(count, ((this.#kept.at(-1) as Entry).rank + 1) / 2 ** 32)
      return found && { ...found, low: found.low * alive }
    }
    return { value: count, low: count * alive, high: count / (1 - this.#unseen()), confidence: CONFIDENCE }
  }

  /** Share of the nodes that this one may not have heard at first hand. */
  #unheard(): number {
    const most = this.count()?.high ?? Number.POSITIVE_INFINITY
    return Math.max(0, 1 - this.#firstHand.size / most)
  }

  get #says(): boolean {
    return this.#kept.length >= FEWEST || (this.#kept.length > 0 && this.#sinceNew >= QUIET)
  }

  /** Share of the nodes that this one may not know, with 95 %: of as many samples as came since the last new one, none brought another. */
  #unseen(): number {
    const news = Math.min(0.9, 3 / Math.max(1, this.#sinceNew))
    return this.#kept.length >= this.#options.kept ? 1 : news
  }

  #message(): SamplesExchange {
    const { random } = this.#environment
    const own = this.#init.own()
    const samples = new Set<Sample>(own === undefined ? [] : [own])
    const listed = this.#lists.flatMap((list) => list.samples)
    const most = Math.min(this.#options.message, this.#kept.length + listed.length)
    for (const sample of random.sample(listed, Math.floor(most / 2))) samples.add(sample)
    const room = () => Math.max(0, most - samples.size)
    const news = this.#kept.filter(({ tellings }) => tellings < TELLINGS)
    for (const entry of random.sample(news, room())) {
      entry.tellings++
      samples.add(entry.sample)
    }
    for (const { sample } of random.sample(this.#kept, Math.min(OTHERS, room()))) samples.add(sample)
    return { samples: [...samples], estimates: this.#told }
  }

  #isBounded({ samples, estimates }: SamplesExchange): boolean {
    if (samples.length <= MAX_SAMPLES && estimates.size <= MAX_ESTIMATES) return true
    this.tally.add('too-many')
    return false
  }

  /** Its owner said so itself, when it was asked. */
  #hear(sample: Sample): 'known' | undefined {
    if (this.#isCurrent(sample)) this.#firstHand.heard(sample)
    return this.#consider(sample)
  }

  #isCurrent({ id, issued }: Sample): boolean {
    const now = this.#environment.now()
    const fresh = issued > now - this.#options.maxAge && issued < now + CLOCK_WINDOW
    return fresh && issued > (this.#departed.get(id) ?? Number.NEGATIVE_INFINITY)
  }

  /** @returns whether it is of somebody whose sample was kept before */
  #consider(sample: Sample): 'known' | undefined {
    const now = this.#environment.now()
    const fresh = sample.issued > now - this.#options.maxAge && sample.issued < now + CLOCK_WINDOW
    if (!fresh) {
      this.tally.add('not-fresh')
      return undefined
    }
    if (sample.issued <= (this.#departed.get(sample.id) ?? Number.NEGATIVE_INFINITY)) {
      this.tally.add('departed')
      return undefined
    }
    for (const list of this.#lists) list.consider(sample)
    const known = this.#byId.get(sample.id)
    if (known !== undefined) {
      if (known.sample.issued >= sample.issued) return 'known'
      known.sample = sample
      if (sample.issued - known.news >= this.#options.maxAge * NEWER) {
        known.news = sample.issued
        known.tellings = 0
      }
      this.#known.clear()
      return 'known'
    }
    const rank = rankOf(sample.id, this.#salt)
    const last = this.#kept.at(-1)
    const full = this.#kept.length >= this.#options.kept
    if (full && last !== undefined && rank >= last.rank) return undefined
    if (full && last !== undefined) this.#byId.delete(last.sample.id)
    if (full) this.#kept.pop()
    const entry = { sample, rank, tellings: 0, news: sample.issued }
    this.#kept.splice(placeOf(this.#kept, rank), 0, entry)
    this.#byId.set(sample.id, entry)
    this.#known.clear()
    this.#sinceNew = 0
    return undefined
  }

  /** The outdated go. */
  #forget(): void {
    const since = this.#environment.now() - this.#options.maxAge
    for (const list of this.#lists) list.forget(since)
    this.#firstHand.forget(since)
    for (let i = this.#kept.length - 1; i >= 0; i--) {
      const { sample } = this.#kept[i] as Entry
      if (sample.issued > since) continue
      this.#drop(i)
    }
    // Who slept, or was cut off, knows nobody else any more: that nobody new came until then says nothing of who is there now.
    const [first, second] = this.#kept
    if (second === undefined && first?.sample.id === this.#environment.self.id) this.#sinceNew = 0
  }

  #drop(at: number): void {
    const [entry] = this.#kept.splice(at, 1)
    if (entry !== undefined) this.#byId.delete(entry.sample.id)
    this.#known.clear()
  }

  #all(): readonly Sample[] {
    return [...this.#lists.flatMap(({ samples }) => samples), ...this.#kept.map(({ sample }) => sample)]
  }

  #summary(key: number): Summary {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const samples = this.#kept.map(({ sample }) => sample)
    const summary = summarize(samples, key, this.#init.ranges.get(key) ?? ANYTHING, this.#options.trim)
    this.#known.set(key, summary)
    return summary
  }
}
