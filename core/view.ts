import type { Random } from './random.ts'

/**
 * A bounded set of entries keyed by id, in insertion order: the partial view of the gossip literature.
 * Invariant: ids are unique and `size <= capacity`.
 */
export class PartialView<Entry extends { readonly id: string }> {
  readonly capacity: number
  #entries: Entry[] = []

  /** @throws RangeError when capacity is not a positive integer. */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new RangeError(`a view needs a capacity >= 1, got ${capacity}`)
    this.capacity = capacity
  }

  get size(): number {
    return this.#entries.length
  }

  /** The entries themselves: read only, and only until the next change. */
  get entries(): readonly Entry[] {
    return this.#entries
  }

  get(id: string): Entry | undefined {
    return this.#entries.find((entry) => entry.id === id)
  }

  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  /** Adds an entry or puts it in the place of the one with its id. False, and no change, when the view is full. */
  put(entry: Entry): boolean {
    const index = this.#entries.findIndex((known) => known.id === entry.id)
    if (index >= 0) this.#entries[index] = entry
    else if (this.#entries.length < this.capacity) this.#entries.push(entry)
    else return false
    return true
  }

  remove(id: string): boolean {
    const index = this.#entries.findIndex((entry) => entry.id === id)
    if (index >= 0) this.#entries.splice(index, 1)
    return index >= 0
  }

  /** Takes these entries instead, cut to the capacity; the ids must be unique. */
  replace(entries: readonly Entry[]): void {
    this.#entries = entries.slice(0, this.capacity)
  }

  pick(random: Random): Entry | undefined {
    return random.pick(this.#entries)
  }

  sample(random: Random, count: number): Entry[] {
    return random.sample(this.#entries, count)
  }
}
