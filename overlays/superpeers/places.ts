import type { PeerDescriptor } from '../../core/descriptor.ts'

/**
 * How often a client is told to move before its super-peer no longer waits for it. An honest one goes, unless the other is full or dead, which
 * several in a row seldom are; one that never goes would keep its super-peer from ever becoming a client itself.
 */
export const MOST_MOVES = 8

interface Client {
  readonly peer: PeerDescriptor
  readonly until: number
  /** How often it was told to move, or others before it came. */
  readonly moves: number
}

/** The clients of a super-peer. Places are leases, so those of the dead and of unheard goodbyes come free. */
export class Places {
  readonly #mostMoves: number
  readonly #clients = new Map<string, Client>()
  /** How often some were told to move since there was last nobody to hand them to. */
  #told = 0

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
   * outlast a capacity that falls. Who comes while others are told to move is told once if they were often enough: keys cost nothing, and
   * who comes under a new one every round would be waited for without end.
   */
  grant(peer: PeerDescriptor, until: number, capacity: number): boolean {
    const others = this.#clients.size - (this.#clients.has(peer.id) ? 1 : 0)
    if (others >= capacity) return false
    const moves = this.#clients.get(peer.id)?.moves ?? Math.min(this.#told, this.#mostMoves - 1)
    this.#clients.set(peer.id, { peer, until, moves })
    return true
  }

  /** Whom to tell to move now, at most so many, which is noted: first those of whom there is hope. */
  toMove(count: number): readonly PeerDescriptor[] {
    this.#told++
    const all = [...this.#clients.values()]
    const hopeful = all.filter((client) => !this.#stays(client))
    const told = [...hopeful, ...all.filter((client) => this.#stays(client))].slice(0, count)
    for (const client of told) this.#clients.set(client.peer.id, { ...client, moves: client.moves + 1 })
    return told.map(({ peer }) => peer)
  }

  /** There is nobody to hand them to any more: who comes from now on is waited for. */
  stay(): void {
    this.#told = 0
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
