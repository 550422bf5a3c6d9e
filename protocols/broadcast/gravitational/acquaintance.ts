import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Pace } from '../../../core/pace.ts'
import type { Random } from '../../../core/random.ts'
import { put } from '../oldest-out.ts'
import { MAX_MATES, MAX_POOR, type Ratings } from './codec.ts'
import type { Members } from './members.ts'
import type { GravitationalOptions } from './options.ts'
import type { Standing } from './standing.ts'

/** Told or asked in one round. */
const PER_TURN = 8
const MAX_INTRODUCED = 64
/** Questions to one who was introduced, after which it is forgotten: it is gone, or was made up. */
const MAX_ASKED = 2
/** ms between two questions to the same peer. */
const PATIENCE = 5000
/**
 * ms after which we ask somebody for mates again, twice as long after each time that it was in vain: that it brought nobody new or, where
 * `known` members are known, no more than half of those named. Or a member that knows nearly all goes on for one at a time: that was a
 * quarter of the bytes of one that rates few of 1,000 subgroups, and brought it nothing.
 */
const SEARCH = 1000
const MAX_SEARCH = 300_000
/** ms after which we look again for those who want what we publish, where that brought nobody new. */
const SEEK = 120_000

/**
 * Whom to tell our ratings, and whom to ask for theirs: everybody we know when they change; partners, until enough are known; and
 * those whom members introduce who know others that rate what we rate.
 *
 * A lie in an introduction costs two messages: what a member wants is taken from itself only. And only an answer introduces: who was not
 * asked whom it knows could have us write to whomever it likes, as often as it likes.
 */
export class Acquaintance {
  readonly #members: Members
  readonly #options: GravitationalOptions
  /** Members who were not told our ratings since they changed; no more than there are members. */
  readonly #untold = new Set<string>()
  /** And how often each was asked; at most MAX_INTRODUCED. */
  readonly #introduced = new Map<string, { readonly peer: PeerDescriptor; asked: number }>()
  readonly #asked = new Pace(PATIENCE)
  /** Who was asked for mates and did not name any yet, the longest ago first; at most `advisers`. */
  readonly #advisers = new Map<string, true>()
  /** Subgroups that we publish to and know too few others in; at most MAX_POOR. */
  readonly #sought = new Set<number>()
  readonly #seeking = new Pace(SEEK)
  #searchAt = 0
  #pause = SEARCH
  #knew = 0
  /** Whom the last answer named. */
  #named = 0

  constructor(members: Members, options: GravitationalOptions) {
    this.#members = members
    this.#options = options
  }

  get sizes(): Record<string, number> {
    return { untold: this.#untold.size, introduced: this.#introduced.size }
  }

  changed(): void {
    for (const id of this.#members.ids()) this.#untold.add(id)
    this.#pause = SEARCH
    this.#searchAt = 0
  }

  /** For what we published to it there were too few that want it. */
  seek(subgroup: number, now: number): void {
    if (this.#sought.size >= MAX_POOR) return
    // Once found nobody new, there may be no more of them.
    if (!this.#seeking.allows(`${subgroup}`, now) && this.#members.size <= this.#knew) return
    this.#sought.add(subgroup)
    this.#searchAt = Math.min(this.#searchAt, now + SEARCH)
  }

  /** @returns whether `by` was asked for them: once for each question */
  introduced(by: string, peers: readonly PeerDescriptor[], self: string): boolean {
    if (!this.#advisers.delete(by) && this.#options.advisers !== Number.POSITIVE_INFINITY) return false
    this.#named = peers.length
    for (const peer of peers) {
      if (peer.id === self || this.#members.has(peer.id) || this.#introduced.size >= MAX_INTRODUCED) continue
      this.#introduced.set(peer.id, { peer, asked: this.#introduced.get(peer.id)?.asked ?? 0 })
    }
    return true
  }

  /** Whether it was told our ratings, unless that was lost. */
  knows(id: string): boolean {
    return this.#members.has(id) && !this.#untold.has(id)
  }

  /** Whether this peer may be asked for its ratings now. */
  mayAsk(id: string, now: number): boolean {
    return this.#asked.allows(id, now)
  }

  told(id: string): void {
    this.#untold.delete(id)
  }

  forget(id: string): void {
    this.#untold.delete(id)
    this.#introduced.delete(id)
    this.#advisers.delete(id)
  }

  /** Whom to write to in this round, and what of it is asked. */
  turn(
    own: Standing,
    partners: readonly PeerDescriptor[],
    now: number,
    random: Random,
  ): { readonly to: PeerDescriptor; readonly ask: boolean; readonly poor: readonly number[] }[] {
    const chosen = new Map<string, { to: PeerDescriptor; ask: boolean; poor: readonly number[] }>()
    for (const to of this.#members.of(this.#untold)) {
      if (chosen.size < PER_TURN) chosen.set(to.id, { to, ask: false, poor: [] })
    }
    for (const to of this.#strangers(partners)) {
      if (chosen.size >= PER_TURN || !this.#asked.allows(to.id, now)) continue
      const introduced = this.#introduced.get(to.id)
      if (introduced?.asked === MAX_ASKED) {
        this.#introduced.delete(to.id)
        continue
      }
      if (introduced !== undefined) introduced.asked++
      chosen.set(to.id, { to, ask: true, poor: [] })
    }
    const adviser = this.#search(own, partners, now, random)
    if (adviser !== undefined) chosen.set(adviser.to.id, adviser)
    return [...chosen.values()]
  }

  /** Those introduced first; then partners, as long as few are known. */
  #strangers(partners: readonly PeerDescriptor[]): PeerDescriptor[] {
    for (const id of this.#introduced.keys()) if (this.#members.has(id)) this.#introduced.delete(id)
    const few = this.#members.size < this.#options.known
    const unknown = few ? partners.filter(({ id }) => !this.#members.has(id)) : []
    return [...[...this.#introduced.values()].map(({ peer }) => peer), ...unknown]
  }

  #search(own: Standing, partners: readonly PeerDescriptor[], now: number, random: Random) {
    if (now < this.#searchAt || this.#introduced.size > 0) return undefined
    const poor = [...this.#sought, ...this.#members.poor(own, this.#options.mates, MAX_POOR, random)].slice(0, MAX_POOR)
    if (poor.length === 0) return undefined
    const [mate] = this.#members.choose(random.pick(poor) as number, 0, 1, [], random)
    const to = mate ?? this.#members.any(random) ?? random.pick(partners)
    const found = this.#members.size - this.#knew
    const worth = this.#knew < this.#options.known || 2 * found >= this.#named
    this.#pause = found > 0 && worth ? SEARCH : Math.min(2 * this.#pause, MAX_SEARCH)
    this.#knew = this.#members.size
    this.#named = 0
    this.#searchAt = now + this.#pause
    this.#sought.clear()
    if (to === undefined) return undefined
    put(this.#advisers, to.id, true, this.#options.advisers)
    return { to, ask: true, poor }
  }

  /** Who could help somebody who knows too few others in these subgroups. */
  mates({ poor }: Pick<Ratings, 'poor'>, asker: string, random: Random): PeerDescriptor[] {
    return poor.length === 0 ? [] : this.#members.mates(poor, MAX_MATES, asker, random)
  }
}
