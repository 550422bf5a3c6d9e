const MAX_REASONS = 128

/**
 * Counts by reason: every loss, refusal and drop is counted under a short stable slug. Holds at most 128 different
 * reasons; more are counted together as 'other'.
 */
export class Tally {
  /** Made at the first count: of a million simulated protocols most never count anything here. */
  #counts: Map<string, number> | undefined

  add(reason: string, amount = 1): void {
    this.#counts ??= new Map()
    const key = this.#counts.has(reason) || this.#counts.size < MAX_REASONS ? reason : 'other'
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + amount)
  }

  get(reason: string): number {
    return this.#counts?.get(reason) ?? 0
  }

  /** A copy, sorted by reason. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...(this.#counts ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
