interface Entry<T> {
  readonly value: T
  readonly bytes: number
  readonly until: number
}

/** A map that forgets the longest unset entries once it holds too many or too many bytes, or once their time is over. */
export class Bounded<T> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #limit: number
  readonly #byteLimit: number
  readonly #lifetime: number
  #bytes = 0

  /** @param lifetime ms; counted from the last `set` */
  constructor(limit: number, lifetime: number, byteLimit = Number.POSITIVE_INFINITY) {
    this.#limit = limit
    this.#lifetime = lifetime
    this.#byteLimit = byteLimit
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  set(key: string, value: T, now: number, bytes = 0): void {
    this.#delete(key)
    this.#entries.set(key, { value, bytes, until: now + this.#lifetime })
    this.#bytes += bytes
    for (const [oldest, { until }] of this.#entries) {
      if (this.#entries.size <= this.#limit && this.#bytes <= this.#byteLimit && now < until) break
      this.#delete(oldest)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #delete(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }
}
