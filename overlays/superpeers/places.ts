import type { PeerDescriptor } from '../../core/descriptor.ts'

/** The clients of a super-peer. Places are leases, so those of the dead and of unheard goodbyes come free. */
export class Places {
  readonly #clients = new Map<string, { readonly peer: PeerDescriptor; readonly until: number }>()

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
    this.#clients.set(peer.id, { peer, until })
    return true
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
