import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/** Members kept in all, and of each group. */
const MAX_KEPT = 4096
const MAX_LEASES = 32
/** ms for which a registration counts: two of the longest pauses between two of a member. */
const LEASE = 60_000

interface Lease {
  readonly group: number
  readonly peer: PeerDescriptor
  /** Who brought the registration here. */
  readonly via: string
  readonly until: number
}

/**
 * Some members of each group whose position is nearest to this node: where newcomers find the others. Whoever is kept is a
 * rumour: it is asked whether it is a member before it becomes a contact.
 *
 * Invariants: (1) at most MAX_KEPT members, MAX_LEASES of a group; (2) what is too many is of who brought most: a random one of the
 * group in a full group, the oldest in a full registry. So a flood of made-up groups or members pushes out only itself.
 */
export class Registry {
  readonly #random: Random
  readonly #groups = new Map<number, Map<string, Lease>>()
  /** What is here by whom, the oldest first: all count for equally long, and a renewed one is a new one. */
  readonly #brought = new Map<string, Set<Lease>>()
  #kept = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Groups of which there are members here. */
  get size(): number {
    return this.#groups.size
  }

  /** Keeps a member. @param via who brought it here */
  add(group: number, peer: PeerDescriptor, via: string, now: number): void {
    this.remove(group, peer.id)
    const leases = this.#groups.get(group) ?? new Map<string, Lease>()
    if (leases.size >= MAX_LEASES) {
      const byBringer = new Map<string, Set<Lease>>()
      for (const lease of leases.values()) file(lease, byBringer)
      this.remove(group, (this.#random.pick([...largest(byBringer)]) as Lease).peer.id)
    } else if (this.#kept >= MAX_KEPT) {
      const oldest = largest(this.#brought).values().next().value as Lease
      this.remove(oldest.group, oldest.peer.id)
    }
    const lease = { group, peer, via, until: now + LEASE }
    this.#groups.set(group, leases)
    leases.set(peer.id, lease)
    file(lease, this.#brought)
    this.#kept++
  }

  remove(group: number, id: string): void {
    const leases = this.#groups.get(group)
    const lease = leases?.get(id)
    if (leases === undefined || lease === undefined) return
    leases.delete(id)
    if (leases.size === 0) this.#groups.delete(group)
    const brought = this.#brought.get(lease.via)
    brought?.delete(lease)
    if (brought?.size === 0) this.#brought.delete(lease.via)
    this.#kept--
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
      for (const [id, { until }] of leases) if (until <= now) this.remove(group, id)
    }
  }
}

/** Adds it as the last of its bringer. */
function file(lease: Lease, byBringer: Map<string, Set<Lease>>): void {
  const theirs = byBringer.get(lease.via) ?? new Set()
  byBringer.set(lease.via, theirs.add(lease))
}

/** What those brought who brought most. */
function largest(byBringer: ReadonlyMap<string, ReadonlySet<Lease>>): ReadonlySet<Lease> {
  let largest: ReadonlySet<Lease> = new Set()
  for (const theirs of byBringer.values()) if (theirs.size > largest.size) largest = theirs
  return largest
}
