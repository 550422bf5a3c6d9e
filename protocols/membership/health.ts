/** How far timeouts are stretched at most. */
const MAX_STRETCH = 8
/** A round that begins so many periods after the last one says that this node is slow (jitter alone makes it 1.1). */
const LATE = 1.5

/**
 * Lifeguard's local health (Dadgar et al. 2018): a node that is slow itself accuses the healthy, so it gives everybody more time. An
 * unanswered ping may be this node's own fault, a round that begins late certainly is; answers in time make up for them.
 */
export class LocalHealth {
  readonly #period: number
  #stretch = 1
  #lastRound = Number.POSITIVE_INFINITY

  /** @param period ms between two rounds of probing */
  constructor(period: number) {
    this.#period = period
  }

  /** What timeouts are multiplied by, in [1, 8]. */
  get stretch(): number {
    return this.#stretch
  }

  /** Too slow to judge others. */
  get poor(): boolean {
    return this.#stretch > MAX_STRETCH / 2
  }

  worse(by = 1): void {
    this.#stretch = Math.min(MAX_STRETCH, this.#stretch + by)
  }

  better(): void {
    this.#stretch = Math.max(1, this.#stretch - 1)
  }

  /** A round of probing begins. */
  round(now: number): void {
    if (now - this.#lastRound > this.#period * LATE) this.worse(2)
    this.#lastRound = now
  }
}
