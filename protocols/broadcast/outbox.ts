import { TokenBucket } from '../../core/bucket.ts'
import type { Environment, Timer } from '../../core/environment.ts'
import type { Publication } from './publication.ts'

/** Publications that wait: 3 MiB. */
export const MAX_WAITING = 64

export interface OutboxOptions {
  readonly partRate: number
  readonly partBurst: number
}

/**
 * What this node published in one lane and has not sent yet. The parts of a large message leave one by one: all at once they would be
 * 1 MiB for each of up to 16 peers, twice what may wait for one on its link, and what is dropped there comes back at repair's pace.
 *
 * Invariants: (1) first in, first out; (2) only a part of a larger message, and what was published after it, ever waits; (3) at most
 * MAX_WAITING wait, for its owner asks `wait` before.
 */
export class Outbox {
  readonly #environment: Pick<Environment<never>, 'now' | 'after'>
  readonly #send: (publication: Publication) => void
  readonly #parts: TokenBucket
  readonly #waiting: Publication[] = []
  #timer: Timer | undefined
  #sending = false

  constructor(
    environment: Pick<Environment<never>, 'now' | 'after'>,
    { partRate, partBurst }: OutboxOptions,
    send: (publication: Publication) => void,
  ) {
    this.#environment = environment
    this.#parts = new TokenBucket(partRate, partBurst)
    this.#send = send
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** ms until there is room for a message of so many parts. */
  wait(parts: number): number {
    const excess = this.#waiting.length === 0 ? 0 : this.#waiting.length + parts - MAX_WAITING
    return excess <= 0 ? 0 : Math.ceil((excess * 1000) / this.#parts.rate)
  }

  add(publication: Publication): void {
    this.#waiting.push(publication)
    if (this.#timer === undefined && !this.#sending) this.#drain()
  }

  /** Nothing of it is sent any more. @returns how many that were */
  clear(): number {
    this.#timer?.cancel()
    this.#timer = undefined
    return this.#waiting.splice(0).length
  }

  #drain(): void {
    this.#timer = undefined
    this.#sending = true // a subscriber of this node may publish when it gets one: that comes after it
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const now = this.#environment.now()
      if (next.parts > 1 && !this.#parts.take(now)) {
        this.#timer = this.#environment.after(Math.ceil(this.#parts.wait(now)), () => this.#drain())
        break
      }
      this.#waiting.shift()
      this.#send(next)
    }
    this.#sending = false
  }
}
