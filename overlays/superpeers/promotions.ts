/** Rounds that a super-peer which has just been promoted waits for clients before it may become one again. */
const GRACE = 6
/** Rounds that it waits for the first of them: the promoter's come within four latencies, and one that has none was called in vain. */
const FIRST = 3
/** Rounds after a promotion in which no other is heeded. */
const REFUSAL = 2 * GRACE
/** LIMITS: how often that doubles, to 384 rounds: who is called in vain all the time serves in vain for about one round in a hundred. */
export const MAX_DOUBLINGS = 5

/**
 * When a client lets itself be promoted. Any smaller peer may ask, and whether there is need the client cannot see; but it sees
 * afterwards whether anybody stays. So each promotion after which nobody does, who asked left out, doubles the time until the next.
 */
export class Promotions {
  readonly #period: number
  readonly #doublings: number
  #at = Number.NEGATIVE_INFINITY
  #by: string | undefined
  /** Promotions in a row after which nobody stayed. */
  #vain = 0

  /** @param period ms of a round @param doublings how often the time of refusal doubles at most; 0 switches the defence off */
  constructor(period: number, doublings = MAX_DOUBLINGS) {
    this.#period = period
    this.#doublings = doublings
  }

  /** Whether to heed another one now. */
  allows(now: number): boolean {
    return now - this.#at >= REFUSAL * this.#period * 2 ** Math.min(this.#vain, this.#doublings)
  }

  begin(by: string, now: number): void {
    this.#at = now
    this.#by = by
    this.#vain++
  }

  /** A client has a place, or more time in it. Those who come at once may leave at once, when many are promoted in vain. */
  serves(client: string, now: number): void {
    if (client !== this.#by && !this.#isWithin(REFUSAL, now)) this.#vain = 0
  }

  /** Whether one with so many clients may not become a client itself yet. */
  isWaiting(now: number, clients: number): boolean {
    return this.#isWithin(clients === 0 ? FIRST : GRACE, now)
  }

  #isWithin(rounds: number, now: number): boolean {
    return now - this.#at < rounds * this.#period
  }
}
