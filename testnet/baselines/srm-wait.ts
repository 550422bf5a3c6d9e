import type { Random } from '../../core/random.ts'

/** Bounds of the two constants that a wait is drawn with. */
export interface WaitOptions {
  /** A wait is uniform in [a, a + b) times the distance. */
  readonly a: number
  readonly b: number
  readonly limits: { readonly a: readonly [number, number]; readonly b: readonly [number, number] }
  /** Whether the constants follow the duplicates and delays that are seen. */
  readonly adaptive: boolean
}

/** Duplicates and delay (in distances) that adaptive waits aim at, and the weight of the newest sample (Floyd et al.: 1, 1, 1/4). */
const DUPLICATES = 1
const DELAY = 1
const WEIGHT = 0.25
const MARGIN = 0.1

/**
 * How long a member of SRM waits before it asks or repairs: long enough that one of them speaks first and the others hear it.
 *
 * Adaptive (Floyd, Jacobson, Liu, McCanne, Zhang 1997, section VI; steps as in their simulator): with too many duplicates the
 * interval moves away and widens, with few it comes nearer; who spoke, and was nearer than those who spoke too, waits less
 * the next time, so that in the end the nearest speaks alone.
 */
export class Wait {
  readonly #random: Random
  readonly #options: WaitOptions
  #a: number
  #b: number
  #duplicates: number | undefined
  #delay: number | undefined
  /** Since the last draw: others that said the same, and whether this member was the nearest of those who spoke. */
  #heard = 0
  #nearest = false

  constructor(random: Random, options: WaitOptions) {
    this.#random = random
    this.#options = options
    this.#a = options.a
    this.#b = options.b
  }

  /** A wait for a new loss, ms. */
  first(distance: number): number {
    if (this.#options.adaptive) this.#adapt()
    return this.again(distance)
  }

  /** A wait for the same loss, ms. */
  again(distance: number): number {
    return distance * (this.#a + this.#random.float() * this.#b)
  }

  /** The first message about this loss was sent or heard, so many distances after the wait began. */
  ended(distances: number): void {
    this.#delay = average(this.#delay, distances)
  }

  /** Who asks for several losses at once speaks several times before it adapts again: the bound is kept here, too. */
  spoke(): void {
    if (!this.#options.adaptive) return
    this.#nearest = true
    this.#a = Math.max(this.#options.limits.a[0], this.#a - 0.1)
  }

  /** Somebody said what had been said already. @param nearer whether we, who spoke too, are much nearer; undefined when we did not */
  heard(nearer?: boolean): void {
    this.#heard++
    if (nearer !== undefined) this.#nearest = nearer
  }

  #adapt(): void {
    if (this.#delay !== undefined) {
      this.#duplicates = average(this.#duplicates, this.#heard)
      const duplicates = this.#duplicates
      if (this.#nearest) this.#b -= 0.1
      else if (duplicates >= DUPLICATES) {
        this.#a += 0.1
        this.#b += 0.5
      } else if (duplicates < DUPLICATES - MARGIN) {
        if (this.#delay > DELAY) this.#b -= 0.1
        if (duplicates < 0.25) this.#a -= 0.05
      } else this.#a += 0.05
    }
    this.#heard = 0
    this.#nearest = false
    const { a, b } = this.#options.limits
    this.#a = Math.min(a[1], Math.max(a[0], this.#a))
    this.#b = Math.min(b[1], Math.max(b[0], this.#b))
  }
}

function average(before: number | undefined, sample: number): number {
  return before === undefined ? sample : before + WEIGHT * (sample - before)
}
