import type { Kept, Sample } from './sample.ts'

/** LIMITS: members of a union, whatever comes. */
export const MAX_MEMBERS = 256

/**
 * The different texts of one attribute, each with a node that signed to have it: the first MAX_MEMBERS in the order of their UTF-16 units. A
 * liar adds one member, and nobody can add what no node has.
 *
 * Invariants: (1) at most MAX_MEMBERS, each with the latest sample that was heard of for it; (2) for samples of one time each, the members
 * depend on which were considered, not on their order or number.
 */
export class Union implements Kept {
  readonly #key: number
  readonly #members = new Map<string, Sample>()
  /** When the latest sample was issued that had no room. */
  #cut = Number.NEGATIVE_INFINITY

  constructor(key: number) {
    this.#key = key
  }

  get samples(): readonly Sample[] {
    return [...this.#members.values()]
  }

  /** Sorted. */
  get members(): readonly string[] {
    return [...this.#members.keys()].sort()
  }

  /** Whether there are more than are kept. */
  get more(): boolean {
    return this.#cut > Number.NEGATIVE_INFINITY
  }

  consider(sample: Sample): void {
    const text = sample.texts.get(this.#key)
    for (const [member, known] of this.#members) {
      if (known.id === sample.id && known.issued < sample.issued && member !== text) this.#members.delete(member)
    }
    if (text === undefined) return
    const known = this.#members.get(text)
    if (known !== undefined && known.issued >= sample.issued) return
    this.#members.set(text, sample)
    if (this.#members.size <= MAX_MEMBERS) return
    const last = this.members.at(-1) as string
    this.#cut = Math.max(this.#cut, this.#members.get(last)?.issued ?? 0)
    this.#members.delete(last)
  }

  remove(id: string): boolean {
    const before = this.#members.size
    for (const [member, sample] of this.#members) if (sample.id === id) this.#members.delete(member)
    return this.#members.size < before
  }

  forget(upTo: number): void {
    for (const [member, { issued }] of this.#members) if (issued <= upTo) this.#members.delete(member)
    if (this.#cut <= upTo) this.#cut = Number.NEGATIVE_INFINITY
  }
}
