/** Senders counted apart in a window; those beyond it are counted together as one. */
const MAX_SENDERS = 1024
const OTHERS = ''

/**
 * Who publishes how much, as everybody sees it who receives it: what a fair share is needs no word from anybody, so nobody can
 * lie about it. Two windows, of which the older is complete.
 */
export class Senders {
  readonly #rounds: number
  #before = new Map<string, number>()
  #now = new Map<string, number>()
  #turns = 0
  #since: number
  #swapped: number

  /** @param rounds a window has @param now ms */
  constructor(rounds: number, now: number) {
    this.#rounds = rounds
    this.#since = now
    this.#swapped = now
  }

  received(publisher: string): void {
    const known = this.#now.has(publisher) || this.#now.size < MAX_SENDERS
    const key = known ? publisher : OTHERS
    this.#now.set(key, (this.#now.get(key) ?? 0) + 1)
  }

  turn(now: number): void {
    this.#turns++
    if (this.#turns < this.#rounds) return
    this.#turns = 0
    this.#before = this.#now
    this.#now = new Map()
    this.#since = this.#swapped
    this.#swapped = now
  }

  /** Messages a second of one of them. */
  rate(publisher: string, now: number): number {
    const count = (this.#before.get(publisher) ?? 0) + (this.#now.get(publisher) ?? 0)
    return now <= this.#since ? 0 : count / ((now - this.#since) / 1000)
  }

  /** Messages a second that each sender would have if all had the same; undefined while nobody published. */
  share(now: number): number | undefined {
    let total = 0
    for (const count of this.#before.values()) total += count
    for (const count of this.#now.values()) total += count
    let senders = this.#before.size
    for (const publisher of this.#now.keys()) if (!this.#before.has(publisher)) senders++
    if (total === 0 || now <= this.#since) return undefined
    return total / senders / ((now - this.#since) / 1000)
  }
}
