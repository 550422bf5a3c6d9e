import type { Value } from '../../core/attributes.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import { ARC, isLeader, keyOf, keysOf, leaderKey } from './components.ts'
import { type EpochOptions, Epochs, type Heard } from './epochs.ts'
import { draws, type Minima, mergeMinima, pointwiseMinimum } from './extrema.ts'
import { bucketOf } from './histogram.ts'
import { arcOf, type Neighbours } from './size/ring.ts'
import { type TransferAnswer, type TransferOffer, type TransferOptions, Transfers } from './transfers.ts'

interface Extremes {
  readonly draws: readonly number[]
  readonly minima: Minima
}

export interface StandingOffer extends Extremes {
  readonly epoch: number
  readonly transfer: TransferOffer
}

export interface StandingAnswer extends Extremes {
  readonly epoch: number
  readonly transfer: TransferAnswer
}

export interface StandingOptions extends EpochOptions, TransferOptions {
  /** Draws for the size by extrema: relative deviation 1/sqrt(draws - 2). @default 64 (13 %, 256 bytes a message) */
  readonly draws: number
  /** Instances of COUNT an epoch, expected. @default 8 (chosen) */
  readonly leaders: number
  /** Attributes of which quantiles are wanted: each value's bucket is averaged, too. @default none */
  readonly quantiles: readonly string[]
  /** What an attribute can be at least and at most; own values are clamped to it, others' estimates to twice as much around it. @default anything finite */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>
}

export const STANDING_DEFAULTS: Omit<StandingOptions, keyof EpochOptions | keyof TransferOptions> = {
  draws: 64,
  leaders: 8,
  quantiles: [],
  ranges: {},
}

export interface StandingInit {
  /** Live peers that cost no new connection. */
  partners(): readonly PeerDescriptor[]
  attributes(): Readonly<Record<string, Value>>
  /** Attributes that are averaged: at most MAX_NAMES; the same on all nodes, or those that lack one carry it along. */
  readonly names: readonly string[]
  /** On the ring. @default none, and no size by ring */
  neighbours?(): Neighbours
  /** How many nodes there are, roughly: decides how likely this one leads an instance of COUNT. While it is unknown, it leads none. */
  size(): number | undefined
  /** The epoch ended, all its state is about to go. */
  ended(): void
  readonly options?: Partial<StandingOptions>
}

/** LIMITS: three components an attribute, next to leaders and buckets. */
export const MAX_NAMES = 16
/** Larger values could not be squared and added up. */
const LARGEST = 1e150
/** How many of its latest states a node remembers: what it says is their mean, how sure it is their spread. */
const HISTORY = 8
/** Of an instance of COUNT: the leader has 1, the others 0. */
const COUNTED: readonly [number, number] = [0, 1]
/** Of how many of its latest transfers a node remembers how they ended. */
const OUTCOMES = 64

/**
 * The aggregates that a node keeps up: one exchange carries them all. Averages go by exactly-once transfers, minima and draws by joins,
 * everything restarts with the epoch, and what changes at this node meanwhile is put in at once: the difference of an own value is added to
 * the own estimate, so that the estimates keep adding up to the values.
 *
 * Invariants: (1) nothing of one epoch is ever mixed into another; (2) for each component, what this node has put in since the epoch began
 * is its own value of now, as of its last round (but for
 * its arc of the ring, which only an epoch renews); (3) a node that takes no part says so, which closes the other's transfer.
 */
export class Standing implements Exchange<StandingOffer, StandingAnswer> {
  readonly epochs: Epochs
  readonly #environment: Surroundings
  readonly #init: StandingInit
  readonly #options: Partial<StandingOptions> & typeof STANDING_DEFAULTS
  readonly #ranges = new Map<number, readonly [number, number]>()
  /** Below which a minimum cannot lie. */
  readonly #bounds = new Map<number, number>()
  #transfers: Transfers
  #draws: readonly number[] = []
  #minima: Minima = new Map()
  /** What this node has put in, by component. */
  #own = new Map<number, number>()
  /** The latest states, newest last: values in the order of `keys`. */
  #history: (readonly number[])[] = []
  #epoch = 0
  #rounds = 0
  #exchangedAt = 0
  /** Of this node's last transfers, which failed for somebody's coming or going; newest last. At most OUTCOMES. */
  #outcomes: boolean[] = []

  /** @throws RangeError when more than MAX_NAMES attributes are to be averaged */
  constructor(environment: Surroundings, init: StandingInit) {
    if (init.names.length > MAX_NAMES) {
      throw new RangeError(`at most ${MAX_NAMES} attributes are averaged by gossip, these are ${init.names.length}`)
    }
    this.#environment = environment
    this.#init = init
    this.#options = { ...STANDING_DEFAULTS, ...init.options }
    this.epochs = new Epochs(environment.now(), init.options)
    this.#transfers = this.#fresh()
    for (const name of init.names) {
      const range = this.#options.ranges[name]
      const { sum, weight, squares, low, high } = keysOf(name)
      this.#ranges.set(weight, [0, 1])
      if (range === undefined) continue
      this.#ranges.set(sum, range)
      this.#bounds.set(low, range[0])
      this.#bounds.set(high, -range[1])
      this.#ranges.set(squares, [0, Math.max(...range.map((end) => end * end))])
    }
    this.#ranges.set(ARC, [0, 1])
  }

  get keys(): readonly number[] {
    return this.#transfers.keys
  }

  get history(): readonly (readonly number[])[] {
    return this.#history
  }

  /** Minima of all nodes' draws, as far as heard of. */
  get draws(): readonly number[] {
    return this.#draws
  }

  get minima(): Minima {
    return this.#minima
  }

  /** The epoch that all of this belongs to; 0 while this node waits for its first. */
  get epoch(): number {
    return this.#epoch
  }

  /** Rounds since the epoch began here. */
  get rounds(): number {
    return this.#rounds
  }

  /** When this node last exchanged anything, ms. */
  get exchangedAt(): number {
    return this.#exchangedAt
  }

  get transfers(): Transfers {
    return this.#transfers
  }

  /** Share of the partners that had come since the epoch began, or had gone: how much the network is another one than it was. */
  get turnover(): number {
    return this.#outcomes.length === 0 ? 0 : this.#outcomes.filter(Boolean).length / this.#outcomes.length
  }

  /** A peer is gone for good. */
  peerDown(id: string): void {
    this.#transfers.giveUp(id)
    this.epochs.changed()
  }

  partner(): PeerDescriptor | undefined {
    this.#rounds++
    if (this.epochs.turn(this.#environment.now())) this.#begin()
    else if (this.epochs.current > 0) this.#refresh()
    // A transfer that is open is finished first, and a node that waits asks around when it may take part.
    return this.#transfers.partner()
  }

  offer(partner: PeerDescriptor): StandingOffer {
    const epoch = this.epochs.current
    if (epoch === 0) return { epoch, transfer: { id: 0, keys: [], values: [] }, draws: [], minima: new Map() }
    return { epoch, transfer: this.#transfers.offer(partner), draws: this.#draws, minima: this.#minima }
  }

  answer(from: PeerDescriptor, offer: StandingOffer): StandingAnswer | undefined {
    if (!this.#together(offer.epoch)) {
      const transfer = { id: offer.transfer.id, deltas: [] }
      return { epoch: this.epochs.current, transfer, draws: [], minima: new Map() }
    }
    const transfer = this.#transfers.answer(from, offer.transfer)
    if (transfer === undefined) return undefined
    this.#join(offer)
    return { epoch: offer.epoch, transfer, draws: this.#draws, minima: this.#minima }
  }

  absorb(from: PeerDescriptor, answer: StandingAnswer): void {
    const together = this.#together(answer.epoch)
    if (this.epochs.current > 0) this.#ended(!together)
    if (!together) {
      this.#transfers.decline(answer.transfer.id)
      return
    }
    this.#transfers.absorb(from, answer.transfer)
    this.#join(answer)
  }

  /** The offer is repeated, see Transfers. */
  missed(partner: PeerDescriptor, reason: MissedReason): void {
    this.#transfers.missed(partner, reason)
  }

  #ended(turnover: boolean): void {
    this.#outcomes.push(turnover)
    if (this.#outcomes.length > OUTCOMES) this.#outcomes.shift()
  }

  /** Whether the sender is in the same epoch as this node, if need be because this node follows it there. */
  #together(epoch: number): boolean {
    const heard: Heard = this.epochs.hear(epoch, this.#environment.now())
    if (heard === 'newer') this.#begin()
    return heard === 'newer' || heard === 'current'
  }

  #join({ draws: theirs, minima }: Extremes): void {
    this.#draws = pointwiseMinimum(this.#draws, theirs)
    this.#minima = mergeMinima(this.#minima, this.#clamped(minima))
    this.#exchangedAt = this.#environment.now()
    this.#history.push(this.#transfers.values.slice())
    if (this.#history.length > HISTORY) this.#history.shift()
  }

  #begin(): void {
    const size = this.#init.size() ?? Number.POSITIVE_INFINITY
    this.#init.ended()
    this.#epoch = this.epochs.current
    const { random } = this.#environment
    this.#transfers = this.#fresh()
    this.#draws = draws(random, this.#options.draws)
    this.#minima = new Map()
    this.#own = new Map()
    this.#history = []
    this.#rounds = 0
    this.#refresh()
    if (random.chance(Math.min(1, this.#options.leaders / size))) {
      this.#transfers.add(leaderKey(random), 1)
    }
  }

  #fresh(): Transfers {
    const { options } = this.#init
    return new Transfers(this.#environment, {
      partner: () => this.#environment.random.pick(this.#init.partners()),
      clamp: (key, value) => this.#clamp(key, value),
      doubt: () => {
        this.epochs.changed()
        this.#ended(true)
      },
      ...(options && { options }),
    })
  }

  /** Puts in what changed at this node. */
  #refresh(): void {
    const attributes = this.#init.attributes()
    for (const name of this.#init.names) this.#refreshAttribute(name, numberIn(attributes, name))
    const neighbours = this.#init.neighbours?.()
    const arc = neighbours && arcOf(this.#environment.self, neighbours)
    if (arc === undefined) return
    // Arcs stay as they were when the epoch began, when they added up to the ring: the shorter arc of one whose new successor does not
    // take part yet would be missing a piece.
    if (!this.#own.has(ARC)) this.#put(ARC, arc)
    else if (this.#own.get(ARC) !== arc) this.epochs.changed()
  }

  #refreshAttribute(name: string, found: number | undefined): void {
    const { sum, weight, squares, low, high } = keysOf(name)
    const value = found === undefined ? undefined : this.#inRange(name, found)
    const before = this.#own.get(weight) === 1 ? this.#own.get(sum) : undefined
    if (value === before && this.#own.has(weight)) return
    this.#put(sum, value ?? 0)
    this.#put(squares, value === undefined ? 0 : value * value)
    this.#put(weight, value === undefined ? 0 : 1)
    if (this.#options.quantiles.includes(name)) {
      if (before !== undefined) this.#put(bucketKey(name, bucketOf(before)), 0)
      if (value !== undefined) this.#put(bucketKey(name, bucketOf(value)), 1)
    }
    // The extreme of all was this node's own and is so no longer: what joins took in, only an epoch takes out.
    const wasLow = before !== undefined && before === this.#minima.get(low) && (value ?? Infinity) > before
    const wasHigh = before !== undefined && -before === this.#minima.get(high) && (value ?? -Infinity) < before
    if (wasLow || wasHigh) this.epochs.changed()
    if (value !== undefined)
      this.#minima = mergeMinima(
        this.#minima,
        new Map([
          [low, value],
          [high, -value],
        ]),
      )
  }

  #put(key: number, value: number): void {
    const before = this.#own.get(key) ?? 0
    if ((value !== before || !this.#own.has(key)) && this.#transfers.add(key, value - before)) this.#own.set(key, value)
  }

  /** A liar's minimum is as low as the stated range allows, and no lower. */
  #clamped(minima: Minima): Minima {
    if (this.#bounds.size === 0) return minima
    return new Map([...minima].map(([key, value]) => [key, Math.max(value, this.#bounds.get(key) ?? value)]))
  }

  #inRange(name: string, value: number): number {
    const [low, high] = this.#options.ranges[name] ?? [-LARGEST, LARGEST]
    return Math.min(high, Math.max(low, value))
  }

  /**
   * An honest estimate lies in the range of the values, give or take what own values changed by and what others asked for while an answer was
   * under way: twice the range around it holds nearly all of them, and no liar gets further.
   */
  #clamp(key: number, value: number): number {
    const range = isLeader(key) ? COUNTED : this.#ranges.get(key)
    if (range === undefined) return value
    const width = range[1] - range[0]
    return Math.min(range[1] + width, Math.max(range[0] - width, value))
  }
}

export function bucketKey(name: string, bucket: number): number {
  return keyOf(name, `bucket ${bucket}`)
}

/** A number that can be averaged; undefined for anything else. */
export function numberIn(attributes: Readonly<Record<string, Value>>, name: string): number | undefined {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
