/** A binary heap: the item with the highest priority first, among equals the one with the lowest item number. */
export class Heap {
  readonly #items: number[] = []
  readonly #priorities: number[] = []

  get size(): number {
    return this.#items.length
  }

  push(item: number, priority: number): void {
    let at = this.#items.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(item, priority, parent)) break
      this.#put(at, this.#items[parent] as number, this.#priorities[parent] as number)
      at = parent
    }
    this.#put(at, item, priority)
  }

  /** Undefined when it is empty. */
  pop(): number | undefined {
    const top = this.#items[0]
    const item = this.#items.pop()
    const priority = this.#priorities.pop()
    if (item === undefined || priority === undefined || this.#items.length === 0) return top
    const length = this.#items.length
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      const right = child + 1
      if (right < length && this.#before(this.#items[right] as number, this.#priorities[right] as number, child)) {
        child = right
      }
      if (this.#before(item, priority, child)) break
      this.#put(at, this.#items[child] as number, this.#priorities[child] as number)
      at = child
    }
    this.#put(at, item, priority)
    return top
  }

  #before(item: number, priority: number, at: number): boolean {
    const other = this.#priorities[at] as number
    return priority > other || (priority === other && item < (this.#items[at] as number))
  }

  #put(at: number, item: number, priority: number): void {
    this.#items[at] = item
    this.#priorities[at] = priority
  }
}
