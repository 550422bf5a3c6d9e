/** A map that forgets the longest unset entries once it holds too many, or too many bytes. */
export class Bounded<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly bytes: number }>()
  readonly #limit: number
  readonly #byteLimit: number
  #bytes = 0

  constructor(limit: number, byteLimit = Number.POSITIVE_INFINITY) {
    this.#limit = limit
    this.#byteLimit = byteLimit
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  set(key: string, value: T, bytes = 0): void {
    this.#delete(key)
    this.#entries.set(key, { value, bytes })
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit && this.#bytes <= this.#byteLimit) break
      this.#delete(oldest)
    }
  }

  #delete(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }
}
