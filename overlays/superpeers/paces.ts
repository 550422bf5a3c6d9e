import { Pace } from '../../core/pace.ts'
import { MAX_CAPACITY, type SuperPeersMessage } from './messages.ts'

/** Rounds within which a peer's gossip, and its wish for a place, is answered once. */
const MIN_PAUSE = 0.4

/** How often a peer is heard with what has to be answered: gossip, and requests for a place. */
export class Paces {
  readonly #gossip: Pace
  readonly #join: Pace

  /** @param period ms of a round */
  constructor(period: number) {
    this.#gossip = new Pace(period * MIN_PAUSE)
    this.#join = new Pace(period * MIN_PAUSE, 2 * MAX_CAPACITY)
  }

  allows(id: string, kind: SuperPeersMessage['kind'], now: number): boolean {
    if (kind === 'gossip') return this.#gossip.allows(id, now)
    return kind !== 'join' || this.#join.allows(id, now)
  }
}
