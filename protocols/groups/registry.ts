import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/** Groups of which this node keeps members, and members of each. */
const MAX_GROUPS = 1024
const MAX_LEASES = 32
/** ms for which a registration counts: two of the longest pauses between two of a member. */
const LEASE = 60_000

interface Lease {
  readonly peer: PeerDescriptor
  readonly until: number
}

/**
 * Some members of each group whose position is nearest to this node: where newcomers find the others. Whoever is kept is a
 * rumour: it is asked whether it is a member before it becomes a contact.
 *
 * Invariants: (1) at most MAX_GROUPS groups with MAX_LEASES members each; a full group keeps a random choice of those who
 * registered, and a full registry refuses groups that it does not know.
 */
export class Registry {
  readonly #random: Random
  readonly #groups = new Map<number, Map<string, Lease>>()

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#groups.size
  }

  /** Keeps a member. False when the registry is full. */
  add(group: number, peer: PeerDescriptor, now: number): boolean {
    const leases = this.#groups.get(group) ?? new Map<string, Lease>()
    if (!this.#groups.has(group) && this.#groups.size >= MAX_GROUPS) return false
    this.#groups.set(group, leases)
    leases.delete(peer.id)
    if (leases.size >= MAX_LEASES) leases.delete(this.#random.pick([...leases.keys()]) as string)
    leases.set(peer.id, { peer, until: now + LEASE })
    return true
  }

  remove(group: number, id: string): void {
    this.#groups.get(group)?.delete(id)
  }

  /** At most `count` of the group's members, random ones, but not `except`. */
  some(group: number, count: number, except: string, now: number): PeerDescriptor[] {
    const leases = [...(this.#groups.get(group)?.values() ?? [])]
    const others = leases.filter(({ peer, until }) => until > now && peer.id !== except)
    return this.#random.sample(others, count).map(({ peer }) => peer)
  }

  /** Forgets what has run out. */
  turn(now: number): void {
    for (const [group, leases] of this.#groups) {
      for (const [id, { until }] of leases) if (until <= now) leases.delete(id)
      if (leases.size === 0) this.#groups.delete(group)
    }
  }
}
