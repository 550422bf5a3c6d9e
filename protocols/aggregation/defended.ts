import type { Value } from '../../core/attributes.ts'
import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Rounds } from '../../core/rounds.ts'
import type { Sign } from '../../core/signed.ts'
import { readAlone } from './alone.ts'
import { keyOf } from './components.ts'
import { ANYTHING } from './first-hand.ts'
import type { Aggregates, Reading } from './reading.ts'
import { MAX_TEXT, type Sample } from './sample.ts'
import { MAX_AVERAGES, SAMPLES_DEFAULTS, Samples, type SamplesExchange, type SamplesOptions } from './samples.ts'
import { type SamplesMessage, sampleOf, samplesCodec } from './samples-codec.ts'
import type { SizeEstimate } from './size/estimate.ts'
import { type Neighbours, ringAround } from './size/ring.ts'
import { numberIn } from './standing.ts'
import { type Ranked, Top } from './top.ts'
import { Union } from './union.ts'

export interface DefendedOptions extends SamplesOptions {
  /** ms between two rounds. @default 2000 */
  readonly period: number
  /** ms for which what a node signed stands for it: every new sample is passed on to, and verified by, all that keep it. @default 60000 */
  readonly renew: number
  /** What an attribute can be at least and at most: all values are clamped to it. @default anything finite, and liars beyond `trim` move averages as far as they like */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>
}

export interface DefendedInit {
  /** Live peers that cost no new connection. */
  partners(): readonly PeerDescriptor[]
  /** Whether this node is the whole network, as far as it can tell. @default when it has no partners */
  alone?(): boolean
  /** On the ring, nearest first, connected to. @default none, and keys that no node has are counted as nodes */
  neighbours?(): Neighbours
  attributes(): Readonly<Record<string, Value>>
  /** Attributes that are averaged, at most 16. */
  readonly names: readonly string[]
  /** Attributes of which the MAX_TOP largest and smallest are kept, with whose they are; at most MAX_LISTS. */
  readonly tops: readonly string[]
  /** Attributes whose different texts are kept; at most MAX_LISTS. */
  readonly unions: readonly string[]
  readonly sign?: Sign | undefined
  readonly budget: TokenBucket
  readonly options?: Partial<DefendedOptions>
}

/** Entries of a top list at either end. */
export const MAX_TOP = 10
/** LIMITS: attributes with top lists, and attributes with unions. */
export const MAX_LISTS = 4
const DEFAULTS: DefendedOptions = { ...SAMPLES_DEFAULTS, period: 2000, renew: 60_000, ranges: {} }

/** What the lists of signed samples have come to. By attribute. */
export interface Lists {
  /** Largest first, at most MAX_TOP. */
  readonly largest: Readonly<Record<string, readonly Ranked[]>>
  /** Smallest first, at most MAX_TOP. */
  readonly smallest: Readonly<Record<string, readonly Ranked[]>>
  readonly unions: Readonly<Record<string, { readonly members: readonly string[]; readonly more: boolean }>>
  /** ms since the oldest of what is told was signed: no value here is older. */
  readonly ageMs: number
}

/**
 * Gossip aggregation that stands up to liars, as a node runs it all the time: averages, sums, counts, extremes, top lists and unions from
 * signed samples. It costs more than `Aggregation`, is less exact, and no liar has more than one voice in it for each place it has among a
 * node's partners, however many keys it makes up: see `Samples`.
 *
 * What it states of averages, sums, counts and the size holds while at most `trim` of the nodes that are partners of others lie; made-up keys
 * widen what is stated of sizes, counts and sums upwards, of averages by about a tenth of the range, and that is all they do there. Extremes, top lists and unions are of whoever claims
 * most, within the range, whether it is a node or not.
 */
export class DefendedAggregation implements Protocol<SamplesMessage> {
  readonly #environment: Environment<SamplesMessage>
  readonly #init: DefendedInit
  readonly #options: DefendedOptions
  readonly #samples: Samples
  readonly #rounds: Rounds<SamplesExchange, SamplesExchange>
  readonly #largest: ReadonlyMap<string, Top>
  readonly #smallest: ReadonlyMap<string, Top>
  readonly #unions: ReadonlyMap<string, Union>
  #own: Sample | undefined

  /** @throws RangeError, a sentence, when more is wanted than the limits allow */
  constructor(environment: Environment<SamplesMessage>, init: DefendedInit) {
    const { names, tops, unions } = init
    if (names.length > MAX_AVERAGES) {
      throw new RangeError(`at most ${MAX_AVERAGES} attributes are averaged by gossip, these are ${names.length}`)
    }
    for (const [what, list] of Object.entries({ 'top lists': tops, unions })) {
      if (list.length > MAX_LISTS) {
        throw new RangeError(`gossip keeps ${what} of at most ${MAX_LISTS} attributes, these are ${list.length}`)
      }
    }
    this.#environment = environment
    this.#init = init
    this.#options = { ...DEFAULTS, ...init.options }
    // Of what is averaged the extremes are told too.
    const size = (name: string) => (tops.includes(name) ? MAX_TOP : 1)
    const lists = (largest: boolean) =>
      new Map(
        [...new Set([...names, ...tops])].map((name) => [name, new Top(valueKey(name), size(name), largest)] as const),
      )
    this.#largest = lists(true)
    this.#smallest = lists(false)
    this.#unions = new Map(unions.map((name) => [name, new Union(textKey(name))]))
    this.#samples = new Samples(environment, {
      partner: () => environment.random.pick(init.partners()),
      own: () => this.#sampled(),
      ranges: new Map(names.map((name) => [valueKey(name), this.#rangeOf(name)])),
      ring: () => init.neighbours && ringAround(environment.self, init.neighbours()),
      lists: [...this.#largest.values(), ...this.#smallest.values(), ...this.#unions.values()],
      options: this.#options,
    })
    this.#rounds = new Rounds(environment, this.#samples, {
      period: this.#options.period,
      budget: init.budget,
      size: samplesCodec.size,
    })
  }

  start(): void {
    this.#rounds.start()
  }

  stop(): void {
    this.#rounds.stop()
  }

  receive(from: PeerDescriptor, message: SamplesMessage): void {
    this.#rounds.receive(from, message)
  }

  unreachable(id: string): void {
    this.#rounds.unreachable(id)
  }

  /** It died or left. */
  peerDown(id: string): void {
    this.#samples.remove(id)
  }

  /** Share of the nodes that may lie. */
  get liars(): number {
    return this.#options.trim
  }

  /** What is known now, at no cost. Fields are missing as long as nothing is known of them. */
  read(): Aggregates {
    const { names, partners, alone } = this.#init
    const epoch = this.#samples.since ?? 0
    if (alone?.() ?? partners().length === 0) {
      return readAlone({ attributes: this.#attributes(), names, quantiles: [], epoch })
    }
    const told = { ageMs: this.#age, epoch }
    const size = this.#samples.count()
    const averages: Record<string, Reading> = {}
    const sums: Record<string, Reading> = {}
    const counts: Record<string, Reading> = {}
    const deviations: Record<string, number> = {}
    const min: Record<string, number> = {}
    const max: Record<string, number> = {}
    for (const name of names) {
      const found = this.#samples.estimate(valueKey(name))
      if (found === undefined) continue
      const { deviation, share, shareHalf, ...average } = found
      averages[name] = { ...average, ...told }
      deviations[name] = deviation
      const smallest = this.#smallest.get(name)?.ranked[0]
      const largest = this.#largest.get(name)?.ranked[0]
      if (smallest !== undefined) min[name] = this.#inRange(name, smallest.value)
      if (largest !== undefined) max[name] = this.#inRange(name, largest.value)
      if (size === undefined) continue
      const count = having(size, share, shareHalf)
      counts[name] = { ...count, ...told }
      sums[name] = { ...product(average, count), ...told }
    }
    return {
      epoch,
      ...(size && { size: { ...size, ...told, by: 'samples' as const } }),
      averages,
      sums,
      counts,
      deviations,
      min,
      max,
      histograms: {},
    }
  }

  /** Top lists and unions as they are now. */
  lists(): Lists {
    if (this.#init.partners().length === 0) this.#samples.partner() // alone there are no rounds, and yet this node is on its lists
    const ranked = (tops: ReadonlyMap<string, Top>) =>
      Object.fromEntries(
        this.#init.tops.map((name) => [
          name,
          (tops.get(name)?.ranked ?? []).map(({ id, value }) => ({ id, value: this.#inRange(name, value) })),
        ]),
      )
    const unions = [...this.#unions].map(([name, { members, more }]) => [name, { members, more }])
    return {
      largest: ranked(this.#largest),
      smallest: ranked(this.#smallest),
      unions: Object.fromEntries(unions),
      ageMs: this.#age,
    }
  }

  status() {
    const counts = { ...this.#rounds.tally.toJSON(), ...this.#samples.tally.toJSON() }
    return { samples: this.#samples.size, counts }
  }

  get #age(): number {
    const { since } = this.#samples
    return since === undefined ? 0 : Math.max(0, this.#environment.now() - since)
  }

  /** What this node says of itself: signed anew when it has stood for long enough. */
  #sampled(): Sample | undefined {
    const now = this.#environment.now()
    if (this.#own !== undefined && now - this.#own.issued < this.#options.renew) return this.#own
    const attributes = this.#attributes()
    const values = new Map<number, number>()
    for (const name of this.#largest.keys()) {
      const value = numberIn(attributes, name)
      if (value !== undefined) values.set(valueKey(name), this.#inRange(name, value))
    }
    const texts = new Map<number, string>()
    for (const name of this.#unions.keys()) {
      const text = Object.hasOwn(attributes, name) ? attributes[name] : undefined
      if (typeof text === 'string' && text.length <= MAX_TEXT && text.isWellFormed()) texts.set(textKey(name), text)
    }
    this.#own = sampleOf(this.#environment.self.id, now, values, { texts, sign: this.#init.sign })
    return this.#own
  }

  #attributes(): Readonly<Record<string, Value>> {
    return this.#init.attributes()
  }

  #rangeOf(name: string): readonly [number, number] {
    const { ranges } = this.#options
    return (Object.hasOwn(ranges, name) ? ranges[name] : undefined) ?? ANYTHING
  }

  #inRange(name: string, value: number): number {
    const [low, high] = this.#rangeOf(name)
    return Math.min(high, Math.max(low, value))
  }
}

function valueKey(name: string): number {
  return keyOf(name, 'sample')
}

function textKey(name: string): number {
  return keyOf(name, 'text')
}

function product(a: SizeEstimate, b: SizeEstimate): SizeEstimate {
  const ends = [a.low, a.high].flatMap((end) => [end * b.low, end * b.high])
  return { value: a.value * b.value, low: Math.min(...ends), high: Math.max(...ends), confidence: a.confidence }
}

/** How many have an attribute, of which a share of the nodes is known that far. */
function having(size: SizeEstimate, share: number, half: number): SizeEstimate {
  const [low, high] = [Math.max(0, share - half), Math.min(1, share + half)]
  return product(size, { value: share, low, high, confidence: size.confidence })
}
