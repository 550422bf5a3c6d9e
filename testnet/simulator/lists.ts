/** Entries of one chunk: a power of two. */
const CHUNK = 32
const NONE = -1

/**
 * Lists of (time, value) in the order in which they were appended. They lie in chunks of typed arrays that the lists share, so
 * that a list is read and written line by line of the cache instead of jumping through memory from entry to entry.
 */
export class Lists {
  #times = new Float64Array(16 * CHUNK)
  #values = new Int32Array(16 * CHUNK)
  /** The chunk after each one, in its list or among the free ones. */
  #after = new Int32Array(16)
  #used = 0
  #free = NONE
  readonly #heads: Int32Array
  readonly #tails: Int32Array
  readonly #lengths: Int32Array

  constructor(count: number) {
    this.#heads = new Int32Array(count).fill(NONE)
    this.#tails = new Int32Array(count).fill(NONE)
    this.#lengths = new Int32Array(count)
  }

  length(list: number): number {
    return this.#lengths[list] as number
  }

  append(list: number, time: number, value: number): void {
    const length = this.#lengths[list] as number
    const place = length % CHUNK
    if (place === 0) this.#extend(list)
    const at = (this.#tails[list] as number) * CHUNK + place
    this.#times[at] = time
    this.#values[at] = value
    this.#lengths[list] = length + 1
  }

  /** Moves a list into these arrays, which are long enough, and leaves it empty. */
  drain(list: number, times: Float64Array, values: Int32Array): void {
    const length = this.#lengths[list] as number
    let chunk = this.#heads[list] as number
    for (let copied = 0; copied < length; copied += CHUNK) {
      const from = chunk * CHUNK
      const count = Math.min(CHUNK, length - copied)
      for (let i = 0; i < count; i++) {
        times[copied + i] = this.#times[from + i] as number
        values[copied + i] = this.#values[from + i] as number
      }
      const after = this.#after[chunk] as number
      this.#after[chunk] = this.#free
      this.#free = chunk
      chunk = after
    }
    this.#heads[list] = NONE
    this.#tails[list] = NONE
    this.#lengths[list] = 0
  }

  /** One more chunk at the end of a list. */
  #extend(list: number): void {
    const chunk = this.#chunk()
    this.#after[chunk] = NONE
    const tail = this.#tails[list] as number
    if (tail === NONE) this.#heads[list] = chunk
    else this.#after[tail] = chunk
    this.#tails[list] = chunk
  }

  #chunk(): number {
    const free = this.#free
    if (free !== NONE) {
      this.#free = this.#after[free] as number
      return free
    }
    if (this.#used === this.#after.length) {
      // By a quarter: at a million events doubling would waste more than the events take.
      const chunks = Math.ceil(this.#used * 1.25)
      this.#times = copied(this.#times, new Float64Array(chunks * CHUNK))
      this.#values = copied(this.#values, new Int32Array(chunks * CHUNK))
      this.#after = copied(this.#after, new Int32Array(chunks))
    }
    return this.#used++
  }
}

function copied<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from)
  return to
}
