import type { PeerDescriptor } from '../../core/descriptor.ts'

/**
 * How often a client is told to move before its super-peer no longer waits for it. An honest one goes, unless the other is full or dead, which
 * several in a row seldom are; one that never goes would keep its super-peer from ever becoming a client itself.
 */
export const MOST_MOVES = 8

interface Client {
  readonly peer: PeerDescriptor
  readonly until: number
  /** How often it was told to move. */
  readonly moves: number
}

/** The clients of a super-peer. Places are leases, so those of the dead and of unheard goodbyes come free. */
export class Places {
  readonly #mostMoves: number
  readonly #clients = new Map<string, Client>()

  /** @param mostMoves moves without effect that a client may stay for; Infinity switches the defence off */
  constructor(mostMoves = MOST_MOVES) {
    this.#mostMoves = mostMoves
  }

  get size(): number {
    return this.#clients.size
  }

  get peers(): readonly PeerDescriptor[] {
    return [...this.#clients.values()].map(({ peer }) => peer)
  }

  has(id: string): boolean {
    return this.#clients.has(id)
  }

  /**
   * Gives a place, or more time in it, unless that is one more than the capacity: what was kept for ever by whoever renewed would
   * outlast a capacity that falls.
   */
  grant(peer: PeerDescriptor, until: number, capacity: number): boolean {
    const others = this.#clients.size - (this.#clients.has(peer.id) ? 1 : 0)
    if (others >= capacity) return false
    this.#clients.set(peer.id, { peer, until, moves: this.#clients.get(peer.id)?.moves ?? 0 })
    return true
  }

  /** Whom to tell to move now, at most so many, which is noted: first those of whom there is hope. */
  toMove(count: number): readonly PeerDescriptor[] {
    const all = [...this.#clients.values()]
    const hopeful = all.filter((client) => !this.#stays(client))
    const told = [...hopeful, ...all.filter((client) => this.#stays(client))].slice(0, count)
    for (const client of told) this.#clients.set(client.peer.id, { ...client, moves: client.moves + 1 })
    return told.map(({ peer }) => peer)
  }

  /** Whether there are no clients but those that were told often enough. */
  get areLeft(): boolean {
    return [...this.#clients.values()].every((client) => this.#stays(client))
  }

  #stays({ moves }: Client): boolean {
    return moves >= this.#mostMoves
  }

  /** Whether it had a place. */
  remove(id: string): boolean {
    return this.#clients.delete(id)
  }

  /** Ends the leases that are over; how many. */
  expire(now: number): number {
    const before = this.#clients.size
    for (const [id, { until }] of this.#clients) if (until <= now) this.#clients.delete(id)
    return before - this.#clients.size
  }
}
