import { TokenBucket } from '../../core/bucket.ts'
import { CLOCK_WINDOW } from '../../core/descriptor.ts'
import { Tally } from '../../core/tally.ts'

export interface EpochOptions {
  /** ms: epochs begin at multiples of it, by the clock of whoever begins one. @default 30000 (paper: 30 cycles) */
  readonly length: number
  /** ms after which an epoch is replaced though nothing is known to have changed. @default 600000 (chosen) */
  readonly longest: number
}

export const EPOCH_DEFAULTS: EpochOptions = { length: 30_000, longest: 600_000 }

/** Epochs taken over within one `length`, at most: the honest one, and room for clocks that disagree. Half of them may come at once. */
const RESTARTS = 4

/** What to do with a message of some epoch. `declined`: this node takes no part in it. */
export type Heard = 'current' | 'newer' | 'older' | 'declined'

/**
 * When averaging starts anew (Jelasity et al. section 4: restart every n cycles, the newer epoch wins). An epoch is known by the
 * time at which it began, rounded to a grid that all share, so those who begin one at about the same time begin the same.
 *
 * Adaptive: a new epoch begins only when somebody noticed a change that the running one cannot take in (`changed`: a peer died, a
 * transfer is in doubt), when somebody waits to take part, or when the running one is very old. Otherwise it goes on, and gets ever
 * more exact.
 *
 * Invariants: (1) `current` only grows; (2) a node takes part in no epoch that began before it started; (3) at most RESTARTS epochs of
 * others in one `length`, whatever they claim; (4) no epoch from further in the future than honest clocks are apart.
 */
export class Epochs {
  /** from-the-future, too-many */
  readonly tally = new Tally()
  readonly #options: EpochOptions
  readonly #restarts: TokenBucket
  /** Neither this epoch nor any before it is for this node. */
  readonly #barrier: number
  #current = 0
  /** When the current one began here, by this node's clock. */
  #begunAt = 0
  #changed = false

  /** @param now when the node starts */
  constructor(now: number, options: Partial<EpochOptions> = {}) {
    this.#options = { ...EPOCH_DEFAULTS, ...options }
    this.#restarts = new TokenBucket((RESTARTS * 500) / this.#options.length, RESTARTS / 2)
    this.#barrier = this.#grid(now)
  }

  /** The epoch this node takes part in, ms since 1970; 0 while it waits for its first. */
  get current(): number {
    return this.#current
  }

  /** Something happened that only a new epoch takes in: the next one begins with the next step of the grid, one `length` from now at most. */
  changed(): void {
    this.#changed = true
  }

  /** To be asked every round. True when a new epoch begins here. */
  turn(now: number): boolean {
    const next = this.#grid(Math.max(now, this.#current + now - this.#begunAt))
    if (next <= Math.max(this.#current, this.#barrier)) return false
    const wanted = this.#current === 0 || this.#changed || now - this.#current >= this.#options.longest
    if (wanted) this.#begin(next, now)
    return wanted
  }

  /** A message of this epoch came. `newer`: it begins here, too. */
  hear(epoch: number, now: number): Heard {
    if (epoch === this.#current && epoch > 0) return 'current'
    if (epoch <= Math.max(this.#current, this.#barrier)) return this.#current === 0 ? 'declined' : 'older'
    if (epoch > now + CLOCK_WINDOW) {
      this.tally.add('from-the-future')
      return 'declined'
    }
    if (!this.#restarts.take(now)) {
      this.tally.add('too-many')
      return 'declined'
    }
    this.#begin(epoch, now)
    return 'newer'
  }

  #begin(epoch: number, now: number): void {
    this.#current = epoch
    this.#begunAt = now
    this.#changed = false
  }

  #grid(now: number): number {
    return Math.floor(now / this.#options.length) * this.#options.length
  }
}
