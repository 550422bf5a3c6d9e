import type { Missed } from '../order.ts'

interface Gap {
  readonly publisher: string
  /** Sequences; a delivery within it takes what is up to there away. */
  first: number
  readonly last: number
  readonly reason: string
  readonly since: number
}

/**
 * What will not come in its publisher's order: nobody repaired it, or there was no room for it. The group may have given it a
 * number all the same, so that it comes by that. It does not when a later one of its publisher is delivered, for the numbers follow
 * each publisher's order; nor, it is supposed, after `patience`. Then it is told as missed.
 *
 * Invariants: (1) nothing is told that was delivered, nor delivered before the patience is over after it was told; (2) at most `limit`
 * gaps are held; a full one tells its oldest.
 */
export class Gaps {
  readonly #limit: number
  readonly #patience: number
  readonly #tell: (publisher: string, missed: Missed) => void
  /** By age. */
  #open: Gap[] = []

  /** @param patience ms */
  constructor(limit: number, patience: number, tell: (publisher: string, missed: Missed) => void) {
    this.#limit = limit
    this.#patience = patience
    this.#tell = tell
  }

  get size(): number {
    return this.#open.length
  }

  add(publisher: string, { range, reason }: Missed, since: number): void {
    this.#open.push({ publisher, ...range, reason, since })
    if (this.#open.length > this.#limit) this.#end(this.#open.shift() as Gap)
  }

  /** This one of the publisher is about to be delivered, and with it no earlier one comes. */
  passed(publisher: string, sequence: number): void {
    const ended: Gap[] = []
    this.#open = this.#open.filter((gap) => {
      if (gap.publisher !== publisher || gap.first > sequence) return true
      if (gap.first < sequence) ended.push({ ...gap, last: Math.min(gap.last, sequence - 1) })
      gap.first = sequence + 1
      return gap.first <= gap.last
    })
    for (const gap of ended.sort((a, b) => a.first - b.first)) this.#end(gap)
  }

  turn(now: number): void {
    while (now - (this.#open[0]?.since ?? now) > this.#patience) this.#end(this.#open.shift() as Gap)
  }

  #end({ publisher, first, last, reason }: Gap): void {
    this.#tell(publisher, { range: { first, last }, reason })
  }
}
