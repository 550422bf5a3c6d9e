/** A publisher who is held to its rate: some of what it sent was refused. */
export interface Limited {
  readonly topic: string
  readonly from: string
  readonly reason: string
}

/** ms for which a publisher is not named again. */
const AGAIN = 60_000
/** Publishers named within that time. */
const MAX_NAMED = 256

/** Whom this node has named of late: each at most once a minute, and at most MAX_NAMED of them. */
export class Named {
  /** When, the earliest first. */
  readonly #named = new Map<string, number>()

  /** Whether this publisher is to be named now; then it counts as named. */
  name(publisher: string, now: number): boolean {
    for (const [earlier, at] of this.#named) {
      if (now - at < AGAIN) break
      this.#named.delete(earlier)
    }
    if (this.#named.has(publisher) || this.#named.size >= MAX_NAMED) return false
    this.#named.set(publisher, now)
    return true
  }
}
