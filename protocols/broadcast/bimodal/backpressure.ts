import type { Admission } from '../adaptive/controller.ts'
import type { DeliveryInit } from '../delivery.ts'
import { expire, put } from '../oldest-out.ts'
import type { Digest } from './codec.ts'

/** Rounds that half of the members may be behind before this node slows down, and below which it speeds up (chosen: repair under loss takes less). */
const HIGH = 8
const LOW = 4
/** Of what was carried: what is sent once the queues grew, so that they drain; and up to where the rate then rises quickly. */
const DRAIN = 0.5
const NEAR = 0.75
/** Shares of the quota by which the rate rises in a round: to where it was too much before within a minute, beyond that slowly; and again quickly CALM rounds after the last fall (chosen: overload.test.ts). */
const QUICK = 1 / 240
const SLOW = QUICK / 8
const CALM = 120
/** Share of the quota that no lag takes from a publisher. */
const LEAST = 1 / 100
/** Rounds over which is reckoned what was sent and how fast the lag grew; the least share of it that counts as carried. */
const SPAN = 10
const LEAST_CARRIED = 0.2
/** Members whose latest word is kept, and rounds for which it counts. */
const MEMBERS = 15
/** Words that count at least, of who says nothing as one that keeps up: five liars slow nobody down (chosen: with 15 publishers slow down later, p50 7 s instead of 2 in a group of 60 whose lines carry half). */
const QUORUM = 11
const FRESH = 20
/** Rounds without a turn after which this node slept; as many after it nothing is heard, for what is read then was sent meanwhile. */
const SLEPT = 4

type BackpressureInit = Pick<DeliveryInit, 'store' | 'options' | 'partners'>

/**
 * Backpressure, end to end. A publisher learns how far behind members are from what their digests say they have of it. Where links or
 * processors carry less than is published, queues grow without bound: everybody gets everything later, repair asks for what is
 * on its way, and what waits longer than it is kept for is lost. So a publisher whose members are behind by more than repair
 * takes sends half of what was carried until they have come up, and then a little more every round (AIMD: falling by a share
 * and rising by an amount makes the publishers' rates equal; Chiu and Jain 1989).
 *
 * The median of the members heard last counts: who sleeps, reads slowly or lies slows nobody down, as long as they are fewer than
 * half. Where fewer than QUORUM say anything, or than all whom this node knows, the others count as keeping up: where all is well few
 * say anything, and two or three liars would be most of those who do. No clocks are compared: the lag is the age, here, of the first publication that a member has not got.
 *
 * Invariants: (1) `rate` is the quota until half of the members heard are behind, and six or half of all known, and never less than a hundredth of it; (2) it falls at
 * most once in the time by which they are behind, as nothing shows before what the last fall did; (3) of at most 15 members one word is kept.
 */
export class Backpressure {
  readonly #self: { readonly id: string; readonly position: number }
  readonly #init: BackpressureInit
  /** ms by which a member was behind, and when it said so; who was heard longest ago first. */
  readonly #words = new Map<string, { readonly lag: number; readonly at: number }>()
  /** The lag at each of the last SPAN turns, oldest first. */
  #lags: number[] = []
  #rate: number
  /** Messages a second that were carried when the rate fell last, and when that was. */
  #carried = 0
  #fell = Number.NEGATIVE_INFINITY
  /** When it may fall again; when the next message may go, while the rate is less than the quota. */
  #hold = Number.NEGATIVE_INFINITY
  #next = Number.NEGATIVE_INFINITY
  #turned: number | undefined
  #deaf = Number.NEGATIVE_INFINITY

  constructor(self: { readonly id: string; readonly position: number }, init: BackpressureInit) {
    this.#self = self
    this.#init = init
    this.#rate = init.options.rate
  }

  /** Messages a second. */
  get rate(): number {
    return this.#rate
  }

  /** ms by which the median member is behind, those counted as keeping up that say nothing. */
  get lag(): number {
    const lags = [...this.#words.values()].map(({ lag }) => lag).sort((a, b) => b - a)
    if (lags.length === 0) return 0
    const others = this.#init.partners().filter(({ id }) => id !== this.#self.id)
    const members = this.#init.options.hush ? Math.min(QUORUM, others.length) : 0
    return lags[Math.max(lags.length, members) >> 1] ?? 0
  }

  /** A member told what it has. */
  heard(from: string, digest: Digest, now: number): void {
    const { period } = this.#init.options
    if (now < this.#deaf || now - (this.#turned ?? now) > SLEPT * period) return
    const ofMine = ({ publisher }: { readonly publisher: number }) => publisher === this.#self.position
    const stored = digest.holdings.find(ofMine)
    const seen = digest.seen?.find(ofMine)
    const newest = Math.max(stored?.settled ?? 0, stored?.runs[0]?.last ?? 0, seen?.runs[0]?.last ?? 0)
    // It may have joined a moment ago, or keep nothing any more.
    if (newest > 0) put(this.#words, from, { lag: this.#behind(newest, now), at: now }, MEMBERS)
  }

  /** Once a round. */
  turn(now: number): void {
    const { period, rate: quota, congested } = this.#init.options
    if (this.#turned !== undefined && now - this.#turned > SLEPT * period) this.#deaf = now + SLEPT * period
    this.#turned = now
    expire(this.#words, ({ at }) => now - at > FRESH * period)
    const { lag } = this
    this.#lags = [...this.#lags, lag].slice(-SPAN)
    if (congested === 0) return
    if (lag > HIGH * period) this.#fall(now, lag)
    else if (lag < LOW * period) {
      const isNear = this.#rate > NEAR * this.#carried && now - this.#fell <= CALM * period
      this.#rate = Math.min(quota, this.#rate + (isNear ? SLOW : QUICK) * quota)
    }
  }

  /** Whether a message of so many parts may go now. */
  admit(now: number, parts: number): Admission {
    const rate = this.#rate
    if (rate >= this.#init.options.rate) return { admitted: true, rate }
    if (now < this.#next) return { admitted: false, until: Math.ceil(this.#next), rate, reason: this.#reason }
    this.#next = now + (parts * 1000) / rate
    return { admitted: true, rate }
  }

  /** The rate takes a while to rise again. */
  get #reason(): string {
    const { lag } = this
    const isBehind = lag > LOW * this.#init.options.period
    return isBehind
      ? `Half of the members are ${Math.round(lag / 1000)} s behind`
      : 'Half of the members were seconds behind of late'
  }

  #fall(now: number, lag: number): void {
    const { period, rate: quota } = this.#init.options
    const sent = this.#sent(now)
    // What others send too much, this node cannot send less of.
    if (now < this.#hold || sent === 0) return
    const growth = (lag - (this.#lags[0] ?? 0)) / (SPAN * period)
    this.#carried = Math.min(this.#rate, sent) * Math.min(1, Math.max(LEAST_CARRIED, 1 - growth))
    this.#rate = Math.max(LEAST * quota, DRAIN * this.#carried)
    this.#fell = now
    this.#hold = now + lag
  }

  /** Age of this node's first publication after the one of this number. */
  #behind(sequence: number, now: number): number {
    for (const [next, { received }] of this.#own) if (next > sequence) return now - received
    return 0
  }

  /** Publications a second that this node made in the last SPAN rounds. */
  #sent(now: number): number {
    const span = SPAN * this.#init.options.period
    let sent = 0
    for (const [, { received }] of this.#own) if (now - received < span) sent++
    return (sent * 1000) / span
  }

  /** What is kept of this node's publications, oldest first. */
  get #own() {
    return this.#init.store.shelf(this.#self.id)?.entries ?? []
  }
}
