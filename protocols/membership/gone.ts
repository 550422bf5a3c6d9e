import type { PeerDescriptor } from '../../core/descriptor.ts'

/** ms in which the ring has closed over its dead (measured in simulation). */
const CLOSING = 10_000
/** At most. */
const MAX_GONE = 32

/** Contacts that died or fell silent lately: until the ring has closed over them nobody vouches for their places. */
export class Gone {
  /** Newest last. */
  #gone: readonly { readonly peer: PeerDescriptor; readonly at: number }[] = []

  add(peer: PeerDescriptor, now: number): void {
    if (this.#gone.some((one) => one.peer.id === peer.id)) return
    this.#gone = [...this.#gone, { peer, at: now }].slice(-MAX_GONE)
  }

  lately(now: number): readonly PeerDescriptor[] {
    this.#gone = this.#gone.filter(({ at }) => at > now - CLOSING)
    return this.#gone.map(({ peer }) => peer)
  }
}
