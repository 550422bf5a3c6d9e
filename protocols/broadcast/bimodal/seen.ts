import { type Run, Runs } from '../runs.ts'

interface Sight {
  readonly publisher: string
  readonly sequence: number
  readonly at: number
}

/** Publications of a minute at the highest rate that a node could verify. */
const MAX_SEEN = 65_536

/**
 * What came within the retention, whether it is still stored or not: numbers, which cost next to nothing. Members tell each
 * other of it where only some of them store it.
 *
 * Invariant: at most 65,536 numbers are known, the oldest forgotten first; told are those that came `settle` ms ago or longer.
 */
export class Seen {
  readonly #settle: number
  readonly #retention: number
  /** By `publisher/sequence`, in the order of arrival: too young to be told, and the others. */
  readonly #young = new Map<string, Sight>()
  readonly #old = new Map<string, Sight>()
  /** Those that are told, the publisher with the latest last. */
  readonly #runs = new Map<string, Runs>()

  constructor(options: { readonly settle: number; readonly retention: number }) {
    this.#settle = options.settle
    this.#retention = options.retention
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  has(publisher: string, sequence: number): boolean {
    const key = `${publisher}/${sequence}`
    return this.#old.has(key) || this.#young.has(key)
  }

  add(publisher: string, sequence: number, now: number): void {
    if (this.size >= MAX_SEEN) this.#forget(this.#old.size > 0 ? this.#old : this.#young)
    this.#young.set(`${publisher}/${sequence}`, { publisher, sequence, at: now })
  }

  /** Once a round. */
  turn(now: number): void {
    for (const [key, sight] of this.#young) {
      if (now - sight.at < this.#settle) break
      this.#young.delete(key)
      this.#old.set(key, sight)
      const runs = this.#runs.get(sight.publisher) ?? new Runs()
      runs.add(sight.sequence)
      this.#runs.delete(sight.publisher)
      this.#runs.set(sight.publisher, runs)
    }
    for (const { at } of this.#old.values()) {
      if (now - at < this.#retention) break
      this.#forget(this.#old)
    }
  }

  /** What is told, by publisher, the one with the latest first. */
  told(): { readonly publisher: string; readonly runs: readonly Run[] }[] {
    return [...this.#runs].reverse().map(([publisher, runs]) => ({ publisher, runs: runs.newestFirst() }))
  }

  /** The oldest of these. */
  #forget(from: Map<string, Sight>): void {
    const [key, { publisher, sequence }] = from.entries().next().value as [string, Sight]
    from.delete(key)
    const runs = this.#runs.get(publisher)
    runs?.delete(sequence)
    if (runs?.newestFirst().length === 0) this.#runs.delete(publisher)
  }
}
