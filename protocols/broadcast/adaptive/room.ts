import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Surroundings } from '../../../core/environment.ts'
import type { Sign } from '../../../core/signed.ts'
import type { BroadcastOptions } from '../options.ts'
import type { Entry } from '../store.ts'
import type { BufferClaim } from './claims.ts'
import { type Admission, Controller } from './controller.ts'

export interface RoomInit {
  /** Of claims: those about another one say nothing here. */
  readonly group: string
  readonly sign: Sign | undefined
  readonly options: Pick<BroadcastOptions, 'rate' | 'burst' | 'period' | 'congested' | 'credulous'>
  /** Members that this node knows. */
  members(): readonly PeerDescriptor[]
}

/** Rounds: marks of the age at which short buffers discard (measured: room.test.ts). Repair needs most of the low one under loss. */
const LOW = 8
const HIGH = 10
/** Rounds: a buffer that discards what is older is not short, and claims nothing. */
const SHORT = 1.25 * HIGH
/** Rounds of a sample period. Claims count for two of them. */
const SAMPLE = 10
/** Rounds without a short buffer after which a rate that nobody tried to raise is as high again as it may be. */
const CALM = 120
/** Publications: a buffer for more than these is not short of room at any rate that a node can take. */
const AMPLE = 16_384
/** Shares by which a rate falls and rises in a round (chosen: room.test.ts). */
const DECREASE = 0.5
const INCREASE = 0.12

/**
 * Admission control of a lane, whose store is the buffer (seed 002 over any delivery that repairs from what members keep). A
 * store that discards for want of room what is still young loses it for those who lack it, its own node among them, which waits
 * with what came after a gap. Members whose store does so claim how much they have room for, and every publisher goes by the
 * k-th smallest: it slows down while a buffer of that size would drop what is younger than repair takes.
 *
 * Departure: only who is short of room claims anything, and fewer than k of them are not heeded; so a group with room enough
 * carries not one byte for this, and its publishers may send at their full rate at once.
 *
 * Invariants: (1) a node claims at most once a sample period; (2) `rate` is at most the quota, and the quota unless k members
 * claimed; (3) at most AMPLE times of arrival are kept, each for SHORT rounds.
 */
export class Room {
  readonly #environment: Surroundings
  readonly #init: RoomInit
  #controller: Controller
  /** Publications taken in so far. */
  #arrived = 0
  /** The how-manieth each was. */
  readonly #places = new WeakMap<Entry, number>()
  /** When the last publications came, oldest first. */
  #times: number[] = []
  /** Publications that this node has room for; undefined while that is enough. */
  #own: number | undefined
  /** Of this sample period: what was discarded too young, and how many publications had come after it, in all. */
  #discards = 0
  #after = 0
  #sampled: number
  /** When k members were last short of room. */
  #shortAt = Number.NEGATIVE_INFINITY

  constructor(environment: Surroundings, init: RoomInit) {
    this.#environment = environment
    this.#init = init
    this.#controller = this.#fresh()
    this.#sampled = environment.now()
  }

  /** Publications a second that this node may send. */
  get rate(): number {
    return this.#controller.rate
  }

  /** The rate, what it goes by, and how often that changed it. */
  get status(): Record<string, unknown> {
    return this.#controller.status()
  }

  /** Claims that were left aside, by their reasons. */
  get refused(): Readonly<Record<string, number>> {
    return this.#controller.refused
  }

  /** Whether a message of so many parts may be published now. */
  admit(now: number, parts: number): Admission {
    const { rate } = this.#controller
    return this.#unlimited ? { admitted: true, rate } : this.#controller.admit(now, parts)
  }

  /** ms until `admit` says yes, at this rate. Nothing is taken. */
  wait(now: number, parts: number): number {
    return this.#unlimited ? 0 : this.#controller.wait(now, parts)
  }

  /** To be told to others: none while no buffer is short; else at most 4, of about 150 bytes each. */
  claims(): readonly BufferClaim[] {
    return this.#init.options.congested === 0 ? [] : this.#controller.claims()
  }

  heard(claims: readonly BufferClaim[], from: string): void {
    if (this.#init.options.congested > 0) this.#controller.heard(claims, from)
  }

  /** A publication is about to be stored. */
  took(entry: Entry): void {
    this.#places.set(entry, ++this.#arrived)
    this.#controller.received(entry.publication.publisher)
    const now = this.#environment.now()
    const dropped = this.#times[this.#times.length - this.#buffer()]
    if (dropped !== undefined) this.#controller.dropped((now - dropped) / this.#period)
    this.#times.push(now)
    if (this.#times.length > AMPLE) this.#forget()
  }

  /** The store had no room for it. Where it keeps some for longer than others, what a buffer that keeps all would have to hold counts. */
  discarded(entry: Entry): void {
    if ((this.#environment.now() - entry.received) / this.#period > SHORT) return
    this.#discards++
    this.#after += this.#arrived - (this.#places.get(entry) ?? this.#arrived)
    this.#own ??= this.#after
  }

  /** Once a round. */
  turn(): void {
    const now = this.#environment.now()
    if (now - this.#sampled >= SAMPLE * this.#period) {
      this.#own = this.#discards === 0 ? undefined : Math.round(this.#after / this.#discards)
      this.#discards = this.#after = 0
      this.#sampled = now
    }
    this.#forget()
    if (this.#buffer() < Number.POSITIVE_INFINITY) this.#shortAt = now
    this.#controller.turn()
    const calm = now - this.#shortAt > CALM * this.#period
    if (calm && this.rate < this.#init.options.rate) this.#controller = this.#fresh()
  }

  /** The quota has a bucket of its own. */
  get #unlimited(): boolean {
    return this.#controller.rate >= this.#init.options.rate
  }

  get #period(): number {
    return this.#init.options.period
  }

  /** Publications: the buffer that this node goes by. */
  #buffer(): number {
    return this.#init.options.congested === 0 ? Number.POSITIVE_INFINITY : this.#controller.buffer()
  }

  /** What came so long ago that dropping it would mean nothing. */
  #forget(): void {
    const since = this.#environment.now() - SHORT * this.#period
    const old = this.#times.findIndex((time) => time >= since)
    const first = Math.max(old < 0 ? this.#times.length : old, this.#times.length - AMPLE / 2)
    if (first > 0) this.#times = this.#times.slice(first)
  }

  #fresh(): Controller {
    const { group, sign, options } = this.#init
    const { rate, burst, period, congested, credulous } = options
    return new Controller(
      this.#environment,
      {
        group,
        sign,
        buffer: () => this.#own,
        others: Number.POSITIVE_INFINITY,
        members: () => this.#init.members(),
      },
      {
        low: LOW,
        high: HIGH,
        decrease: DECREASE,
        increase: INCREASE,
        start: rate,
        most: rate,
        burst,
        prompt: true,
        rank: Math.max(1, congested),
        credulous,
        samplePeriod: SAMPLE * period,
      },
    )
  }
}
