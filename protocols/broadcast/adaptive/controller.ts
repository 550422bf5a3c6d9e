import type { Surroundings } from '../../../core/environment.ts'
import { Tally } from '../../../core/tally.ts'
import type { BufferClaim } from './claims.ts'
import { Senders } from './senders.ts'
import { SMALLEST_DEFAULTS, SmallestBuffers, type SmallestInit, type SmallestOptions } from './smallest.ts'

/**
 * All that a delivery has to do for admission control, and all that it sees of it: carry claims about buffers in its messages,
 * and say how old the events are that a buffer of `buffer()` events would drop.
 */
export interface Congestion {
  /** For the header of every message: bounded, and signed each by its owner. */
  claims(): readonly BufferClaim[]
  /** What came in the header of a message of this peer. */
  heard(claims: readonly BufferClaim[], from: string): void
  /** Events: the buffer that senders go by. */
  buffer(): number
  /** A publication came for the first time, or was made here. */
  received(publisher: string): void
  /** A buffer of `buffer()` events would drop an event of this age, in rounds, now. Told once an event. */
  dropped(age: number): void
  /** A gossip round begins. */
  turn(): void
}

/** Whether a publication may go now, and at what rate this node may send, in messages a second. */
export type Admission =
  | { readonly admitted: true; readonly rate: number }
  /** Not before this time, ms: ask again then. The reason is a clause without its end. @default that buffers are short */
  | { readonly admitted: false; readonly until: number; readonly rate: number; readonly reason?: string }

export interface ControllerOptions extends SmallestOptions {
  /** Low mark, rounds: events dropped younger than this on average mean congestion. @default 6.1 (measured: what epidemic's own default drops at 15 messages a second and B = 60 is 6.7 old; the seed's critical age for Fig. 1 is 5.3) */
  readonly low: number
  /** High mark, rounds: there is room above it. @default 6.4 (measured) */
  readonly high: number
  /** Weight of the past in the moving average of dropped ages, a drop: alpha. @default 0.98 (measured) */
  readonly memory: number
  /** Share by which the rate falls in a round: r_L. @default 0.1 (paper) */
  readonly decrease: number
  /** Share by which it rises: r_H. @default 0.15 (measured) */
  readonly increase: number
  /** Chance that a sender that may raise its rate does so this round: gamma. @default 0.5 (measured) */
  readonly chance: number
  /**
   * Rounds: departure: within so many rounds of a mark the rate falls and rises by less, in proportion. A rate shows in the age of
   * what is dropped some rounds later, so full steps overshoot. 0 for full steps always, as published. @default 1 (measured)
   */
  readonly grade: number
  /** Tokens the bucket holds. @default 5 (chosen) */
  readonly burst: number
  /** Messages a second to begin with. @default 1 (chosen) */
  readonly start: number
  /** Messages a second: no congestion takes more from a sender. @default 0.02 (chosen) */
  readonly least: number
  /** Messages a second: LIMITS' quota of a publisher. @default 20 */
  readonly most: number
  /**
   * The published rule: an unused rate decays, whatever room there is. Departure: it stays, and grows no further.
   * @default false
   */
  readonly decay: boolean
  /** With `decay`: shares of the bucket above which the rate counts as unused, and below which as used. @default 0.6, 0.5 (chosen) */
  readonly unused: number
  readonly used: number
  /**
   * Departure: raise every sender's rate by the same amount, a share of what senders have on average, instead of a share of its
   * own rate. Falling by a share and rising by an amount makes rates equal (Chiu and Jain 1989), falling and rising by a share
   * keeps them as unequal as they were. @default true
   */
  readonly fair: boolean
  /**
   * Departure, for who starts at `most`: a rate falls from what is really sent, its own or that of the average sender, and the bucket
   * holds less in proportion to the rate: else a burst of tokens that nobody needed is spent in congestion. And it falls no further than
   * to where the age of what is dropped, which is as the inverse of the rate, would be at the low mark: that age takes a while to show it. @default false
   */
  readonly prompt: boolean
}

const DEFAULTS: ControllerOptions = {
  ...SMALLEST_DEFAULTS,
  low: 6.1,
  high: 6.4,
  memory: 0.98,
  decrease: 0.1,
  increase: 0.15,
  chance: 0.5,
  grade: 1,
  burst: 5,
  start: 1,
  least: 0.02,
  most: 20,
  decay: false,
  unused: 0.6,
  used: 0.5,
  fair: true,
  prompt: false,
}

/** Figures 3 and 5 as published over Fig. 1, in the words of these options; the numbers are those of PAPERS section 5. */
export const PUBLISHED: Partial<ControllerOptions> = {
  low: 5,
  high: 5.6,
  memory: 0.9,
  rank: 1,
  floor: 1,
  credulous: true,
  decrease: 0.1,
  increase: 0.1,
  chance: 0.25,
  grade: 0,
  decay: true,
  fair: false,
}

/** Rounds over which senders are counted. */
const WINDOW = 12
/** Weight of the past in the moving average of tokens, a round. */
const TOKENS_MEMORY = 0.8

/**
 * Admission control (seed 002, Figs 3 and 5): a node sends at a rate that rises while what a small buffer has to drop is old,
 * and so has reached almost everybody, and falls when it is young. It knows nothing of the delivery beneath: see `Congestion`.
 *
 * Invariants: (1) in any t ms at most `burst + most * t / 1000` publications are admitted, those of the last message in parts aside; (2) `least <= rate <= most`;
 * (3) a rate rises only after a publication had to wait for it.
 */
export class Controller implements Congestion {
  readonly #tally = new Tally()
  readonly #environment: Surroundings
  readonly #options: ControllerOptions
  readonly #buffers: SmallestBuffers
  readonly #senders: Senders
  #rate: number
  #tokens: number
  #refilled: number
  /** avgAge; undefined until something was dropped. */
  #age: number | undefined
  /** Drops since the average began. */
  #averaged = 0
  /** Drops since the last round. */
  #drops = 0
  /** What `buffer` said last. */
  #smallest = 0
  #averageTokens: number
  /** A publication was put off since the last round. */
  #wanted = false

  /** @throws RangeError as SmallestBuffers */
  constructor(environment: Surroundings, init: SmallestInit, options: Partial<ControllerOptions> = {}) {
    this.#environment = environment
    this.#options = { ...DEFAULTS, ...options }
    this.#buffers = new SmallestBuffers(environment, init, this.#options)
    const now = environment.now()
    this.#senders = new Senders(WINDOW, now)
    this.#rate = this.#options.start
    this.#tokens = this.#options.burst
    this.#averageTokens = this.#options.burst
    this.#refilled = now
  }

  /** Messages a second this node may send. */
  get rate(): number {
    return this.#rate
  }

  /** Average age of what the buffer that senders go by drops, rounds; undefined while nothing was. */
  get age(): number | undefined {
    return this.#age
  }

  /**
   * Fig. 3.
   * @param count publications that go together; more than the bucket holds go when it is full, and are made up for afterwards. @default 1
   */
  admit(now: number, count = 1): Admission {
    const wait = this.wait(now, count)
    const rate = this.#rate
    if (wait === 0) {
      this.#tokens = Math.max(Math.min(count, this.#capacity) - count, this.#tokens - count)
      return { admitted: true, rate }
    }
    this.#wanted = true
    this.#tally.add('delayed')
    return { admitted: false, until: Math.ceil(now + wait), rate }
  }

  /** ms until `admit` says yes, at this rate. Nothing is taken, and nothing was put off. */
  wait(now: number, count = 1): number {
    this.#refill(now)
    const lacking = Math.min(count, this.#capacity) - this.#tokens
    // A clock of doubles: who asks at the time it was told must not find a millionth of a token missing.
    return lacking <= 1e-6 ? 0 : (lacking / this.#rate) * 1000
  }

  /** Claims that were left aside, by their reasons. */
  get refused(): Readonly<Record<string, number>> {
    return this.#buffers.tally.toJSON()
  }

  claims(): readonly BufferClaim[] {
    return this.#buffers.claims()
  }

  heard(claims: readonly BufferClaim[], from: string): void {
    this.#buffers.heard(claims, from)
  }

  /** Departure: where this changes, the average begins anew: what another buffer dropped says nothing about this one. */
  buffer(): number {
    const smallest = this.#buffers.smallest()
    if (smallest !== this.#smallest) this.#averaged = 0
    this.#smallest = smallest
    return smallest
  }

  received(publisher: string): void {
    this.#senders.received(publisher)
  }

  /** Fig. 5b. */
  dropped(age: number): void {
    this.#averaged++
    const weight = Math.max(1 - this.#options.memory, 1 / this.#averaged)
    this.#age = (1 - weight) * (this.#age ?? 0) + weight * age
    this.#drops++
  }

  /** Fig. 5c. */
  turn(): void {
    const { low, high, chance, decay, unused, used, burst } = this.#options
    const now = this.#environment.now()
    this.#refill(now)
    this.#senders.turn(now)
    this.#averageTokens = TOKENS_MEMORY * this.#averageTokens + (1 - TOKENS_MEMORY) * this.#tokens
    // An average that nothing was added to says nothing about now. Nothing dropped: there is room.
    const age = this.#drops === 0 || this.#age === undefined ? Number.POSITIVE_INFINITY : this.#age
    const congested = age < low
    const wanted = decay ? this.#averageTokens < used * burst : this.#wanted
    if (congested) this.#lower(now, this.#graded(low - age))
    else if (decay && this.#averageTokens > unused * burst) this.#lower(now, 1)
    else if (age > high && wanted && this.#environment.random.chance(chance)) this.#raise(now, this.#graded(age - high))
    this.#drops = 0
    this.#wanted = false
  }

  status(): Record<string, unknown> {
    return {
      rate: this.#rate,
      age: this.#age ?? null,
      buffer: this.buffer(),
      ...this.#tally.toJSON(),
      ...this.refused,
    }
  }

  /** The share of a full step at that distance from the mark. */
  #graded(distance: number): number {
    const { grade } = this.#options
    return distance >= grade ? 1 : distance / grade
  }

  /** Messages a second that this node or the average sender sent of late, whichever is more. */
  #used(now: number): number {
    const share = this.#senders.share(now) ?? this.#rate
    return Math.max(share, this.#senders.rate(this.#environment.self.id, now))
  }

  /** Tokens that the bucket holds now. */
  get #capacity(): number {
    const { burst, most, prompt } = this.#options
    return prompt ? Math.max(1, (burst * this.#rate) / most) : burst
  }

  #lower(now: number, share: number): void {
    const { decrease, least, low, prompt } = this.#options
    const used = prompt ? this.#used(now) : this.#rate
    const from = Math.min(this.#rate, used)
    const enough = prompt && this.#age !== undefined ? Math.min(from, (used * this.#age) / low) : 0
    this.#rate = Math.max(least, enough, from * (1 - decrease * share))
    this.#tally.add('lowered')
  }

  #raise(now: number, share: number): void {
    const { increase, most, fair } = this.#options
    const base = fair ? (this.#senders.share(now) ?? this.#rate) : this.#rate
    this.#rate = Math.min(most, this.#rate + increase * share * base)
    this.#tally.add('raised')
  }

  /** Tokens for the time since the last refill, at the rate that held. */
  #refill(now: number): void {
    if (now <= this.#refilled) return
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((now - this.#refilled) / 1000) * this.#rate)
    this.#refilled = now
  }
}
