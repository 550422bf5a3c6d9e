import type { Kept, Sample } from './sample.ts'

/** A node and its value. */
export interface Ranked {
  readonly id: string
  readonly value: number
}

/**
 * The nodes with the largest values of one attribute (or the smallest), by what each signed last: a liar can put itself on the list, and nobody
 * else.
 *
 * Invariants: (1) at most `size` entries, one a node, largest first, ids breaking ties; (2) for samples of one time each, what is kept depends
 * on which were considered, not on their order or number: merging is commutative, associative and idempotent. Who fell off and
 * has renewed its value since comes back by its own next message.
 */
export class Top implements Kept {
  readonly #key: number
  readonly #size: number
  readonly #sign: 1 | -1
  #samples: readonly Sample[] = []

  /** @param largest false for the smallest values */
  constructor(key: number, size: number, largest: boolean) {
    this.#key = key
    this.#size = size
    this.#sign = largest ? 1 : -1
  }

  get samples(): readonly Sample[] {
    return this.#samples
  }

  get ranked(): readonly Ranked[] {
    return this.#samples.map((sample) => ({ id: sample.id, value: sample.values.get(this.#key) as number }))
  }

  consider(sample: Sample): void {
    const known = this.#samples.find(({ id }) => id === sample.id)
    if (known !== undefined && known.issued >= sample.issued) return
    if (known === undefined && !sample.values.has(this.#key)) return
    const others = this.#samples.filter((one) => one !== known)
    const more = sample.values.has(this.#key) ? [...others, sample] : others
    this.#samples = more.sort((a, b) => this.#order(a, b)).slice(0, this.#size)
  }

  forget(upTo: number): void {
    if (this.#samples.some(({ issued }) => issued <= upTo))
      this.#samples = this.#samples.filter(({ issued }) => issued > upTo)
  }

  remove(id: string): boolean {
    const others = this.#samples.filter((sample) => sample.id !== id)
    const had = others.length < this.#samples.length
    this.#samples = others
    return had
  }

  #order(a: Sample, b: Sample): number {
    const difference = (b.values.get(this.#key) as number) - (a.values.get(this.#key) as number)
    return this.#sign * difference || (a.id < b.id ? -1 : 1)
  }
}
