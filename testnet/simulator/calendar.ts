import { EventHeap } from './heap.ts'
import { Lists } from './lists.ts'

/** ms of virtual time in one bucket, and how many there are: together 8 s. */
const WIDTH = 4
const BUCKETS = 2048
/** The list of what lies beyond the last bucket. */
const FAR = BUCKETS
const NONE = -1
/** What may be moved an entry when a bucket is sorted by insertion, before a heap takes over. */
const MOVES = 8

/**
 * What happens next, in the order of time and, at the same time, of insertion. A calendar queue (Brown 1988): only the bucket
 * at hand is sorted; buckets to come are unsorted lists, and what lies beyond the last bucket is one more list, dealt out when
 * time gets there. The cost of an event does not grow with their number.
 *
 * Invariant: what was filed up to and including bucket `#current` is in the bucket at hand (if it was filed before the bucket
 * was opened) or in the heap `#late` (after), so that of two entries of the same time the one at hand came first; later ones
 * are in the list of their bucket, or in FAR from `#horizon` on. A list keeps insertion order.
 */
export class Calendar {
  /** Time of the value that `take` returned last. */
  time = 0
  #size = 0
  /** The bucket at hand, sorted; what is before `#next` is done. */
  #times = new Float64Array(64)
  #values = new Int32Array(64)
  #next = 0
  #end = 0
  readonly #late = new EventHeap(64)
  readonly #lists = new Lists(BUCKETS + 1)
  #current = 0
  #horizon = BUCKETS
  /** Values in buckets. */
  #waiting = 0
  #farFirst = Number.POSITIVE_INFINITY
  /** Room to sort in. */
  #unsortedTimes = new Float64Array(64)
  #unsortedValues = new Int32Array(64)
  #counts = new Int32Array(64)

  get size(): number {
    return this.#size
  }

  /** @param value 0 or a positive 32-bit integer */
  push(time: number, value: number): void {
    this.#size++
    this.#file(time, value)
  }

  /** The next value up to and including `until`, -1 if there is none. */
  take(until: number): number {
    if (this.#next === this.#end && this.#late.size === 0 && !this.#advance(until)) return NONE
    const late = this.#late.time
    const time = this.#next < this.#end ? (this.#times[this.#next] as number) : Number.POSITIVE_INFINITY
    if (Math.min(time, late) > until) return NONE
    this.#size--
    if (time <= late) {
      this.time = time
      return this.#values[this.#next++] as number
    }
    this.time = late
    return this.#late.pop()
  }

  /** Copies values that come next, as far as they are sorted already. @returns how many */
  peek(values: Int32Array): number {
    const count = Math.min(values.length, this.#end - this.#next)
    for (let i = 0; i < count; i++) values[i] = this.#values[this.#next + i] as number
    return count
  }

  /** Keeps the values that are wanted, in their order; costs O(size). */
  filter(wanted: (value: number) => boolean): void {
    let kept = this.#next
    for (let i = this.#next; i < this.#end; i++) {
      const value = this.#values[i] as number
      if (!wanted(value)) continue
      this.#times[kept] = this.#times[i] as number
      this.#values[kept++] = value
    }
    this.#end = kept
    this.#late.filter(wanted)
    this.#size = this.#end - this.#next + this.#late.size
    this.#waiting = 0
    this.#farFirst = Number.POSITIVE_INFINITY
    for (let list = 0; list <= FAR; list++) this.#deal(list, wanted)
  }

  #file(time: number, value: number): void {
    const bucket = Math.floor(time / WIDTH)
    if (bucket <= this.#current) {
      this.#late.push(time, value)
    } else if (bucket < this.#horizon) {
      this.#waiting++
      this.#lists.append(bucket % BUCKETS, time, value)
    } else {
      if (bucket < this.#farFirst) this.#farFirst = bucket
      this.#lists.append(FAR, time, value)
    }
  }

  /** Files a list's wanted values anew. */
  #deal(list: number, wanted: (value: number) => boolean): void {
    const length = this.#lists.length(list)
    this.#size += length
    this.#drain(list, length)
    for (let i = 0; i < length; i++) {
      const value = this.#unsortedValues[i] as number
      if (wanted(value)) this.#file(this.#unsortedTimes[i] as number, value)
      else this.#size--
    }
  }

  /** Opens the next bucket that is not empty, if it begins before `until`. */
  #advance(until: number): boolean {
    const last = Math.floor(until / WIDTH)
    while (this.#next === this.#end && this.#late.size === 0) {
      if (this.#waiting === 0) {
        if (this.#farFirst > last || this.#farFirst === Number.POSITIVE_INFINITY) return false
        this.#turn()
      }
      if (this.#current >= last) return false
      this.#current++
      if (this.#lists.length(this.#current % BUCKETS) > 0) this.#open(this.#current % BUCKETS)
    }
    return true
  }

  /** All buckets are empty: they begin anew at the first time that is beyond them. */
  #turn(): void {
    this.#current = this.#farFirst - 1
    this.#horizon = this.#farFirst + BUCKETS
    this.#farFirst = Number.POSITIVE_INFINITY
    this.#size -= this.#lists.length(FAR)
    this.#deal(FAR, () => true)
  }

  /**
   * Sorts a bucket. Times spread over it, so they are first dealt by time into as many cells as there are entries, which
   * leaves little to move; a bucket of a crowd within a moment goes to the heap instead.
   */
  #open(list: number): void {
    const length = this.#lists.length(list)
    this.#drain(list, length)
    this.#waiting -= length
    this.#next = 0
    this.#end = length
    if (length > this.#times.length) {
      this.#times = new Float64Array(this.#unsortedTimes.length)
      this.#values = new Int32Array(this.#unsortedTimes.length)
    }
    this.#spread(length)
    if (this.#insert(length)) return
    for (let i = 0; i < length; i++) this.#late.push(this.#times[i] as number, this.#values[i] as number)
    this.#end = 0
  }

  /** Deals entries by time, a stable counting sort into `length` cells. */
  #spread(length: number): void {
    const [from, begin, scale] = [this.#unsortedTimes, this.#current * WIDTH, length / WIDTH]
    if (length >= this.#counts.length) this.#counts = new Int32Array(length * 2)
    const counts = this.#counts.fill(0, 0, length + 1)
    const last = length - 1
    for (let i = 0; i < length; i++) {
      const cell = Math.min(last, Math.floor(((from[i] as number) - begin) * scale)) + 1
      counts[cell] = (counts[cell] as number) + 1
    }
    for (let i = 1; i < length; i++) counts[i] = (counts[i] as number) + (counts[i - 1] as number)
    for (let i = 0; i < length; i++) {
      const time = from[i] as number
      const cell = Math.min(last, Math.floor((time - begin) * scale))
      const at = counts[cell] as number
      counts[cell] = at + 1
      this.#times[at] = time
      this.#values[at] = this.#unsortedValues[i] as number
    }
  }

  /** Insertion sort. False when it gave up; equal times are in their order all the same. */
  #insert(length: number): boolean {
    const [times, values] = [this.#times, this.#values]
    let moves = length * MOVES
    for (let i = 1; i < length; i++) {
      const time = times[i] as number
      if (time >= (times[i - 1] as number)) continue
      const value = values[i] as number
      let at = i
      while (at > 0 && (times[at - 1] as number) > time) {
        times[at] = times[at - 1] as number
        values[at] = values[at - 1] as number
        at--
      }
      times[at] = time
      values[at] = value
      moves -= i - at
      if (moves < 0) return false
    }
    return true
  }

  #drain(list: number, length: number): void {
    if (length > this.#unsortedTimes.length) {
      this.#unsortedTimes = new Float64Array(length * 2)
      this.#unsortedValues = new Int32Array(length * 2)
    }
    this.#lists.drain(list, this.#unsortedTimes, this.#unsortedValues)
  }
}
