import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import type { OrderedBody } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import type { Replica } from './replica.ts'

export interface FollowerInit extends Pick<DeliveryInit, 'counts'> {
  readonly replica: Replica
  /** False when the budget does not allow it. */
  say(place: number, body: OrderedBody): boolean
}

/**
 * What a member does in a view that another leads: takes in the leader's numbers, tells it what it holds of them, and knows how
 * long the leader has been silent.
 *
 * A leader without a majority is silent, whatever it says: only its word that a majority answers it counts.
 */
export class Follower {
  readonly #environment: Pick<Environment<never>, 'now'>
  readonly #init: FollowerInit
  readonly #options: OrderedOptions
  /** When the leader last said that a majority answers it; the view's beginning counts. */
  #heard: number
  #met = false
  /** What the leader was last told that we hold, and when. */
  #told = -1
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(environment: Pick<Environment<never>, 'now'>, init: FollowerInit, options: OrderedOptions) {
    this.#environment = environment
    this.#init = init
    this.#options = options
    this.#heard = environment.now()
  }

  /** Whether the leader said anything in this view. */
  get met(): boolean {
    return this.#met
  }

  /** Whether a majority answered the leader of late. */
  get live(): boolean {
    return this.silence(this.#environment.now()) <= this.#options.suspicion
  }

  /** ms since the leader last said that a majority answers it; Infinity when it has left. */
  silence(now: number): number {
    return now - this.#heard
  }

  /** It judges nobody but the leader. */
  suspects(place: number): boolean {
    return place === 0 && !this.live
  }

  /** This node slept for so long: that it did not hear the leader meanwhile says nothing of it. */
  slept(ms: number): void {
    this.#heard += ms
  }

  doubt(place: number): void {
    if (place === 0) this.#heard = Math.min(this.#heard, this.#environment.now() - this.#options.suspicion / 2)
  }

  leaves(place: number): void {
    if (place === 0) this.#heard = Number.NEGATIVE_INFINITY
  }

  /** Once a tick. */
  turn(now: number): void {
    if (now - this.#toldAt >= this.#options.heartbeat || this.#init.replica.vouched > this.#told) this.#acknowledge(now)
  }

  /** The leader speaks. */
  order({ first, placed, commit, stable, live }: OrderedBody & { readonly kind: 'order' }): void {
    const { replica, counts } = this.#init
    const now = this.#environment.now()
    this.#met = true
    if (live) this.#heard = now
    if (live || placed.length > 0) replica.found()
    const known = replica.log.last
    if (!replica.sealed && !replica.extend(first, placed)) {
      counts.refused.add('out-of-log')
      this.#acknowledge(now)
      return
    }
    replica.decide(commit)
    replica.drop(stable)
    if (replica.log.last > known) this.#acknowledge(now)
  }

  #acknowledge(now: number): void {
    const { replica, say } = this.#init
    const { sealed, vouched } = replica
    if (!say(0, { kind: 'ack', held: vouched, sealed })) return
    this.#told = vouched
    this.#toldAt = now
  }
}
