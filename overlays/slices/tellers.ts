/**
 * Who told of whom, so that one teller's words fill no more than its places. Whoever told of a peer first keeps it: otherwise a liar
 * could make others' words its own by repeating them, and push them out with the next.
 */
export class Tellers {
  readonly #places: number
  /** Peer -> who told of it first. */
  readonly #tellers = new Map<string, string>()
  /** Teller -> of whom it told first, its oldest words first; none that is empty. */
  readonly #told = new Map<string, Set<string>>()

  /** @param places peers that one teller may tell of */
  constructor(places: number) {
    this.#places = places
  }

  /** Notes who told of a peer that nobody had told of; returns whom that teller told of longest ago when it is one too many. */
  add(id: string, teller: string): string | undefined {
    const told = this.#told.get(teller) ?? new Set()
    this.#told.set(teller, told.add(id))
    this.#tellers.set(id, teller)
    return told.size > this.#places ? told.values().next().value : undefined
  }

  remove(id: string): void {
    const teller = this.#tellers.get(id)
    if (teller === undefined) return
    this.#tellers.delete(id)
    const told = this.#told.get(teller)
    told?.delete(id)
    if (told?.size === 0) this.#told.delete(teller)
  }
}
