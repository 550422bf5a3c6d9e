import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Random } from '../../../core/random.ts'
import { put } from '../oldest-out.ts'
import { ratingOf, type Standing, subgroupHash, wantsAt } from './standing.ts'

interface Member {
  readonly peer: PeerDescriptor
  readonly standing: Standing
  /** Of its ratings, modulo 256. */
  readonly version: number
}

const MAX_MEMBERS = 512

/**
 * Other members, and what each of them said that it wants itself: what anybody says of another is not even asked.
 * At most MAX_MEMBERS, the longest silent out first.
 */
export class Members {
  /** The one heard of last is last. */
  readonly #byId = new Map<string, Member>()

  get size(): number {
    return this.#byId.size
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  ids(): Iterable<string> {
    return this.#byId.keys()
  }

  /** The version of what it said last. */
  version(id: string): number | undefined {
    return this.#byId.get(id)?.version
  }

  said(peer: PeerDescriptor, standing: Standing, version: number): void {
    put(this.#byId, peer.id, { peer, standing, version }, MAX_MEMBERS)
  }

  of(ids: Iterable<string>): PeerDescriptor[] {
    return [...ids].flatMap((id) => this.#byId.get(id)?.peer ?? [])
  }

  any(random: Random): PeerDescriptor | undefined {
    return random.pick([...this.#byId.values()])?.peer
  }

  heard(id: string): void {
    const member = this.#byId.get(id)
    if (member === undefined) return
    this.#byId.delete(id)
    this.#byId.set(id, member)
  }

  forget(id: string): void {
    this.#byId.delete(id)
  }

  /** Members who want what has this height, all alike; so who rated it twice as high is chosen twice as often in the long run. */
  choose(subgroup: number, height: number, count: number, except: readonly string[], random: Random): PeerDescriptor[] {
    const wanting: PeerDescriptor[] = []
    for (const { peer, standing } of this.#byId.values()) {
      if (wantsAt(standing, subgroup, height) && !except.includes(peer.id)) wanting.push(peer)
    }
    return random.sample(wanting, count)
  }

  /** Subgroups of which this member wants more than all but a few whom it knows: `limit` of them at random. */
  poor(own: Standing, enough: number, limit: number, random: Random): number[] {
    const poor: number[] = []
    const wanted = own.rest > 0 ? [...own.named, [subgroupHash(''), own.rest] as const] : own.named
    for (const [subgroup, rating] of wanted) {
      let mates = 0
      for (const { standing } of this.#byId.values()) if (ratingOf(standing, subgroup) >= rating) mates++
      if (mates < enough) poor.push(subgroup)
    }
    return random.sample(poor, limit)
  }

  /** For each of these subgroups somebody who rates it, rather high than low, `count` in all. */
  mates(subgroups: readonly number[], count: number, except: string, random: Random): PeerDescriptor[] {
    const mates = new Map<string, PeerDescriptor>()
    const members = [...this.#byId.values()].filter(({ peer }) => peer.id !== except)
    for (let i = 0; mates.size < count && i < 2 * count; i++) {
      const subgroup = subgroups[i % subgroups.length] as number
      const rating = (member: Member | undefined) => (member === undefined ? 0 : ratingOf(member.standing, subgroup))
      const raters = members.filter((member) => rating(member) > 0 && !mates.has(member.peer.id))
      const [one, other] = [random.pick(raters), random.pick(raters)]
      const mate = rating(one) >= rating(other) ? one : other
      if (mate !== undefined) mates.set(mate.peer.id, mate.peer)
    }
    return [...mates.values()]
  }
}
