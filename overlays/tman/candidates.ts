import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'

/**
 * Peers gathered for a selection, each id once, with its newest descriptor. One object serves all nodes of a process, so
 * that a merge allocates nothing: whoever gathers empties it first, and is done with `peers` before anybody else can gather.
 */
export class Candidates {
  /** In the order in which they were added. Only valid until the next `restart`. */
  readonly peers: PeerDescriptor[] = []
  /** Open addressing: index in `peers` plus one, 0 where free. At least twice as many places as peers. */
  #table = new Int32Array(256)
  /** Of `peers`, and beyond them of those about to be added. */
  #positions = new Float64Array(128)

  /** From now on it holds these, whose ids must be different. */
  restart(peers: readonly PeerDescriptor[]): void {
    const count = peers.length
    this.#reserve(count, 0)
    this.#table.fill(0)
    this.peers.length = count
    this.#read(peers, count, 0)
    for (let i = 0; i < count; i++) {
      const peer = peers[i] as PeerDescriptor
      this.peers[i] = peer
      this.#table[this.#place(peer, this.#positions[i] as number)] = i + 1
    }
  }

  /**
   * Adds the first `count` of these where they are new or newer, but not `except`, and nobody whose descriptor is not fresh.
   * Returns how many were not.
   */
  add(peers: readonly PeerDescriptor[], count: number, except: PeerDescriptor, now: number): number {
    const held = this.peers.length
    this.#reserve(held + count, held)
    this.#read(peers, count, held)
    let stale = 0
    let next = held
    for (let i = 0; i < count; i++) {
      const peer = peers[i] as PeerDescriptor
      const position = this.#positions[held + i] as number
      const place = this.#place(peer, position)
      const known = (this.#table[place] as number) - 1
      if (known >= 0) {
        const other = this.peers[known] as PeerDescriptor
        if (other === peer || other.sequence >= peer.sequence) continue
      } else if (peer === except || (position === except.position && peer.id === except.id)) continue
      if (!isFresh(peer, now)) {
        stale++
      } else if (known >= 0) {
        this.peers[known] = peer
      } else {
        this.peers.push(peer)
        this.#positions[next++] = position // next <= held + i: read already
        this.#table[place] = next
      }
    }
    return stale
  }

  /** In a loop of its own, so that waits for memory overlap: it is most of what a merge among many nodes costs. */
  #read(peers: readonly PeerDescriptor[], count: number, from: number): void {
    const positions = this.#positions
    for (let i = 0; i < count; i++) positions[from + i] = (peers[i] as PeerDescriptor).position
  }

  /** Where the peer is, or where it would be. Positions are hashes already; ids are compared only where they are equal. */
  #place(peer: PeerDescriptor, position: number): number {
    const table = this.#table
    const mask = table.length - 1
    for (let place = position & mask; ; place = (place + 1) & mask) {
      const index = (table[place] as number) - 1
      if (index < 0) return place
      if ((this.#positions[index] as number) !== position) continue
      const other = this.peers[index] as PeerDescriptor
      if (other === peer || other.id === peer.id) return place
    }
  }

  /** Makes room for so many peers; the first `held` of them stay. */
  #reserve(count: number, held: number): void {
    if (count <= this.#positions.length) return
    const positions = new Float64Array(count * 2)
    positions.set(this.#positions)
    this.#positions = positions
    let places = this.#table.length
    while (places < count * 4) places *= 2
    this.#table = new Int32Array(places)
    for (let i = 0; i < held; i++) {
      this.#table[this.#place(this.peers[i] as PeerDescriptor, positions[i] as number)] = i + 1
    }
  }
}
