import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/** Members kept in all, and of each group. */
const MAX_KEPT = 4096
const MAX_LEASES = 32
/** ms for which a registration counts: two of the longest pauses between two of a member. */
const LEASE = 60_000

interface Lease {
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
  /** How many are here by whom. */
  readonly #brought = new Map<string, number>()
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
      const heaviest = mostIn(counted(leases.values()))
      const theirs = [...leases.values()].filter((lease) => lease.via === heaviest)
      this.remove(group, (this.#random.pick(theirs) as Lease).peer.id)
    } else if (this.#kept >= MAX_KEPT) this.#removeOldest(mostIn(this.#brought))
    this.#groups.set(group, leases)
    leases.set(peer.id, { peer, via, until: now + LEASE })
    this.#brought.set(via, (this.#brought.get(via) ?? 0) + 1)
    this.#kept++
  }

  remove(group: number, id: string): void {
    const leases = this.#groups.get(group)
    const lease = leases?.get(id)
    if (leases === undefined || lease === undefined) return
    leases.delete(id)
    if (leases.size === 0) this.#groups.delete(group)
    const others = (this.#brought.get(lease.via) ?? 0) - 1
    if (others > 0) this.#brought.set(lease.via, others)
    else this.#brought.delete(lease.via)
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

  #removeOldest(via: string): void {
    for (const [group, leases] of this.#groups) {
      for (const [id, lease] of leases) {
        if (lease.via !== via) continue
        this.remove(group, id)
        return
      }
    }
  }
}

function counted(leases: Iterable<Lease>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { via } of leases) counts.set(via, (counts.get(via) ?? 0) + 1)
  return counts
}

/** Who stands there most often. */
function mostIn(counts: ReadonlyMap<string, number>): string {
  let most = ['', 0] as readonly [string, number]
  for (const entry of counts) if (entry[1] > most[1]) most = entry
  return most[0]
}
