import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { Pace } from '../../../core/pace.ts'
import { positionOf } from '../../../core/position.ts'
import type { Delivery, DeliveryInit } from '../delivery.ts'
import { put } from '../oldest-out.ts'
import type { Publication } from '../publication.ts'
import type { SubgroupRatings } from '../subscriptions.ts'
import { Acquaintance } from './acquaintance.ts'
import {
  type Announce,
  type Data,
  type GravitationalMessage,
  gravitationalCodec,
  type Ratings,
  VERSIONS,
  type Want,
} from './codec.ts'
import { height, heightOf, partsAfter } from './height.ts'
import { Members } from './members.ts'
import { GRAVITATIONAL_DEFAULTS, type GravitationalOptions } from './options.ts'
import { FULL, NOTHING, ratingOf, type Standing, sameStanding, standingOf, subgroupHash, wantsAt } from './standing.ts'
import { WantedOnes } from './wanted.ts'

/** A publication that this node is going to tell others of. */
interface Wave {
  readonly publication: Publication
  /** Who has it, or was told. */
  readonly told: string[]
  readonly due: number
}

const MAX_WAVE = 4096
const MAX_OFFERED = 16_384
const MAX_ALLOWANCES = 4096
const MAX_ANNOUNCERS = 1024
/** ms between two answers to one peer about ratings. */
const RATINGS_PACE = 400

/**
 * Gravitational gossip (seed 003; PAPERS section 7): one group carries thousands of subgroups, and a member rates each from 0 to 1:
 * it receives that share of its publications, and pays that share of the cost.
 *
 * Every publication has a height in [0, 1) that everybody computes alike, and is for those who rated its subgroup above it. Who takes
 * one in tells a few others of it, chosen alike among those who want it, now and again later; who lacks it asks for it, and
 * passes it on likewise. So all who want a publication have the same part in it, whatever else they rate: whoever rates r
 * carries r of the publications, and its messages and bytes in both directions are in proportion to r. What a member wants it
 * says itself, to those it knows, when it changes; every message says by a version whether that is still so.
 *
 * Departure: the seed picks targets by their ratings and then items for them at random. Here the item comes first: a member of
 * rating r is among those who want it with probability r, which is the same pick, and all copies of an item go where it is
 * wanted; nothing is sent twice.
 *
 * Invariants: (1) nobody is sent a payload that it did not ask for, nor asked for one that we do not hold; (2) at most one member is
 * asked for a publication within `patience`; (3) nothing is handed out that was not announced to who asks, and no more than
 * `retransmissions` times; (4) only a first copy is not paid from the budget; (5) a rating is heard from its owner alone; (6) what a publisher is charged with on the word of
 * a member that does not hand it out is given back, and bounded for each member.
 */
export class Gravitational implements Delivery<GravitationalMessage> {
  readonly #environment: Environment<GravitationalMessage>
  readonly #init: DeliveryInit
  readonly #options: GravitationalOptions
  readonly #members = new Members()
  readonly #acquaintance: Acquaintance
  readonly #wanted: WantedOnes
  readonly #answered = new Pace(RATINGS_PACE)
  /** By wave, in the order in which they are due; at most MAX_WAVE each. */
  readonly #waves: Wave[][]
  /** How often it was sent since it was announced, by `peer/publisher/sequence`, the oldest first; at most MAX_OFFERED. */
  readonly #offered = new Map<string, number>()
  /** What may still be asked for of each publisher, by position; at most MAX_ALLOWANCES. */
  readonly #allowances = new Map<number, { readonly rating: number; readonly bucket: TokenBucket }>()
  /** What each member may still announce and not hand out, who was first heard of first; at most MAX_ANNOUNCERS. */
  readonly #announcers = new Map<string, TokenBucket>()
  #ratings: SubgroupRatings | undefined
  /** What they say, hashed. */
  #own: Standing = NOTHING
  /** Of our ratings, in 255ths. */
  #highest = 0
  /** When this node began to want all of the topic; Infinity while it does not. */
  #wholeSince = Number.POSITIVE_INFINITY
  #version = 0
  #timer: Timer | undefined

  constructor(
    environment: Environment<GravitationalMessage>,
    init: DeliveryInit,
    options: Partial<GravitationalOptions> = {},
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...GRAVITATIONAL_DEFAULTS, ...options }
    this.#acquaintance = new Acquaintance(this.#members, this.#options)
    const giveBack = (publisher: number) => this.#allowances.get(publisher)?.bucket.give(environment.now())
    this.#wanted = new WantedOnes(this.#options, giveBack)
    this.#waves = this.#options.waves.map(() => [])
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#environment.every(this.#init.options.period, () => this.#turn())
    this.#version = this.#environment.random.integer(VERSIONS) // not that of before a restart
    const ratings = this.#init.ratings()
    this.#heed(ratings.rest, Number.NEGATIVE_INFINITY)
    this.#rate(ratings, standingOf(ratings))
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  spread(publication: Publication): void {
    this.#pass(publication, [])
  }

  receive(from: PeerDescriptor, message: GravitationalMessage): void {
    if (this.#timer === undefined) return
    this.#members.heard(from.id)
    if (message.kind === 'ratings') this.#receiveRatings(from, message, message.version)
    else {
      const now = this.#environment.now()
      const stale = this.#members.version(from.id) !== message.version
      if (stale && this.#acquaintance.mayAsk(from.id, now)) this.#tell(from, { ask: true })
      if (message.kind === 'announce') this.#receiveAnnounce(from, message)
      else if (message.kind === 'want') this.#receiveWant(from, message)
      else this.#receiveData(from, message)
    }
  }

  peerDown(id: string): void {
    this.#members.forget(id)
    this.#acquaintance.forget(id)
  }

  /** By the highest of our ratings: of numbers that were not seen nobody knows the subgroup. */
  expects(publisher: string, sequence: number): boolean {
    const position = this.#init.publishers.get(publisher)?.position
    return position !== undefined && height(position, sequence) * FULL < this.#highest
  }

  /** Who wants all of the topic is told what it did not get, of what came after it wanted that. */
  wholeSince(): number {
    return this.#wholeSince
  }

  status(): Readonly<Record<string, number>> {
    return {
      members: this.#members.size,
      subgroups: this.#own.named.size,
      wanted: this.#wanted.size,
      offered: this.#offered.size,
      waves: this.#waves.reduce((sum, { length }) => sum + length, 0),
      allowances: this.#allowances.size,
      announcers: this.#announcers.size,
      ...this.#acquaintance.sizes,
    }
  }

  #turn(): void {
    const { environment, now } = { environment: this.#environment, now: this.#environment.now() }
    const ratings = this.#init.ratings()
    if (ratings !== this.#ratings) this.#reconsider(ratings, now)
    const partners = this.#init.partners().filter(({ id }) => id !== environment.self.id)
    for (const { to, ask, poor } of this.#acquaintance.turn(this.#own, partners, now, environment.random)) {
      this.#tell(to, { ask, poor, told: this.#acquaintance.knows(to.id) })
    }
    for (const { publisher, sequence, of } of this.#wanted.overdue(now)) this.#want(of, publisher, sequence)
    for (let wave = 0; wave < this.#waves.length; wave++) this.#roll(wave, now)
  }

  /** A subscription came or ended since the last round. */
  #reconsider(ratings: SubgroupRatings, now: number): void {
    this.#heed(ratings.rest, now)
    const own = standingOf(ratings)
    const changed = !sameStanding(own, this.#own)
    this.#rate(ratings, own)
    if (!changed) return
    this.#version = (this.#version + 1) % VERSIONS
    this.#allowances.clear()
    this.#acquaintance.changed()
  }

  #heed(rest: number, now: number): void {
    if (rest < 1) this.#wholeSince = Number.POSITIVE_INFINITY
    else if (this.#wholeSince === Number.POSITIVE_INFINITY) this.#wholeSince = now
  }

  #rate(ratings: SubgroupRatings, own: Standing): void {
    this.#ratings = ratings
    this.#own = own
    this.#highest = Math.max(own.rest, ...own.named.values())
  }

  /** Begins to tell others of a publication. @param told who has it already */
  #pass(publication: Publication, told: readonly string[]): void {
    this.#queue({ publication, told: [...told], due: 0 }, 0)
    this.#roll(0, this.#environment.now())
  }

  #queue({ publication, told }: Wave, wave: number): void {
    const queue = this.#waves[wave]
    const before = this.#options.waves[wave - 1]?.after ?? 0
    const after = this.#options.waves[wave]?.after ?? 0
    queue?.push({ publication, told, due: this.#environment.now() + after - before })
    if (queue !== undefined && queue.length > MAX_WAVE) queue.shift()
  }

  /** Tells what is due in this wave. */
  #roll(wave: number, now: number): void {
    const queue = this.#waves[wave] ?? []
    const { members = 0 } = this.#options.waves[wave] ?? {}
    let done = 0
    for (const one of queue) {
      if (one.due > now) break
      done++
      if (this.#init.store.get(one.publication.publisher, one.publication.sequence) === undefined && wave > 0) continue
      this.#announce(one, members)
      this.#queue(one, wave + 1)
    }
    queue.splice(0, done)
  }

  #announce({ publication, told }: Wave, count: number): void {
    const { sequence } = publication
    const publisher = positionOf(publication.publisher)
    const subgroup = subgroupHash(publication.subgroup)
    const except = [...told, publication.publisher]
    const { random, self } = this.#environment
    const chosen = this.#members.choose(subgroup, heightOf(publication), count, except, random)
    if (chosen.length < count && publication.publisher === self.id)
      this.#acquaintance.seek(subgroup, this.#environment.now())
    for (const to of chosen) {
      told.push(to.id)
      const message = { kind: 'announce', publisher, sequence, after: partsAfter(publication), subgroup } as const
      if (!this.#say(to, { ...message, version: this.#version })) continue
      this.#init.counts.done.add('announced')
      put(this.#offered, `${to.id}/${publisher}/${sequence}`, 0, MAX_OFFERED)
    }
  }

  #receiveAnnounce(from: PeerDescriptor, { publisher, sequence, after, subgroup }: Announce): void {
    const { publishers, store, counts } = this.#init
    const now = this.#environment.now()
    if (!wantsAt(this.#own, subgroup, height(publisher, sequence + after))) {
      counts.refused.add('unwanted')
      return
    }
    const known = publishers.at(publisher)
    if (known !== undefined) {
      if (sequence <= known.order.settled || store.get(known.id, sequence) !== undefined) return
    }
    const key = `${publisher}/${sequence}`
    if (publisher === this.#environment.self.position || this.#wanted.announced(key, from)) return
    const announcer = this.#announcer(from.id)
    if (!announcer.take(now)) {
      counts.refused.add('unproven')
      return
    }
    const allowed = this.#allows(publisher, subgroup, now)
    if (!allowed) counts.refused.add('above-share')
    if (allowed && this.#want(from, publisher, sequence)) this.#wanted.ask(key, publisher, sequence, from.id, now)
    else announcer.give(now)
  }

  #announcer(id: string): TokenBucket {
    const known = this.#announcers.get(id)
    if (known !== undefined) return known
    const { rate, burst } = this.#options.unproven
    const bucket = new TokenBucket(rate, burst)
    put(this.#announcers, id, bucket, MAX_ANNOUNCERS)
    return bucket
  }

  /** Whether a publisher stays within the share that we rate of what a publisher may send. */
  #allows(publisher: number, subgroup: number, now: number): boolean {
    const rating = ratingOf(this.#own, subgroup) / FULL
    let allowance = this.#allowances.get(publisher)
    // Ratings of several subgroups: the highest counts, for its publisher may use it alone.
    if (allowance === undefined || allowance.rating < rating) {
      const { rate, burst } = this.#init.options
      const share = rating * this.#options.allowance
      // A permutation of 256 may put the lowest heights next to each other.
      allowance = { rating, bucket: new TokenBucket(rate * share, burst * share + 16) }
      put(this.#allowances, publisher, allowance, MAX_ALLOWANCES)
    }
    return allowance.bucket.take(now)
  }

  #want(of: PeerDescriptor, publisher: number, sequence: number): boolean {
    const asked = this.#say(of, { kind: 'want', publisher, sequence, version: this.#version })
    if (asked) this.#init.counts.done.add('wanted')
    return asked
  }

  #receiveWant(from: PeerDescriptor, { publisher, sequence }: Want): void {
    const { publishers, store, counts, options } = this.#init
    const key = `${from.id}/${publisher}/${sequence}`
    const times = this.#offered.get(key)
    const id = publishers.at(publisher)?.id
    const entry = id === undefined ? undefined : store.get(id, sequence)
    if (times === undefined) counts.refused.add('unasked-want')
    else if (times >= options.retransmissions) counts.refused.add('retransmissions')
    else if (entry !== undefined) {
      const message = { kind: 'data', publication: entry.publication, version: this.#version } as const
      if (times === 0) this.#environment.send(from, message)
      else if (!this.#say(from, message)) return
      this.#offered.set(key, times + 1)
      counts.done.add('repairs')
    }
  }

  #receiveData(from: PeerDescriptor, { publication }: Data): void {
    const { counts } = this.#init
    const key = `${positionOf(publication.publisher)}/${publication.sequence}`
    if (!this.#wanted.isAskedOf(key, from.id)) {
      counts.done.add('copies')
      counts.done.add('bytes', publication.payload.length)
      counts.refused.add('unasked')
      return
    }
    const verdict = this.#init.accept(publication, false)
    // What this member may not introduce another may: the next who has it is asked, as if this one had not answered.
    if (typeof verdict === 'object' && verdict.refused === 'introduced') return
    const holders = this.#wanted.came(key)
    if (holders[0] === from.id) this.#announcer(from.id).give(this.#environment.now())
    if (verdict !== 'new') return
    counts.done.add('repaired')
    this.#pass(publication, holders)
  }

  #receiveRatings(from: PeerDescriptor, ratings: Ratings, version: number): void {
    const { standing } = ratings
    if (standing !== undefined) this.#members.said(from, standing, version)
    if (ratings.mates.length > 0 && !this.#acquaintance.introduced(from.id, ratings.mates, this.#environment.self.id)) {
      this.#init.counts.refused.add('unasked-introduction')
    }
    if (!ratings.ask) return
    if (this.#answered.allows(from.id, this.#environment.now())) {
      const mates = this.#acquaintance.mates(ratings, from.id, this.#environment.random)
      const stale = this.#members.version(from.id) !== version // what it takes for known, we never got
      this.#tell(from, { ask: stale, mates, told: ratings.have === this.#version })
    } else this.#init.counts.refused.add('ratings-rate')
  }

  #tell(to: PeerDescriptor, how: Partial<Ratings> & { readonly told?: boolean }): void {
    const { ask = false, poor = [], mates = [], told = false } = how
    const standing = told ? undefined : this.#own
    const have = this.#members.version(to.id)
    const message = { kind: 'ratings', ask, standing, have, poor, mates, version: this.#version } as const
    if (!this.#say(to, message)) return
    this.#acquaintance.told(to.id)
    this.#init.counts.done.add('ratings')
  }

  #say(to: PeerDescriptor, message: GravitationalMessage): boolean {
    const paid = this.#init.budget.take(this.#environment.now(), gravitationalCodec.size(message))
    if (paid) this.#environment.send(to, message)
    else this.#init.counts.refused.add('over-budget')
    return paid
  }
}
