import type { PeerDescriptor } from '../../core/descriptor.ts'

/** Groups that `takeInTurns` tells apart. */
export const GROUPS = 64

/**
 * The candidates of one selection, in columns of scratch that is used again: a ranking runs for every message, so it makes
 * no objects but its answer. A ranking begins, fills the columns it needs for 0 <= i < count, and takes.
 */
export class Pool {
  /** How many candidates there are. */
  count = 0
  /** What is taken; as many as the selection asked for, at most. */
  chosen: PeerDescriptor[] = []
  readonly peers: PeerDescriptor[] = []
  /** How far away: the lower the nearer. */
  key = new Float64Array(128)
  /** What else a ranking weighs. */
  weight = new Float64Array(128)
  /** 0 to GROUPS - 1. */
  group = new Int32Array(128)
  #preference = new Float64Array(128)
  #taken = new Uint8Array(128)
  #none = new Int32Array(128)
  /** Of each group: how many candidates are kept, and which, the best first. */
  readonly #held = new Int32Array(GROUPS)
  #kept = new Int32Array(GROUPS * 32)
  #size = 0

  /** Begins a selection of `size` among the candidates, `around` itself left out. */
  begin(around: PeerDescriptor, candidates: readonly PeerDescriptor[], size: number): void {
    if (candidates.length > this.key.length) this.#grow(candidates.length * 2)
    const { peers } = this
    let count = 0
    for (let i = 0; i < candidates.length; i++) {
      const peer = candidates[i] as PeerDescriptor
      if (peer.position === around.position && peer.id === around.id) continue
      peers[count++] = peer
    }
    this.#taken.fill(0, 0, count)
    this.count = count
    this.chosen = []
    this.#size = size
  }

  get full(): boolean {
    return this.chosen.length >= this.#size
  }

  /** Takes this one, unless it is taken or none (-1), or the selection is full. */
  take(i: number): void {
    if (i < 0 || this.#taken[i] === 1 || this.full) return
    this.#taken[i] = 1
    this.chosen.push(this.peers[i] as PeerDescriptor)
  }

  /** Takes the `wanted` nearest of what is left; among equals the preferred ones. */
  takeNearest(wanted: number, preference: (peer: PeerDescriptor) => number): void {
    const rows = Math.min(wanted, this.#size - this.chosen.length)
    if (rows <= 0) return
    this.#prefer(preference)
    this.#sort(this.#none, this.key, this.#preference, rows)
    this.#takeKept(rows)
  }

  /** Takes the nearest of each group, the highest group first; then the second nearest of each; `rows` times. */
  takeInTurns(rows: number): void {
    if (this.full) return
    this.#sort(this.group, this.key, this.key, rows)
    this.#takeKept(rows)
  }

  /**
   * Takes the preferred of each group, the highest first; then a second one of each; until the selection is full. Where groups
   * are bands of distance these are the long links that let nodes which were left behind find their place (PAPERS section 1).
   */
  takePreferred(preference: (peer: PeerDescriptor) => number): void {
    if (this.full) return
    this.#prefer(preference)
    const rows = this.#size - this.chosen.length
    this.#sort(this.group, this.#preference, this.#preference, rows)
    this.#takeKept(rows)
  }

  /** Keeps the best `rows` of what is left of each group. */
  #sort(groups: Int32Array, first: Float64Array, second: Float64Array, rows: number): void {
    if (GROUPS * rows > this.#kept.length) this.#kept = new Int32Array(GROUPS * rows)
    const held = this.#held
    const kept = this.#kept
    held.fill(0)
    for (let i = 0; i < this.count; i++) {
      if (this.#taken[i] === 1) continue
      const group = groups[i] as number
      const start = group * rows
      let at = start + (held[group] as number)
      if (at < start + rows) held[group] = at - start + 1
      else if (!this.#better(i, kept[--at] as number, first, second)) continue
      for (; at > start && this.#better(i, kept[at - 1] as number, first, second); at--)
        kept[at] = kept[at - 1] as number
      kept[at] = i
    }
  }

  #takeKept(rows: number): void {
    const held = this.#held
    let highest = GROUPS - 1
    while (highest >= 0 && held[highest] === 0) highest--
    for (let row = 0; row < rows && !this.full; row++) {
      for (let group = highest; group >= 0; group--) {
        if ((held[group] as number) > row) this.take(this.#kept[group * rows + row] as number)
      }
    }
  }

  /** Places and ids decide in the end, so that an answer does not depend on the order of the candidates. */
  #better(i: number, other: number, first: Float64Array, second: Float64Array): boolean {
    // Compared, not subtracted: two that are infinitely far are equally far, while their difference is NaN.
    if ((first[i] as number) !== (first[other] as number)) return (first[i] as number) < (first[other] as number)
    if ((second[i] as number) !== (second[other] as number)) return (second[i] as number) < (second[other] as number)
    const [a, b] = [this.peers[i] as PeerDescriptor, this.peers[other] as PeerDescriptor]
    return a.position === b.position ? a.id < b.id : a.position < b.position
  }

  #prefer(preference: (peer: PeerDescriptor) => number): void {
    for (let i = 0; i < this.count; i++) {
      if (this.#taken[i] === 0) this.#preference[i] = preference(this.peers[i] as PeerDescriptor)
    }
  }

  #grow(length: number): void {
    this.key = new Float64Array(length)
    this.weight = new Float64Array(length)
    this.group = new Int32Array(length)
    this.#preference = new Float64Array(length)
    this.#taken = new Uint8Array(length)
    this.#none = new Int32Array(length)
  }
}
