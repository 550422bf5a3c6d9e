/** A burst of losses must not make this node slow for long, nor one quick delegate make it hasty. */
const MAX_STRETCH = 4
const EASING = 0.3
/** Round trips vary; so many of the usual ones are enough as a rule. */
const TRIP = 1.25
/** ms for a round trip that nobody measured. */
const UNKNOWN_RTT = 130
/** Beyond this share of the time left, a margin would leave the levels below nothing to work with. */
const MAX_MARGIN = 0.25

/**
 * How long a node waits for its delegates: by their round trips, and by how much slower than these they are at the moment,
 * which all its queries learn together. `rtt` is in ms, undefined where nobody measured it.
 */
export class Pace {
  readonly #repeat: readonly [least: number, most: number]
  readonly #margin: number
  #stretch = 1

  constructor({
    repeat,
    margin,
  }: { readonly repeat: readonly [least: number, most: number]; readonly margin: number }) {
    this.#repeat = repeat
    this.#margin = margin
  }

  /** ms between two sendings. */
  patience(rtt: number | undefined): number {
    const [least, most] = this.#repeat
    const trip = rtt ?? most
    return Math.min(Math.max(least, 3 * trip), Math.max(most, 1.5 * trip)) * this.#stretch
  }

  /** A delegate's first word came `took` ms after it was first asked. */
  learn(took: number, rtt: number | undefined): void {
    const needed = (this.#stretch * took) / this.patience(rtt)
    this.#stretch = Math.min(MAX_STRETCH, Math.max(1, this.#stretch + EASING * (needed - this.#stretch)))
  }

  /** Of `left` ms, those a delegate gets: its answer must be here in time, also if it is lost once and fetched again. */
  share(left: number, rtt = UNKNOWN_RTT): number {
    return left - Math.min(left * MAX_MARGIN, 2 * TRIP * rtt + this.#margin)
  }

  /** ms until the last moment at which an inquiry can still fetch an answer that was lost. */
  lastCall(left: number, rtt = UNKNOWN_RTT): number {
    const last = left - TRIP * rtt
    return last > 0 ? last : Number.POSITIVE_INFINITY
  }
}
