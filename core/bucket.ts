/**
 * A token bucket. In any window of t ms at most `burst + rate * t / 1000` tokens are taken: with `rate = limit - burst`
 * no second ever sees more than `limit`.
 */
export class TokenBucket {
  readonly rate: number
  readonly burst: number
  /** Before the first use neither is known. (Not integers from the start, so that their memory lies beside the rest.) */
  #tokens = Number.POSITIVE_INFINITY
  #updated = Number.NEGATIVE_INFINITY

  /** @param rate tokens per second @param burst tokens it holds when full; it starts full */
  constructor(rate: number, burst: number) {
    this.rate = rate
    this.burst = burst
  }

  /**
   * Takes `amount` tokens if they are there. `now` in ms; a clock that steps back takes nothing away.
   * @param reserve tokens that have to be left over for others; an amount so large that they never would takes a full bucket
   */
  take(now: number, amount = 1, reserve = 0): boolean {
    this.refill(now)
    if (this.#tokens < amount || this.#tokens < Math.min(amount + reserve, this.burst)) return false
    this.#tokens -= amount
    return true
  }

  /** As `take`, for what answers others: it leaves half of the burst to what the node says of its own accord, or peers that are many would silence it. */
  takeForAnswer(now: number, amount: number): boolean {
    return this.take(now, amount, this.burst / 2)
  }

  /** Puts back what was taken for nothing: never more than it holds. */
  give(now: number, amount = 1): void {
    this.refill(now)
    this.#tokens = Math.min(this.burst, this.#tokens + amount)
  }

  /** Milliseconds until `amount` tokens are there; Infinity if they never fit. */
  wait(now: number, amount = 1): number {
    this.refill(now)
    if (amount > this.burst) return Number.POSITIVE_INFINITY
    if (amount <= this.#tokens) return 0
    return ((amount - this.#tokens) / this.rate) * 1000
  }

  /** As `Protocol.touch`. */
  touch(): number {
    return this.#tokens > this.#updated ? 1 : 0
  }

  // `private`, here and in other classes of which a simulated node has one each: a # method costs every instance a word.
  private refill(now: number): void {
    if (this.#updated === Number.NEGATIVE_INFINITY) {
      this.#tokens = this.burst
      this.#updated = now
    } else if (now > this.#updated) {
      this.#tokens = Math.min(this.burst, this.#tokens + ((now - this.#updated) / 1000) * this.rate)
      this.#updated = now
    }
  }
}
