import { footprint, type Publication, publicationId } from '../publication.ts'

/** What has a number. */
export interface Numbered {
  readonly publisher: string
  readonly sequence: number
  /** Undefined until the payload comes. */
  publication: Publication | undefined
}

/**
 * The publications that have a number and are not yet with all members.
 *
 * Invariants: (1) the numbers are `base`+1 ... `last`, without a gap; (2) all up to `held` have their payload, `held`+1 does not;
 * (3) `base` <= `held` <= `last`; what is dropped was held.
 */
export class Log {
  #base: number
  #held: number
  #bytes = 0
  #entries: Numbered[] = []
  /** Numbers whose payload is lacking, by publication id. */
  readonly #lacking = new Map<string, number>()

  constructor(base: number) {
    this.#base = base
    this.#held = base
  }

  get base(): number {
    return this.#base
  }

  get held(): number {
    return this.#held
  }

  get last(): number {
    return this.#base + this.#entries.length
  }

  get size(): number {
    return this.#entries.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get lacks(): ReadonlyMap<string, number> {
    return this.#lacking
  }

  at(number: number): Numbered | undefined {
    return this.#entries[number - this.#base - 1]
  }

  /** Whether it has a number here and is here itself. */
  holds({ publisher, sequence }: Publication): boolean {
    return this.#entries.some(
      (entry) => entry.publication !== undefined && entry.publisher === publisher && entry.sequence === sequence,
    )
  }

  /** Gives it the next number. */
  append(publisher: string, sequence: number, publication: Publication | undefined): void {
    this.#entries.push({ publisher, sequence, publication: undefined })
    this.#lacking.set(publicationId({ publisher, sequence }), this.last)
    if (publication !== undefined) this.fill(publication)
  }

  /** Its payload has come. False when none is lacking. */
  fill(publication: Publication): boolean {
    const id = publicationId(publication)
    const number = this.#lacking.get(id)
    const entry = number === undefined ? undefined : this.at(number)
    if (entry === undefined) return false
    this.#lacking.delete(id)
    entry.publication = publication
    this.#bytes += footprint(publication)
    while (this.at(this.#held + 1)?.publication !== undefined) this.#held++
    return true
  }

  /** Takes the numbers after `last` back. @returns the publications that had them, as far as they are here, in their order */
  truncate(last: number): Publication[] {
    const taken: Publication[] = []
    while (this.last > Math.max(last, this.#base)) {
      const entry = this.#entries.pop() as Numbered
      this.#lacking.delete(publicationId(entry))
      if (entry.publication === undefined) continue
      this.#bytes -= footprint(entry.publication)
      taken.push(entry.publication)
    }
    this.#held = Math.min(this.#held, this.last)
    return taken.reverse()
  }

  /** Nobody will ask for numbers up to this one. */
  drop(number: number): void {
    const count = Math.min(number, this.#held) - this.#base
    if (count <= 0) return
    for (const { publication } of this.#entries.splice(0, count)) {
      if (publication !== undefined) this.#bytes -= footprint(publication)
    }
    this.#base += count
  }
}
