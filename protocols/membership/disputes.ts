import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Tally } from '../../core/tally.ts'
import { type Members, NEVER } from './members.ts'
import type { Pings } from './pings.ts'

/** ms for which an offer counts. */
const OFFERED_FOR = 10_000
/** ms between two pings to one of the dead that others offer, and from its death to the first: it has to bury this node as well. */
const PINGED_EVERY = OFFERED_FOR
/** ms after a death from which an offer disputes it: until then the sampler's lists may still name the dead. */
const DISPUTED_AFTER = 30_000

export interface DisputesInit {
  readonly members: Members
  readonly pings: Pings
  /** ms between two pings to any of them. */
  readonly period: number
  readonly tally: Tally
}

/**
 * Which of the dead others still offer. None is kept for longer than OFFERED_FOR, and at most as many as there are members.
 *
 * Two that buried each other while links carried one way, or lost much, are silent towards each other for good, and only those
 * around know that both live. So whoever is offered is pinged, though seldom: as long as nothing of its own arrives here, every
 * ping would keep it from burying this node, which it cannot reach. At most one a period.
 */
export class Disputes {
  readonly #init: DisputesInit
  readonly #members: Members
  /** When each was offered last. */
  readonly #offered = new Map<string, number>()
  #pingedAt = NEVER

  constructor(init: DisputesInit) {
    this.#init = init
    this.#members = init.members
  }

  /** Others offer this peer: of the dead those count that once were heard of. */
  offered(peer: PeerDescriptor, now: number): void {
    const member = this.#members.get(peer.id)
    if (member?.state !== 'dead' || member.heardAt === NEVER) return
    this.#offered.set(peer.id, now)
    if (now - this.#pingedAt < this.#init.period || now - member.since < PINGED_EVERY) return
    if (this.#init.pings.waits(peer.id, now - PINGED_EVERY)) return
    this.#pingedAt = now
    this.#init.tally.add('offered')
    this.#init.pings.send(peer)
  }

  /** Those of them whose death is so old that the news of it has reached everybody. */
  at(now: number): readonly PeerDescriptor[] {
    const peers: PeerDescriptor[] = []
    for (const [id, at] of this.#offered) {
      const member = this.#members.get(id)
      if (member?.state !== 'dead' || now - at > OFFERED_FOR) continue
      if (now - member.since > DISPUTED_AFTER) peers.push(member.peer)
    }
    return peers
  }

  forget(now: number): void {
    for (const [id, at] of this.#offered) if (now - at > OFFERED_FOR) this.#offered.delete(id)
  }
}
