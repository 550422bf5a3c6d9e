/** ms between asking and getting, before anything was got; how much an answer tells of it (RFC 6298: an eighth). */
const RTT = 100
const GAIN = 1 / 8
/** ms for which the tree is waited for at first, at least and at most. */
const WAIT = 150
const LEAST_WAIT = 50
const MOST_WAIT = 16_000
/** The share of what the tree still brings that it is waited for. */
const QUANTILE = 0.95
/** How much longer a tree that sleeps is waited for than it was last late. */
const MARGIN = 1.25
/** The share of what was asked for that the tree may bring as well; how much one case tells of it, and ms until a third is left of that. */
const MOST = 0.1
const TELLS = 0.1
const CALMING = 10_000

/**
 * How soon a node asks others for what it was told of and the tree has not brought, and whether it asks at all.
 *
 * How long the tree is waited for is learned from it: of twenty publications that it brings after the first word nineteen
 * come in time. When it brings more than a tenth of what was asked for as well, those who pass on are slow, not lost: asking
 * makes them slower, so that digests are left to repair until that is some seconds ago.
 */
export class Haste {
  #wait = WAIT
  /** The share of what was asked for that the tree brought as well, of late, and when that was reckoned. */
  #share = 0
  #reckoned = 0
  /** Between asking and getting, ms: smoothed, and how far it is from that. */
  #rtt = RTT
  #deviation = RTT / 4

  /** ms for which the tree is waited for. */
  get wait(): number {
    return this.#wait
  }

  get rtt(): number {
    return this.#rtt
  }

  /** Whether to leave repair to digests. */
  isTooMuch(now: number): boolean {
    return this.#shareAt(now) > MOST
  }

  /** ms after which another is asked. @param rtt of this peer, where somebody measured it */
  timeout(rtt = 0): number {
    return Math.max(3 * rtt, this.#rtt + 3 * this.#deviation)
  }

  /** Asking brought something. @param after ms after it was asked for; undefined when more than one was asked */
  asked(now: number, after: number | undefined): void {
    this.#reckon(now, 0, TELLS)
    if (after === undefined) return
    this.#deviation += GAIN * 2 * (Math.abs(after - this.#rtt) - this.#deviation)
    this.#rtt += GAIN * (after - this.#rtt)
  }

  /** The tree brought something so many ms after the first word of it, before it was asked for. */
  inTime(after: number): void {
    this.#learn(Math.min(after, this.#wait))
  }

  /**
   * The tree brought what had been asked for and had come.
   *
   * @param late ms after the first word of it; undefined where nobody told of it
   * @param period of the digests: whoever passes on so late is asleep
   */
  overtaken(now: number, late?: number, period = Number.POSITIVE_INFINITY): void {
    if (late !== undefined) this.#learn(late)
    const asleep = late !== undefined && late > period
    if (asleep) this.#wait = Math.min(MOST_WAIT, Math.max(this.#wait, late * MARGIN))
    this.#reckon(now, 1, asleep ? 1 : TELLS)
  }

  #learn(late: number): void {
    const step = Math.max(20, this.#wait / 10, (late - this.#wait) / 2)
    const wait = this.#wait + step * (late > this.#wait ? QUANTILE : QUANTILE - 1)
    this.#wait = Math.min(MOST_WAIT, Math.max(LEAST_WAIT, wait))
  }

  #reckon(now: number, overtaken: 0 | 1, gain: number): void {
    const share = this.#shareAt(now)
    this.#share = share + (overtaken - share) * gain
    this.#reckoned = now
  }

  #shareAt(now: number): number {
    return this.#share * Math.exp((this.#reckoned - now) / CALMING)
  }
}
