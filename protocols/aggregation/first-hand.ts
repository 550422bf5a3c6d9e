import { keyOf } from './components.ts'
import type { Sample } from './sample.ts'
import { CONFIDENCE, type SizeEstimate } from './size/estimate.ts'
import type { Stretch } from './size/ring.ts'
import { clamped, type Summary, spanAmong, summarize, trimmedMean } from './summary.ts'

/** Peers whose estimates are remembered. */
const PEERS = 31
/** Among what partners tell: how far apart nodes sit around them, as a share of the ring. No attribute can be named so. */
export const SPACING = keyOf('ring:spacing', 'sample')
/** Added to an attribute's key, which has 31 bits: what the samples of all come to, beside those at first hand. */
const WHOLE = 2 ** 31
const SPACINGS: readonly [number, number] = [2 ** -53, 1]
/** Share of the spacings that is left out at each end: some partners told theirs before they had found their place. */
const MISPLACED = 0.25
/** Larger values could not be added up. */
const LARGEST = 1e150
export const ANYTHING: readonly [number, number] = [-LARGEST, LARGEST]
/** Deviations to either side that are stated: of a median, of which one does not know how far the means under it overlap. */
const SPREAD = 2.5
/** Two-sided, for CONFIDENCE. */
const Z = 1.96

export interface FirstHandInit {
  /** Values kept at most. */
  readonly kept: number
  /** Share of the nodes that may lie. */
  readonly trim: number
  /** Of what averages are wanted, and what each value can be at least and at most. */
  readonly ranges: ReadonlyMap<number, readonly [number, number]>
}

/** What first-hand values say of the average of all. */
export interface Anchor {
  readonly value: number
  /** How far chance may have taken it from the average of all who answer for themselves. */
  readonly half: number
  /** The least and the most that anybody said, and the share of the nodes that may have less or more and said nothing here. */
  readonly least: number
  readonly most: number
  readonly unlike: number
  /** Where the honest lie below and above it if a share of `trim` lie. */
  readonly below: number
  readonly above: number
  readonly deviation: number
  /** Share of the nodes that have the attribute, and how far off that may be. */
  readonly share: number
  readonly shareHalf: number
}

/**
 * What nobody can make up, however many keys it makes: the values of nodes that this one chose as partners and that answered for themselves,
 * and what these partners came to in the same way. A liar is one of the partners, and once in the median, as often as it is a contact.
 *
 * Invariants: (1) at most `kept` values, the latest of each node, none from before `forget`; (2) at most PEERS peers' estimates, clamped.
 */
export class FirstHand {
  readonly #init: FirstHandInit
  /** By id, who answered longest ago first. */
  readonly #samples = new Map<string, Sample>()
  /** What partners came to, latest last. */
  readonly #estimates = new Map<string, ReadonlyMap<number, number>>()
  /** By key; made when it is asked for, gone when the samples change. */
  readonly #summaries = new Map<number, Summary>()

  constructor(init: FirstHandInit) {
    this.#init = init
  }

  get size(): number {
    return this.#samples.size
  }

  /** Its owner said so when it was asked. */
  heard(sample: Sample): void {
    const known = this.#samples.get(sample.id)
    const latest = known !== undefined && known.issued >= sample.issued ? known : sample
    this.#samples.delete(sample.id)
    this.#samples.set(sample.id, latest)
    if (this.#samples.size > this.#init.kept) this.#samples.delete(this.#samples.keys().next().value as string)
    if (latest !== known || this.#samples.size === this.#init.kept) this.#summaries.clear()
  }

  /** What a partner says it came to. */
  told(id: string, estimates: ReadonlyMap<number, number>): void {
    const told = new Map<number, number>()
    for (const [key, estimate] of estimates) {
      const range = key === SPACING ? SPACINGS : this.#init.ranges.get(key % WHOLE)
      if (range !== undefined && Number.isFinite(estimate)) told.set(key, clamped(estimate, range))
    }
    if (told.size === 0) return
    this.#estimates.delete(id)
    this.#estimates.set(id, told)
    if (this.#estimates.size > PEERS) this.#estimates.delete(this.#estimates.keys().next().value as string)
  }

  /** It died or left. */
  remove(id: string): void {
    this.#estimates.delete(id)
    if (this.#samples.delete(id)) this.#summaries.clear()
  }

  /** What was issued up to then goes. */
  forget(upTo: number): void {
    for (const [id, { issued }] of this.#samples) {
      if (issued > upTo) continue
      this.#samples.delete(id)
      this.#summaries.clear()
    }
  }

  /** Of this node's own values; undefined when none of them has the attribute. */
  mean(key: number): number | undefined {
    const { values, mean } = this.#summary(key)
    return values.length > 0 ? mean : undefined
  }

  /** Median of what the samples of all come to here and at partners. Who makes up keys decides all of them. */
  whole(key: number, own: number): number {
    return middleOf(this.#voices(wholeOf(key), own))
  }

  /** @param unheard share of the nodes that are not among the first-hand ones; undefined when none of these has the attribute */
  anchor(key: number, unheard: number): Anchor | undefined {
    const { values, mean, deviation } = this.#summary(key)
    const count = values.length
    if (count === 0) return undefined
    const means = this.#voices(key, mean)
    // Of so many values as a median of so many means is worth; partners' values overlap, and so count half. Who knows all has no such error.
    const half = (spreadOf(count) * deviation * Math.sqrt(unheard)) / Math.sqrt((count * Math.max(2, means.length)) / 2)
    const share = count / this.size
    // These are some of the nodes, and by chance more of them may be liars than of all.
    const { trim } = this.#init
    const liars = Math.ceil(count * trim + Z * Math.sqrt(count * trim * (1 - trim) * unheard))
    const [low, high] = spanAmong(values, count < 2 ? 0 : liars)
    return {
      value: middleOf(means),
      half: unheard === 0 ? 0 : count < 2 ? Number.POSITIVE_INFINITY : half,
      least: values[0] as number,
      most: values[count - 1] as number,
      unlike: unlikeOf(count, unheard),
      below: mean - low,
      above: high - mean,
      deviation,
      share,
      shareHalf: 2 * Math.sqrt((unheard * (share * (1 - share) + 1 / this.size)) / this.size),
    }
  }

  /**
   * From the spacing of nodes on the ring around this node and around its partners: mean of the middle half, so that who tells a wrong one is one
   * of many, however many nodes it makes up.
   */
  network({ length, spacings }: Stretch): SizeEstimate {
    // All the way round: everybody is seen.
    if (length === 1) return { value: spacings, low: spacings, high: spacings, confidence: CONFIDENCE }
    const voices = Float64Array.from(this.#voices(SPACING, length / spacings))
    const spacing = trimmedMean(voices, MISPLACED)
    // Partners are neighbours, too, and see what this one sees: they count half.
    const seen = spacings * Math.max(1, voices.length / 2)
    // What chance does to that many spacings, and liars to the mean of what single nodes see.
    const half = Math.min(0.9, Z / Math.sqrt(seen) + (SPREAD * this.#init.trim) / Math.sqrt(spacings))
    const value = (1 - 1 / seen) / spacing
    return { value, low: value / (1 + half), high: value / (1 - half), confidence: CONFIDENCE }
  }

  #voices(key: number, own: number): readonly number[] {
    const told = [...this.#estimates.values()].flatMap((estimates) => estimates.get(key) ?? [])
    return [...told, own].sort((a, b) => a - b)
  }

  #summary(key: number): Summary {
    const known = this.#summaries.get(key)
    if (known !== undefined) return known
    const range = this.#init.ranges.get(key) ?? ANYTHING
    const summary = summarize(this.#samples.values(), key, range, this.#init.trim)
    this.#summaries.set(key, summary)
    return summary
  }
}

/** What stands beside `key` among what is told: see WHOLE. */
export function wholeOf(key: number): number {
  return key + WHOLE
}

/** SPREAD, and more of a deviation that is itself of few values (about Student's quantiles). */
function spreadOf(count: number): number {
  return SPREAD * (1 + 5 / Math.max(1, count - 1) ** 1.5)
}

/**
 * Share of the nodes that may be unlike all of `count` that were heard, with 95 % (the rule of three): x are missed by chance with a probability of
 * unheard ** x.
 */
function unlikeOf(count: number, unheard: number): number {
  if (unheard <= 0) return 0
  const perValue = unheard < 1 ? (1 - unheard) / -Math.log(unheard) : 1
  return Math.min(1, (3 * perValue) / count)
}

function middleOf(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] as number
}
