import type { PeerDescriptor } from '../../core/descriptor.ts'

/**
 * Peers gathered for a selection, each id once, with its newest descriptor. One object serves all nodes of a process, so
 * that a merge allocates nothing: whoever gathers empties it first, and is done with `peers` before anybody else can gather.
 */
export class Candidates {
  /** In the order in which they were added. Only valid until the next `restart`. */
  readonly peers: PeerDescriptor[] = []
  /** Open addressing: index in `peers` plus one, 0 where free. At least twice as many places as peers. */
  #table = new Int32Array(256)

  /** From now on it holds these, whose ids must be different. */
  restart(peers: readonly PeerDescriptor[]): void {
    this.#table.fill(0)
    this.peers.length = peers.length
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[i] as PeerDescriptor
      this.peers[i] = peer
      if (2 * i >= this.#table.length) this.#grow(i)
      this.#table[this.#place(peer)] = i + 1
    }
  }

  /** Whether it holds this very descriptor, or a newer one of the same peer. */
  knows(peer: PeerDescriptor): boolean {
    const known = this.#table[this.#place(peer)] as number
    return known > 0 && (this.peers[known - 1] as PeerDescriptor).sequence >= peer.sequence
  }

  /** Adds a peer, or puts its descriptor in the place of an older one. */
  add(peer: PeerDescriptor): void {
    const place = this.#place(peer)
    const known = this.#table[place] as number
    if (known > 0) {
      if ((this.peers[known - 1] as PeerDescriptor).sequence < peer.sequence) this.peers[known - 1] = peer
      return
    }
    this.#table[place] = this.peers.push(peer)
    if (2 * this.peers.length >= this.#table.length) this.#grow(this.peers.length)
  }

  /** Where the peer is, or where it would be. Positions are hashes already; ids are compared only where they are equal. */
  #place(peer: PeerDescriptor): number {
    const mask = this.#table.length - 1
    const { position } = peer
    for (let place = (position ^ (position / 0x10_0000)) & mask; ; place = (place + 1) & mask) {
      const index = this.#table[place] as number
      if (index === 0) return place
      const other = this.peers[index - 1] as PeerDescriptor
      if (other === peer || (other.position === position && other.id === peer.id)) return place
    }
  }

  #grow(count: number): void {
    this.#table = new Int32Array(this.#table.length * 2)
    for (let i = 0; i < count; i++) this.#table[this.#place(this.peers[i] as PeerDescriptor)] = i + 1
  }
}
