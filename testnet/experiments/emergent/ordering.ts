import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Surroundings } from '../../../core/environment.ts'
import type { Exchange } from '../../../core/exchange.ts'

/** What a node has, and the random number that it holds at present. */
export interface Pair {
  readonly value: number
  readonly id: string
  readonly random: number
}

/** ms within which every answer comes: twice the longest that a message takes here. */
const WAIT = 101

/**
 * The control: ordered slicing (Jelasity, Kermarrec; PAPERS section 1). Everybody draws a random number, and two that meet
 * swap theirs when these are not in the order of their values; at last the numbers are sorted, and a node takes its own for its
 * rank. The numbers drawn are not evenly spread, and this error never goes away; nodes that join or leave unevenly distort it
 * for good. A node that waits for an answer swaps with nobody else, so that no number is doubled.
 */
export class Ordering implements Exchange<Pair, Pair> {
  random: number
  readonly #environment: Surroundings
  readonly #value: () => number
  readonly #sample: () => PeerDescriptor | undefined
  #waitingUntil = 0

  constructor(environment: Surroundings, value: () => number, sample: () => PeerDescriptor | undefined) {
    this.#environment = environment
    this.#value = value
    this.#sample = sample
    this.random = environment.random.float()
  }

  partner(): PeerDescriptor | undefined {
    return this.#sample()
  }

  offer(): Pair {
    this.#waitingUntil = this.#environment.now() + WAIT
    return this.#pair()
  }

  answer(_from: PeerDescriptor, offer: Pair): Pair | undefined {
    if (this.#environment.now() < this.#waitingUntil) return undefined
    const own = this.#pair()
    if (isMisplaced(own, offer)) this.random = offer.random
    return own
  }

  absorb(_from: PeerDescriptor, answer: Pair): void {
    this.#waitingUntil = 0
    if (isMisplaced(this.#pair(), answer)) this.random = answer.random
  }

  missed(): void {}

  #pair(): Pair {
    return { value: this.#value(), id: this.#environment.self.id, random: this.random }
  }
}

/** (a_i - a_j)(r_i - r_j) < 0, equal values in the order of ids. */
function isMisplaced(one: Pair, other: Pair): boolean {
  const isLess = one.value < other.value || (one.value === other.value && one.id < other.id)
  return isLess !== one.random < other.random
}
