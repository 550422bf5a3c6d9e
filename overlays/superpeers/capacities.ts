import type { PeerDescriptor } from '../../core/descriptor.ts'
import { MAX_CAPACITY } from './messages.ts'

/** Who can serve how many, and so who comes before whom. */
export class Capacities {
  readonly #capacityOf: (peer: PeerDescriptor) => number | undefined

  /** @param capacityOf as a peer's descriptor says */
  constructor(capacityOf: (peer: PeerDescriptor) => number | undefined) {
    this.#capacityOf = capacityOf
  }

  of(peer: PeerDescriptor): number {
    const capacity = Math.floor(this.#capacityOf(peer) ?? 0)
    return Math.min(MAX_CAPACITY, Math.max(0, Number.isNaN(capacity) ? 0 : capacity))
  }

  /** Of equal ones the higher id is the larger. */
  isLarger(peer: PeerDescriptor, than: PeerDescriptor): boolean {
    const difference = this.of(peer) - this.of(than)
    return difference > 0 || (difference === 0 && peer.id > than.id)
  }

  /** The first of the most capable. */
  most(peers: readonly PeerDescriptor[]): PeerDescriptor | undefined {
    let most: PeerDescriptor | undefined
    for (const peer of peers) if (most === undefined || this.of(peer) > this.of(most)) most = peer
    return most
  }
}
