import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { SPACE } from '../../../core/position.ts'
import type { Delivery, DeliveryInit } from '../delivery.ts'
import { put } from '../oldest-out.ts'
import type { Publication } from '../publication.ts'
import { type AnonymousMessage, anonymousCodec, MAX_HOPS, type Walk } from './codec.ts'
import { holdingsOf, lackedBy } from './lacking.ts'
import { ANONYMOUS_DEFAULTS, type AnonymousOptions } from './options.ts'
import { Ways } from './ways.ts'

/** Neighbours whose rate of walks is remembered. */
const MAX_NEIGHBOURS = 256
/** Rounds between two walks when there is no news. */
const SLOW = 10
/** Rounds after the start in which a node asks although it has had nothing yet. */
const FIRST_ROUNDS = 6

/**
 * Anonymous gossip (seed 003, Chandra, Ramasubramanian and Birman 2001; PAPERS section 7): for networks in which a node knows its
 * radio neighbours and nobody else. A publication is flooded: who gets it first passes it to all neighbours, once. What the flood
 * missed is found by random walks: every round a node sends a random neighbour the list of what it holds; that one passes it
 * on, and so on, until somebody has what the list lacks. The answer goes back the way that the walk came; who carries it keeps
 * what it lacked itself.
 *
 * Departure: the paper's walk says what was lost; ours says what is held, so that it finds also the last publication of a
 * publisher, or all of one that was never heard of.
 *
 * Invariants: (1) a publication is flooded at most once to a neighbour at a time, and only by who had it from the flood; (2) whatever
 * belongs to a walk is paid from the gossip budget; (3) a walk goes at most MAX_HOPS hops, and a neighbour sends us at most
 * `walkRate` a second; (4) what no walk of ours or of others asked for is not taken.
 */
export class Anonymous implements Delivery<AnonymousMessage> {
  readonly #environment: Environment<AnonymousMessage>
  readonly #init: DeliveryInit
  readonly #options: AnonymousOptions
  readonly #ways: Ways
  /** Walks that each neighbour may still send; at most MAX_NEIGHBOURS, the longest silent out first. */
  readonly #rates = new Map<string, TokenBucket>()
  #timer: Timer | undefined
  #turns = 0
  /** When something was last taken in. */
  #news = Number.NEGATIVE_INFINITY

  /** @throws RangeError on options that are not positive, or more than 16 hops */
  constructor(environment: Environment<AnonymousMessage>, init: DeliveryInit, options: Partial<AnonymousOptions> = {}) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...ANONYMOUS_DEFAULTS, ...options }
    for (const [name, value] of Object.entries(this.#options)) {
      if (!(value > 0)) throw new RangeError(`${name} is a positive number, got ${value}`)
    }
    const { hops, wayBack, answers } = this.#options
    if (hops > MAX_HOPS) throw new RangeError(`a walk goes at most ${MAX_HOPS} hops, got ${hops}`)
    this.#ways = new Ways({ wayBack, answers, answerBytes: init.options.pullBytes })
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#init.options.period, () => this.#turn())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  spread(publication: Publication): void {
    this.#news = this.#environment.now()
    this.#flood(publication, undefined)
  }

  receive(from: PeerDescriptor, message: AnonymousMessage): void {
    if (this.#timer === undefined) return
    if (message.kind === 'flood') this.#receiveFlood(from, message.publication)
    else if (message.kind === 'walk') this.#receiveWalk(from, message)
    else this.#receiveAnswer(from, message.walk, message.publication)
  }

  /** Ways back end there by themselves. */
  peerDown(id: string): void {
    this.#rates.delete(id)
  }

  status(): Readonly<Record<string, number>> {
    return { ways: this.#ways.size, neighbours: this.#rates.size }
  }

  /** Those a radio reaches; a node on the ordinary network has its contacts for it. */
  #neighbours(): readonly PeerDescriptor[] {
    return this.#init.contacts()
  }

  #flood(publication: Publication, from: string | undefined): void {
    for (const neighbour of this.#neighbours()) {
      if (neighbour.id === from) continue
      this.#init.counts.done.add('forwarded')
      this.#environment.send(neighbour, { kind: 'flood', publication })
    }
  }

  #receiveFlood(from: PeerDescriptor, publication: Publication): void {
    if (this.#init.accept(publication) !== 'new') return
    this.#news = this.#environment.now()
    this.#init.counts.done.add('pushed')
    this.#flood(publication, from.id)
  }

  #turn(): void {
    const { options, store, publishers } = this.#init
    const now = this.#environment.now()
    this.#ways.turn(now)
    this.#turns++
    const joining = this.#turns <= FIRST_ROUNDS
    const brisk = now - this.#news < options.brisk || this.#turns % SLOW === 0
    if (!joining && !brisk) return
    for (let i = 0; i < options.fanout; i++) {
      const number = this.#environment.random.integer(SPACE)
      const hops = this.#options.hops - 1
      const walk: Walk = { kind: 'walk', number, hops, ...holdingsOf(store, publishers, options.digestRuns) }
      this.#ways.add(walk, undefined, now)
      if (this.#walk(walk)) this.#init.counts.done.add('walks')
    }
  }

  /** To a neighbour that it neither came from nor went to. */
  #walk(walk: Walk): boolean {
    const ahead = this.#neighbours().filter(({ id }) => !this.#ways.passed(walk.number, id))
    const next = this.#environment.random.pick(ahead)
    if (next === undefined || !this.#say(next, walk)) return false
    this.#ways.sent(walk.number, next.id)
    return true
  }

  #receiveWalk(from: PeerDescriptor, walk: Walk): void {
    const { store, publishers, counts } = this.#init
    const now = this.#environment.now()
    if (!this.#mayWalk(from.id, now)) counts.refused.add('walk-rate')
    else if (this.#ways.has(walk.number)) counts.refused.add('walk-in-a-circle')
    else {
      this.#ways.add(walk, from, now)
      let answered = false
      for (const { publication } of lackedBy(walk, store, publishers)) {
        if (!this.#answer(walk.number, publication)) break
        answered = true
      }
      if (!answered && walk.hops > 0 && this.#walk({ ...walk, hops: Math.min(walk.hops, this.#options.hops) - 1 })) {
        counts.done.add('walked-on')
      }
    }
  }

  #receiveAnswer(from: PeerDescriptor, walk: number, publication: Publication): void {
    const { done, refused } = this.#init.counts
    const now = this.#environment.now()
    const way = this.#ways.answer(walk, publication, from.id, now)
    if (typeof way === 'string') {
      done.add('copies')
      done.add('bytes', publication.payload.length)
      refused.add(way)
      return
    }
    const verdict = this.#init.accept(publication, false)
    if (verdict === 'new') {
      this.#news = now
      done.add('repaired')
    }
    if (way.back !== undefined && typeof verdict === 'string') this.#sendBack(way.back, walk, publication)
  }

  /** From our own store. False when the way has room for no more. */
  #answer(walk: number, publication: Publication): boolean {
    const way = this.#ways.answer(walk, publication, undefined, this.#environment.now())
    if (typeof way === 'string' || way.back === undefined) return false
    return this.#sendBack(way.back, walk, publication)
  }

  #sendBack(back: PeerDescriptor, walk: number, publication: Publication): boolean {
    const sent = this.#say(back, { kind: 'answer', walk, publication })
    if (sent) this.#init.counts.done.add('repairs')
    return sent
  }

  #mayWalk(id: string, now: number): boolean {
    const { walkRate, walkBurst } = this.#options
    const rate = this.#rates.get(id) ?? new TokenBucket(walkRate, walkBurst)
    put(this.#rates, id, rate, MAX_NEIGHBOURS)
    return rate.take(now)
  }

  #say(to: PeerDescriptor, message: AnonymousMessage): boolean {
    const paid = this.#init.budget.take(this.#environment.now(), anonymousCodec.size(message))
    if (paid) this.#environment.send(to, message)
    else this.#init.counts.refused.add('over-budget')
    return paid
  }
}
