/**
 * How often a peer may ask: once an interval, so that one who asks more often cannot use up what is there for all. Holds the
 * last `capacity` peers, the longest silent out first.
 */
export class Pace {
  readonly #interval: number
  readonly #capacity: number
  /** Peer -> when it was last allowed. */
  readonly #last = new Map<string, number>()

  /** @param interval ms @param capacity peers remembered */
  constructor(interval: number, capacity = 1024) {
    this.#interval = interval
    this.#capacity = capacity
  }

  /** Whether the peer may ask now, in ms; if so, not again before the interval is over. */
  allows(id: string, now: number): boolean {
    const last = this.#last.get(id)
    // A clock that steps back must not silence anybody.
    if (last !== undefined && now >= last && now - last < this.#interval) return false
    this.#last.delete(id)
    this.#last.set(id, now)
    if (this.#last.size > this.#capacity) this.#last.delete(this.#last.keys().next().value as string)
    return true
  }
}
