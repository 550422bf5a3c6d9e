import { footprint, isExpired, type Publication, publicationId } from '../publication.ts'

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
  readonly #waiting = new Map<string, Waiting>()
  #bytes = 0

  constructor(limit: number, bytes: number) {
    this.#limit = limit
    this.#maxBytes = bytes
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

  /** Forgets those that nobody could accept any more, or wants. @returns them */
  expire(now: number, window: number): Publication[] {
    const expired: Publication[] = []
    for (const [id, { publication, since }] of this.#waiting) {
      if (now - since < window && !isExpired(publication, now)) continue
      this.delete(id)
      expired.push(publication)
    }
    return expired
  }
}
