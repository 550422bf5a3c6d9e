import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'

export type PeerState = 'alive' | 'suspect' | 'dead' | 'left'

export interface Member {
  readonly peer: PeerDescriptor
  readonly state: PeerState
  /** When it entered this state, on this node's clock. */
  readonly since: number
  readonly heardAt: number
  /** Smoothed round trip in ms; undefined until a ping was answered. */
  readonly rtt: number | undefined
  /** Why it is suspect, dead or left. */
  readonly reason: string | undefined
  /** Times in a row that others vouched for it while it did not answer this node. */
  readonly reprieves: number
}

/** `heardAt` of a peer that never was. */
export const NEVER = Number.NEGATIVE_INFINITY

/** Peers remembered at once. */
const MAX_MEMBERS = 1024
/** ms for which a peer that never answered at all is refused: a node that starts slowly is asked again soon. */
const REFUSED_FOR = 5000

/** What is known of the peers that this node was in touch with: at most MAX_MEMBERS, of which the longest unheard go first, contacts never. */
export class Members {
  readonly #members = new Map<string, Member>()
  readonly #contacts: () => readonly PeerDescriptor[]

  constructor(contacts: () => readonly PeerDescriptor[]) {
    this.#contacts = contacts
  }

  get(id: string): Member | undefined {
    return this.#members.get(id)
  }

  /** The longest unheard first. */
  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  /** Alive or only suspected. */
  isUp(id: string): boolean {
    const state = this.#members.get(id)?.state
    return state === 'alive' || state === 'suspect'
  }

  /** Makes this the last that was heard of. */
  remember(member: Member): void {
    this.#members.delete(member.peer.id)
    this.#members.set(member.peer.id, member)
    if (this.#members.size <= MAX_MEMBERS) return
    const contacts = new Set(this.#contacts().map(({ id }) => id))
    for (const id of this.#members.keys()) {
      if (contacts.has(id)) continue
      this.#members.delete(id)
      return
    }
  }

  /** Notes something about one that is remembered, which is no sign of its life. */
  change(member: Member, changes: Partial<Member>): void {
    this.#members.set(member.peer.id, { ...member, ...changes })
  }

  delete(id: string): void {
    this.#members.delete(id)
  }

  /** Those that have been gone for `deadFor` ms, and those whose descriptors nobody accepts any more. */
  forget(now: number, deadFor: number): void {
    for (const [id, { state, since, peer, heardAt }] of this.#members) {
      const gone = state === 'dead' || state === 'left'
      const remembered = heardAt === NEVER ? REFUSED_FOR : deadFor
      if ((gone && now - since > remembered) || !isFresh(peer, now)) this.#members.delete(id)
    }
  }

  count(): Record<PeerState, number> {
    const count = { alive: 0, suspect: 0, dead: 0, left: 0 }
    for (const { state } of this.#members.values()) count[state]++
    return count
  }
}
