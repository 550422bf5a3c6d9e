import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Members } from './members.ts'

/** ms for which an offer counts. */
export const OFFERED_FOR = 10_000
/** ms after a death from which an offer disputes it: until then the sampler's lists may still name the dead. */
const DISPUTED_AFTER = 30_000

/** Which of the dead others still offer. None is kept for longer than OFFERED_FOR, and at most as many as there are members. */
export class Disputes {
  readonly #members: Members
  /** When each was offered last. */
  readonly #offered = new Map<string, number>()

  constructor(members: Members) {
    this.#members = members
  }

  offered(id: string, now: number): void {
    this.#offered.set(id, now)
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
