/** Rounds without a new beacon after which a root is given up at the latest (LIMITS). */
export const MOST_ROUNDS = 3
/**
 * Of the usual time between two beacons, how often it may pass without one. Where they come as regularly as they are sent this is all the
 * patience there is, so that with the last beacon's way down the tree a dead root is gone within those rounds. With as little
 * everywhere, a fifth of the messages lost and half of the nodes dead, 10^4 nodes did not come together again.
 */
const INTERVALS = 2.7
/** Weight of the latest time between two beacons in the usual one: a beacon that was lost counts for three rounds or four. */
const LATEST = 0.2

/** How long a root may be silent: by how regularly its beacons came so far, between 2.7 and 3 rounds. */
export class Patience {
  readonly #period: number
  /** ms that usually pass between two new beacons. */
  #usual: number
  #latest = Number.NEGATIVE_INFINITY

  /** @param period ms of a round */
  constructor(period: number) {
    this.#period = period
    this.#usual = period
  }

  /** When the last new beacon came. */
  get latest(): number {
    return this.#latest
  }

  /** The first beacon of another root: nothing is known of how regularly it speaks. */
  begins(now: number): void {
    this.#usual = this.#period
    this.#latest = now
  }

  /** A new beacon of the same root. Clocks jump: no interval counts for less than nothing, or for more than the whole patience. */
  came(now: number): void {
    const interval = Math.max(0, Math.min(MOST_ROUNDS * this.#period, now - this.#latest))
    this.#usual += LATEST * (interval - this.#usual)
    this.#latest = now
  }

  /** From the last new beacon on. */
  get ms(): number {
    const intervals = INTERVALS * this.#usual
    return Math.max(INTERVALS * this.#period, Math.min(MOST_ROUNDS * this.#period, intervals))
  }
}
