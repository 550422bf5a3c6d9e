import type { PeerDescriptor } from '../../core/descriptor.ts'
import { CLOCK_WINDOW } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange } from '../../core/exchange.ts'
import { Tally } from '../../core/tally.ts'
import { CONFIDENCE, meanAndDeviation } from './size/estimate.ts'

/** What a node says of itself, signed by it (type 'aggregation-sample/1'), passed on by everybody. */
export interface Sample {
  readonly id: string
  /** ms since 1970; the later of two counts. */
  readonly issued: number
  readonly value: number
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

export interface SamplesMessage {
  readonly samples: readonly Sample[]
  /** What the sender's own samples come to; undefined while it has hardly any. */
  readonly estimate: number | undefined
}

export interface SamplesOptions {
  /** Nodes whose values are kept. @default 400 (PAPERS section 3) */
  readonly kept: number
  /** Samples in a message, this node's own included. @default 16 (chosen: 3 KB with signatures) */
  readonly message: number
  /** Share that is left out at each end. @default 0.05 (chosen: more would misjudge skewed values, less would trust liars) */
  readonly trim: number
  /** ms after which a value is forgotten unless its owner renews it. @default 300000 */
  readonly maxAge: number
}

export const SAMPLES_DEFAULTS: SamplesOptions = { kept: 400, message: 16, trim: 0.05, maxAge: 300_000 }

/** LIMITS: samples in a message, whatever a partner sends. */
export const MAX_SAMPLES = 32
/** Peers whose estimates are remembered, and the fewest samples that make an estimate. */
const PEERS = 31
const FEWEST = 8

export interface SamplesInit {
  partner(): PeerDescriptor | undefined
  /** This node's value as it is now, signed; undefined when it has none. */
  own(): Sample | undefined
  /** What a value can be at least and at most: others are clamped to it. */
  readonly range: readonly [number, number]
  readonly options?: Partial<SamplesOptions>
}

interface Kept {
  sample: Sample
  readonly rank: number
}

interface Known {
  /** Clamped and sorted. */
  readonly values: Float64Array
  readonly mean: number
  readonly deviation: number
}

/**
 * Averages among liars (PAPERS section 3: signed samples). No number is passed on that its owner did not sign, so a liar has one voice,
 * clamped to the stated range, however loud it is: a fraction f of liars moves the average by f times the range at most, where it moves
 * push-pull as far as it likes.
 *
 * Each node keeps a sample of the nodes that nobody can push out of shape (those whose ids come first under a private hash), and takes
 * its trimmed mean; the median of what its partners came to takes most of the sampling error out, and up to half of them may lie.
 *
 * Invariants: (1) at most `kept` samples and 31 estimates are held, one of each node; (2) every held value is in the range and at most `maxAge`
 * old; (3) the latest value of a node replaces its earlier ones.
 */
export class Samples implements Exchange<SamplesMessage, SamplesMessage> {
  /** too-many, not-fresh */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #init: SamplesInit
  readonly #options: SamplesOptions
  readonly #salt: number
  /** In the order of their ranks: at most `kept`. */
  readonly #kept: Kept[] = []
  readonly #byId = new Map<string, Kept>()
  /** What this node tells its partners to have found: renewed once a round. */
  #told: number | undefined
  /** What the samples come to; made when it is asked for, gone when they change. */
  #known: Known | undefined
  /** What partners came to, latest last. At most PEERS. */
  readonly #estimates = new Map<string, number>()

  constructor(environment: Surroundings, init: SamplesInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...SAMPLES_DEFAULTS, ...init.options }
    this.#salt = environment.random.word()
  }

  get size(): number {
    return this.#kept.length
  }

  partner(): PeerDescriptor | undefined {
    this.#forget()
    this.#told = this.mean()
    return this.#init.partner()
  }

  offer(): SamplesMessage {
    return this.#message()
  }

  answer(from: PeerDescriptor, offer: SamplesMessage): SamplesMessage {
    const answer = this.#message()
    this.#take(from, offer)
    return answer
  }

  absorb(from: PeerDescriptor, answer: SamplesMessage): void {
    this.#take(from, answer)
  }

  missed(): void {}

  /** Trimmed mean of this node's own samples; undefined with fewer than 8. */
  mean(): number | undefined {
    return this.#kept.length < FEWEST ? undefined : this.#summary().mean
  }

  /** The q-quantile of this node's own samples. */
  quantile(q: number): number | undefined {
    const { values } = this.#summary()
    return values[Math.min(values.length - 1, Math.floor(q * values.length))]
  }

  /** The median of the means that this node and its latest partners came to, and where the honest average lies unless many lie. */
  estimate(): { value: number; low: number; high: number; confidence: number } | undefined {
    const own = this.mean()
    if (own === undefined) return undefined
    const means = [...this.#estimates.values(), own].sort((a, b) => a - b)
    const value = means[Math.floor(means.length / 2)] as number
    // Of so many samples that a median of so many means is worth; partners' samples overlap, and so count half.
    const half = (2.5 * this.#summary().deviation) / Math.sqrt((this.#kept.length * means.length) / 2)
    return { value, low: value - half, high: value + half, confidence: CONFIDENCE }
  }

  #message(): SamplesMessage {
    const own = this.#init.own()
    const samples = new Set<Sample>(own === undefined ? [] : [own])
    const most = Math.min(this.#options.message, this.#kept.length)
    for (let i = samples.size; i < most; i++) samples.add((this.#environment.random.pick(this.#kept) as Kept).sample)
    return { samples: [...samples], estimate: this.#told }
  }

  #take(from: PeerDescriptor, { samples, estimate }: SamplesMessage): void {
    if (samples.length > MAX_SAMPLES) {
      this.tally.add('too-many')
      return
    }
    for (const sample of samples) this.#consider(sample)
    if (estimate === undefined || !Number.isFinite(estimate)) return
    this.#estimates.delete(from.id)
    this.#estimates.set(from.id, this.#clamp(estimate))
    if (this.#estimates.size > PEERS) this.#estimates.delete(this.#estimates.keys().next().value as string)
  }

  #consider(sample: Sample): void {
    const known = this.#byId.get(sample.id)
    if (known !== undefined && known.sample.issued >= sample.issued) return
    const now = this.#environment.now()
    const fresh = sample.issued > now - this.#options.maxAge && sample.issued < now + CLOCK_WINDOW
    if (!fresh || !Number.isFinite(sample.value)) {
      this.tally.add('not-fresh')
      return
    }
    if (known !== undefined) {
      known.sample = sample
      this.#known = undefined
      return
    }
    const rank = rankOf(sample.id, this.#salt)
    const last = this.#kept.at(-1)
    const full = this.#kept.length >= this.#options.kept
    if (full && last !== undefined && rank >= last.rank) return
    if (full && last !== undefined) this.#byId.delete(last.sample.id)
    if (full) this.#kept.pop()
    const entry = { sample, rank }
    this.#kept.splice(placeOf(this.#kept, rank), 0, entry)
    this.#byId.set(sample.id, entry)
    this.#known = undefined
  }

  /** The outdated go. */
  #forget(): void {
    const since = this.#environment.now() - this.#options.maxAge
    for (let i = this.#kept.length - 1; i >= 0; i--) {
      const { sample } = this.#kept[i] as Kept
      if (sample.issued > since) continue
      this.#kept.splice(i, 1)
      this.#byId.delete(sample.id)
      this.#known = undefined
    }
  }

  #summary(): Known {
    if (this.#known === undefined) {
      const values = new Float64Array(this.#kept.length)
      for (let i = 0; i < values.length; i++) values[i] = this.#clamp((this.#kept[i] as Kept).sample.value)
      values.sort()
      const { deviation } = meanAndDeviation(values)
      this.#known = { values, mean: trimmedMean(values, this.#options.trim), deviation }
    }
    return this.#known
  }

  #clamp(value: number): number {
    const [low, high] = this.#init.range
    return Math.min(high, Math.max(low, value))
  }
}

/** The mean of what is left of sorted values without that share at each end. */
export function trimmedMean(sorted: Float64Array, share: number): number {
  const cut = Math.floor(sorted.length * share)
  return meanAndDeviation(sorted.subarray(cut, sorted.length - cut)).mean
}

/** How many of the kept come before this rank. */
function placeOf(kept: readonly Kept[], rank: number): number {
  let low = 0
  let high = kept.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((kept[middle] as Kept).rank < rank) low = middle + 1
    else high = middle
  }
  return low
}

/** Uniform over 32 bits, and unknown to whoever does not know the salt. */
function rankOf(id: string, salt: number): number {
  let h = salt
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
