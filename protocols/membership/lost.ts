import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/** LIMITS: entries of lost partitions that are kept and retried. */
const MAX_LOST = 32

/**
 * Contacts that died, and are asked again from time to time for as long as there is room: perhaps they only were on the
 * other side of a partition. Without this, serf's known defect: two halves that forgot each other never merge.
 */
export class LostPeers {
  readonly #random: Random
  #peers: PeerDescriptor[] = []

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#peers.length
  }

  /** When full, a random earlier one makes room, so that an old partition is not forgotten because of new deaths. */
  add(peer: PeerDescriptor): void {
    this.remove(peer.id)
    if (this.#peers.length >= MAX_LOST) this.#peers.splice(this.#random.integer(this.#peers.length), 1)
    this.#peers.push(peer)
  }

  remove(id: string): void {
    this.#peers = this.#peers.filter((peer) => peer.id !== id)
  }

  /** One of those whose descriptors others still accept; the rest are forgotten. */
  pick(now: number): PeerDescriptor | undefined {
    this.#peers = this.#peers.filter((peer) => isFresh(peer, now))
    return this.#random.pick(this.#peers)
  }
}
