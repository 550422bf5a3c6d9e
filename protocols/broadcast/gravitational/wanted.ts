import type { PeerDescriptor } from '../../../core/descriptor.ts'

interface Wanted {
  readonly publisher: number
  readonly sequence: number
  /** Whom it was asked of, the last one last. */
  readonly asked: string[]
  /** Others who announced it, at most `others`. */
  readonly others: PeerDescriptor[]
  at: number
}

const MAX_WANTED = 4096

export interface WantedOptions {
  readonly patience: number
  readonly others: number
}

/**
 * Publications that were asked for and did not come yet, by `publisher position/sequence`; at most MAX_WANTED, the oldest out
 * first. Each is asked of one member at a time, so none comes twice; who does not answer is followed by the next who has it.
 */
export class WantedOnes {
  readonly #options: WantedOptions
  readonly #wanted = new Map<string, Wanted>()
  readonly #givenUp: (publisher: number) => void

  /** @param givenUp one of this publisher is not waited for any more, and has not come */
  constructor(options: WantedOptions, givenUp: (publisher: number) => void = () => {}) {
    this.#options = options
    this.#givenUp = givenUp
  }

  get size(): number {
    return this.#wanted.size
  }

  /** Whether it was asked for before; then this member is remembered for later. */
  announced(key: string, by: PeerDescriptor): boolean {
    const wanted = this.#wanted.get(key)
    if (wanted === undefined) return false
    const known = wanted.asked.includes(by.id) || wanted.others.some(({ id }) => id === by.id)
    if (!known && wanted.others.length < this.#options.others) wanted.others.push(by)
    return true
  }

  ask(key: string, publisher: number, sequence: number, of: string, now: number): void {
    this.#wanted.set(key, { publisher, sequence, asked: [of], others: [], at: now })
    if (this.#wanted.size > MAX_WANTED) this.#giveUp(this.#wanted.keys().next().value as string)
  }

  /** Whether it is waited for, and was asked of this one. */
  isAskedOf(key: string, from: string): boolean {
    return this.#wanted.get(key)?.asked.includes(from) === true
  }

  /** Ends the wait for it. @returns everybody who has it, the one that it was asked of first is first */
  came(key: string): readonly string[] {
    const wanted = this.#wanted.get(key)
    if (wanted === undefined) return []
    this.#wanted.delete(key)
    return [...wanted.asked, ...wanted.others.map(({ id }) => id)]
  }

  /** Those to be asked of the next one now; where there is no next one they are given up, until somebody announces them again. */
  *overdue(
    now: number,
  ): Generator<{ readonly publisher: number; readonly sequence: number; readonly of: PeerDescriptor }> {
    for (const [key, wanted] of this.#wanted) {
      if (now - wanted.at < this.#options.patience) continue
      const of = wanted.others.shift()
      if (of === undefined) {
        // Three more spells, in case the answer is only slow.
        if (now - wanted.at >= 4 * this.#options.patience) this.#giveUp(key)
        continue
      }
      wanted.asked.push(of.id)
      wanted.at = now
      yield { publisher: wanted.publisher, sequence: wanted.sequence, of }
    }
  }

  #giveUp(key: string): void {
    const { publisher } = this.#wanted.get(key) as Wanted
    this.#wanted.delete(key)
    this.#givenUp(publisher)
  }
}
