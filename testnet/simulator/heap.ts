/**
 * What happens next: a 4-ary heap of (time, value) over typed arrays. Of two entries with the same time the one that was
 * pushed first comes out first, so the order is total and a run depends on nothing but its inputs.
 */
export class EventHeap {
  #times: Float64Array<ArrayBuffer>
  #orders: Float64Array<ArrayBuffer>
  #values: Int32Array<ArrayBuffer>
  #size = 0
  #pushed = 0

  constructor(capacity = 1024) {
    this.#times = new Float64Array(capacity)
    this.#orders = new Float64Array(capacity)
    this.#values = new Int32Array(capacity)
  }

  get size(): number {
    return this.#size
  }

  /** The earliest time, Infinity when the heap is empty. */
  get time(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
  }

  /** @param value a 32-bit integer */
  push(time: number, value: number): void {
    if (this.#size === this.#times.length) this.#grow()
    this.#rise(this.#size++, time, this.#pushed++, value)
  }

  /** The value of the earliest entry. The heap must not be empty. */
  pop(): number {
    const value = this.#values[0] as number
    const last = --this.#size
    if (last > 0) {
      this.#sink(0, this.#times[last] as number, this.#orders[last] as number, this.#values[last] as number)
    }
    return value
  }

  /** Keeps the entries whose value is wanted, in their order; costs O(size). */
  filter(wanted: (value: number) => boolean): void {
    let kept = 0
    for (let i = 0; i < this.#size; i++) {
      const value = this.#values[i] as number
      if (wanted(value)) this.#set(kept++, this.#times[i] as number, this.#orders[i] as number, value)
    }
    this.#size = kept
    for (let i = (kept - 2) >> 2; i >= 0; i--) {
      this.#sink(i, this.#times[i] as number, this.#orders[i] as number, this.#values[i] as number)
    }
  }

  #rise(start: number, time: number, order: number, value: number): void {
    const times = this.#times
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 2
      const above = times[parent] as number
      // A new entry has the highest order of all: it passes a parent of its own time never.
      if (above <= time) break
      this.#set(at, above, this.#orders[parent] as number, this.#values[parent] as number)
      at = parent
    }
    this.#set(at, time, order, value)
  }

  #sink(start: number, time: number, order: number, value: number): void {
    const times = this.#times
    const orders = this.#orders
    const size = this.#size
    let at = start
    for (;;) {
      const first = at * 4 + 1
      if (first >= size) break
      const end = Math.min(first + 4, size)
      let least = first
      let leastTime = times[first] as number
      for (let child = first + 1; child < end; child++) {
        const childTime = times[child] as number
        if (childTime > leastTime) continue
        if (childTime < leastTime || (orders[child] as number) < (orders[least] as number)) {
          least = child
          leastTime = childTime
        }
      }
      if (leastTime > time || (leastTime === time && (orders[least] as number) > order)) break
      this.#set(at, leastTime, orders[least] as number, this.#values[least] as number)
      at = least
    }
    this.#set(at, time, order, value)
  }

  #set(at: number, time: number, order: number, value: number): void {
    this.#times[at] = time
    this.#orders[at] = order
    this.#values[at] = value
  }

  #grow(): void {
    const capacity = this.#times.length * 2
    const times = new Float64Array(capacity)
    times.set(this.#times)
    this.#times = times
    const orders = new Float64Array(capacity)
    orders.set(this.#orders)
    this.#orders = orders
    const values = new Int32Array(capacity)
    values.set(this.#values)
    this.#values = values
  }
}
