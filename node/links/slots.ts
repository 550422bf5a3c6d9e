/** The reason why a task was not even begun. */
export class TooMany extends Error {
  override readonly name = 'TooMany'
}

/** Runs a bounded number of tasks at a time; a bounded number of others wait their turn, and the rest is refused. */
export class Slots {
  readonly #parallel: number
  readonly #waitLimit: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(parallel: number, waitLimit: number) {
    this.#parallel = parallel
    this.#waitLimit = waitLimit
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** @throws TooMany when too many wait already, and whatever the task throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#parallel) {
      this.#running++
    } else {
      if (this.#waiting.length >= this.#waitLimit) {
        throw new TooMany(`too many dials at a time: ${this.#parallel} under way and ${this.#waitLimit} waiting`)
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift() // it takes over the slot
      if (next === undefined) this.#running--
      else next()
    }
  }
}
