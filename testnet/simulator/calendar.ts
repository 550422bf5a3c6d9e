import { EventHeap } from './heap.ts'

/** ms of virtual time in one bucket, and how many there are: together 8 s. */
const WIDTH = 4
const BUCKETS = 2048
const NONE = -1

/**
 * What happens next, in the order of time and, at the same time, of insertion. A calendar queue (Brown 1988) over a heap:
 * only the bucket at hand is sorted, in a heap small enough for the cache; buckets to come are unsorted lists, and what lies
 * beyond the last bucket is one more list, dealt out when time gets there. The cost of an event does not grow with their number.
 *
 * Invariant: everything up to and including bucket `#current` is in the heap, in (current, horizon) in its bucket, later in
 * `#far`. A list keeps insertion order and reaches the heap before anything can be inserted there directly, so the heap's own
 * order is the order of insertion.
 */
export class Calendar {
  /** Time of the value that `take` returned last. */
  time = 0
  #size = 0
  readonly #near = new EventHeap()
  /** Lists through the values: time of a value and the value after it, side by side. */
  #cells = new Float64Array(2048)
  readonly #heads = new Int32Array(BUCKETS + 1).fill(NONE)
  readonly #tails = new Int32Array(BUCKETS + 1).fill(NONE)
  #current = 0
  #horizon = BUCKETS
  /** Values in buckets. */
  #waiting = 0
  #farFirst = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#size
  }

  /** @param value a small integer that is not in the calendar: it is an index here */
  push(time: number, value: number): void {
    this.#size++
    this.#file(time, value)
  }

  /** The next value up to and including `until`, -1 if there is none. */
  take(until: number): number {
    if (this.#near.size === 0 && !this.#advance(until)) return NONE
    const time = this.#near.time
    if (time > until) return NONE
    this.time = time
    this.#size--
    return this.#near.pop()
  }

  /** Keeps the values that are wanted, in their order; costs O(size). */
  filter(wanted: (value: number) => boolean): void {
    this.#near.filter(wanted)
    this.#size = this.#near.size
    const lists = Array.from(this.#heads)
    this.#heads.fill(NONE)
    this.#waiting = 0
    this.#farFirst = Number.POSITIVE_INFINITY
    for (const head of lists)
      this.#deal(head, (value) => (wanted(value) ? this.push(this.#timeOf(value), value) : undefined))
  }

  #timeOf(value: number): number {
    return this.#cells[value * 2] as number
  }

  #file(time: number, value: number): void {
    const bucket = Math.floor(time / WIDTH)
    if (bucket <= this.#current) {
      this.#near.push(time, value)
    } else if (bucket < this.#horizon) {
      this.#waiting++
      this.#append(bucket % BUCKETS, time, value)
    } else {
      if (bucket < this.#farFirst) this.#farFirst = bucket
      this.#append(BUCKETS, time, value)
    }
  }

  #append(list: number, time: number, value: number): void {
    while (value * 2 >= this.#cells.length) this.#grow()
    this.#cells[value * 2] = time
    this.#cells[value * 2 + 1] = NONE
    if (this.#heads[list] === NONE) this.#heads[list] = value
    else this.#cells[(this.#tails[list] as number) * 2 + 1] = value
    this.#tails[list] = value
  }

  /** Hands out a list from its head; each value may be filed elsewhere at once. */
  #deal(head: number, give: (value: number) => void): void {
    let value = head
    while (value !== NONE) {
      const after = this.#cells[value * 2 + 1] as number
      give(value)
      value = after
    }
  }

  /** Brings the next bucket that is not empty into the heap, if it begins before `until`. */
  #advance(until: number): boolean {
    const last = Math.floor(until / WIDTH)
    while (this.#near.size === 0) {
      if (this.#waiting === 0) {
        if (this.#farFirst > last || this.#farFirst === Number.POSITIVE_INFINITY) return false
        this.#turn()
      }
      if (this.#current >= last) return false
      this.#current++
      const list = this.#current % BUCKETS
      let value = this.#heads[list] as number
      this.#heads[list] = NONE
      while (value !== NONE) {
        this.#near.push(this.#timeOf(value), value)
        this.#waiting--
        value = this.#cells[value * 2 + 1] as number
      }
    }
    return true
  }

  /** All buckets are empty: they begin anew at the first time that is beyond them. */
  #turn(): void {
    this.#current = this.#farFirst - 1
    this.#horizon = this.#farFirst + BUCKETS
    this.#farFirst = Number.POSITIVE_INFINITY
    const head = this.#heads[BUCKETS] as number
    this.#heads[BUCKETS] = NONE
    this.#deal(head, (value) => this.#file(this.#timeOf(value), value))
  }

  #grow(): void {
    const larger = new Float64Array(this.#cells.length * 2)
    larger.set(this.#cells)
    this.#cells = larger
  }
}
