import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/** LIMITS: entries of lost partitions that are kept and retried. */
const MAX_LOST = 32
/** ms between two deaths that belong to one incident: a partition takes all its victims within one or two rounds of probing. */
const INCIDENT = 10_000

interface Lost {
  readonly peer: PeerDescriptor
  readonly incident: number
}

/**
 * Contacts that died, and are asked again from time to time for as long as there is room: perhaps they only were on the
 * other side of a partition. Without this, serf's known defect: two halves that forgot each other never merge. Contacts alone, or
 * strangers that come and go would take all the room.
 *
 * They are kept by incident, a run of deaths without a pause between them. When there are too many, a random one of the largest
 * incident makes room, among equals the oldest: so neither a partition of long ago nor that of a minute ago is forgotten because
 * of the deaths of every day.
 */
export class LostPeers {
  readonly #random: Random
  #lost: readonly Lost[] = []
  #incident = 0
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#lost.length
  }

  has(id: string): boolean {
    return this.#lost.some(({ peer }) => peer.id === id)
  }

  add(peer: PeerDescriptor, now: number): void {
    this.remove(peer.id)
    if (now - this.#lastAt > INCIDENT) this.#incident++
    this.#lastAt = now
    this.#lost = [...this.#lost, { peer, incident: this.#incident }]
    if (this.#lost.length > MAX_LOST) this.#makeRoom()
  }

  /** False when it was not there. */
  remove(id: string): boolean {
    const left = this.#lost.filter(({ peer }) => peer.id !== id)
    const known = left.length < this.#lost.length
    this.#lost = left
    return known
  }

  /** One of those whose descriptors others still accept; the rest are forgotten. */
  pick(now: number): PeerDescriptor | undefined {
    return this.#random.pick(this.all(now))
  }

  all(now: number): readonly PeerDescriptor[] {
    this.#lost = this.#lost.filter(({ peer }) => isFresh(peer, now))
    return this.#lost.map(({ peer }) => peer)
  }

  #makeRoom(): void {
    const sizes = new Map<number, number>()
    for (const { incident } of this.#lost) sizes.set(incident, (sizes.get(incident) ?? 0) + 1)
    // The incidents stand in the order in which they began: the first of the largest is the oldest.
    let largest = -1
    for (const [incident, size] of sizes) if (largest < 0 || size > (sizes.get(largest) as number)) largest = incident
    const leaves = this.#random.pick(this.#lost.filter(({ incident }) => incident === largest))
    this.#lost = this.#lost.filter((one) => one !== leaves)
  }
}
