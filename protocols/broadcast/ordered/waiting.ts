import { footprint, isExpired, type Publication, publicationId } from '../publication.ts'

/**
 * Windows after its publication from which one is given no number, and is given up: a member that accepted it in the last moment may
 * still get it one, which has to have come to all before they give it up.
 */
const LATE = 1.125
const OVER = 1.25

export interface Waiting {
  readonly publication: Publication
  readonly since: number
  /** When it was last handed to the leader: of our own. */
  handed: number
}

/**
 * Publications that were not delivered yet, in the order of arrival, which is each publisher's order.
 *
 * At most `limit` of them and `bytes` bytes; a full one loses its oldest. Its publisher, while it lives, hands the leader what has no
 * number, so what is lost here is lost only if its publisher loses it as well.
 */
export class WaitingRoom {
  readonly #limit: number
  readonly #maxBytes: number
  readonly #window: number
  readonly #publishedAt: (publication: Publication) => number | undefined
  readonly #waiting = new Map<string, Waiting>()
  #bytes = 0

  /** @param window ms after its publication within which one is accepted. @param publishedAt by this node's clock, ms; undefined: as it came */
  constructor(
    limit: number,
    bytes: number,
    window: number,
    publishedAt: (publication: Publication) => number | undefined,
  ) {
    this.#limit = limit
    this.#maxBytes = bytes
    this.#window = window
    this.#publishedAt = publishedAt
  }

  get size(): number {
    return this.#waiting.size
  }

  get(id: string): Publication | undefined {
    return this.#waiting.get(id)?.publication
  }

  all(): IterableIterator<Waiting> {
    return this.#waiting.values()
  }

  /** @returns what it lost to make room */
  add(publication: Publication, now: number): Publication[] {
    const id = publicationId(publication)
    if (this.#waiting.has(id)) return []
    this.#waiting.set(id, { publication, since: now, handed: now })
    this.#bytes += footprint(publication)
    const lost: Publication[] = []
    for (const [oldest, one] of this.#waiting) {
      if (this.#waiting.size <= this.#limit && this.#bytes <= this.#maxBytes) break
      this.delete(oldest)
      lost.push(one.publication)
    }
    return lost
  }

  /** @returns whether it was here */
  delete(id: string): boolean {
    const one = this.#waiting.get(id)
    if (one === undefined) return false
    this.#waiting.delete(id)
    this.#bytes -= footprint(one.publication)
    return true
  }

  /** Too old to be given a number: others may give it up before that comes to them. */
  isLate(one: Waiting, now: number): boolean {
    return this.#age(one, now) >= LATE * this.#window
  }

  /** Forgets those that get no number any more, or that nobody wants. @returns them */
  expire(now: number): Publication[] {
    const expired: Publication[] = []
    for (const [id, one] of this.#waiting) {
      if (this.#age(one, now) < OVER * this.#window && !isExpired(one.publication, now)) continue
      this.delete(id)
      expired.push(one.publication)
    }
    return expired
  }

  #age({ publication, since }: Waiting, now: number): number {
    return now - Math.min(since, this.#publishedAt(publication) ?? since)
  }
}
