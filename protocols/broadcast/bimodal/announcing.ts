import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { positionOf } from '../../../core/position.ts'
import type { DeliveryInit } from '../delivery.ts'
import { put } from '../oldest-out.ts'
import type { Publication } from '../publication.ts'
import { numbersOf } from '../runs.ts'
import { type BimodalMessage, bimodalCodec, type Holding, MAX_TOLD } from './codec.ts'
import { holdingsOf } from './contents.ts'
import { Haste } from './haste.ts'
import { type Heard, HeardOf, heardKey, type Share } from './heard.ts'
import type { Lack } from './lacking.ts'

/** What announcing needs of repair. */
export interface Supplies {
  /** Whether this node wants it still. */
  lacks(lack: Pick<Lack, 'publisher' | 'sequence'>): boolean
  /** It is being asked for: when it comes it is taken. */
  asked(publisher: number, sequence: number): void
  /** Sends what is stored of these, up to the byte cap of a pull; not what went to that peer more than `before` times already. */
  supply(to: PeerDescriptor, holdings: readonly Holding[], before: number): void
}

/** What one peer may make us do. */
export interface AnnouncingLimits {
  /** Ids a second that a peer is heard about, and wants of us; and at once. @default 100, 200, or 5 and 10 times a publisher's `rate` (chosen) */
  readonly rate: number
  readonly burst: number
  /** Ids that we wait for because this peer was the first to tell of them. @default 256 (chosen) */
  readonly perPeer: number
  /** Ids of a peer in a row that it told of and did not send, after which it is asked last. @default 4 (chosen) */
  readonly strikes: number
}

const LIMITS = { perPeer: 256, strikes: 4 }

/** ms after the last sign of it for which there is trouble. */
const TROUBLE = 30_000
/** ms without news after which nobody knows whether the tree still stands: the next publication is told, to so many. */
const IDLE = 10_000
const UNTRIED = 1
/** ms for which the tree is waited for at least where there is no trouble: longer than it takes through a thousand nodes. */
const CALM = 300
/** ms between two tellings: so a node sends at most ten times `told` a second, whatever is published. */
const BATCH = 100
/** ms for which news is told again with every telling. */
const NEWS = 300
/** ms by which a timer is late when this node slept. */
const SLEPT = 50
/** Asked for and not answered at a time: what the tree brings late it brings in bursts. */
const MAX_FLYING = 8
/** Attempts for one publication; what is lacked then is left to digests. */
const ATTEMPTS = 8
const MAX_SAID = 8192
/** Publications before the one that is told of that are told of again: a run costs no more than one. */
const BEFORE = 15
/** ms for which one is served that was told. */
const SAID = 5000
const MAX_PEERS = 1024

interface Peer extends Share {
  readonly heard: TokenBucket
  readonly wants: TokenBucket
  strikes: number
}

/**
 * Lazy announcements, between the tree and the digests of bimodal multicast: while there is trouble a node tells a few random
 * partners at once what it has taken in (IHAVE of Plumtree: Leitao, Pereira, Rodrigues 2007). Who lacks it waits for the tree a
 * moment, asks one that told of it, then another; and tells others in its turn when it has got it. So what a lost message or a
 * dead relay kept from a part of the tree spreads there like a rumour, in round trips, not in rounds.
 *
 * Trouble is what this node sees itself: within 30 s it asked for something or served it. In an undisturbed network
 * nothing is sent, but for the first publication after ten quiet seconds, which one partner is told of: a tree that lost a
 * part meanwhile is found out with it. Where the tree is slow, not lossy, nothing is told nor asked for: see Haste.
 *
 * Invariants: (1) nothing is sent that the budget does not pay for; (2) a want is served only for what that peer was told of
 * in the last 5 s; (3) at most 4096 ids are waited for, 256 because of one peer, each asked for at most 8 times;
 * (4) of a peer so many ids a second are heard as five publishers may publish, or 100, and as many wanted; (5) nobody is told more
 * than ten times a second.
 */
export class Announcing {
  readonly #environment: Environment<BimodalMessage>
  readonly #init: Pick<DeliveryInit, 'partners' | 'rtt' | 'budget' | 'store' | 'counts' | 'options'>
  readonly #supplies: Supplies
  readonly #limits: AnnouncingLimits
  #troubled = Number.NEGATIVE_INFINITY
  readonly #haste = new Haste()
  /** What was taken in lately, and when, oldest first: to be told with the next tellings; at most MAX_TOLD. */
  #news: { readonly publication: Publication; readonly at: number }[] = []
  /** When something was taken in last, and when anybody was told last. */
  #tookAt = Number.NEGATIVE_INFINITY
  #toldAt = Number.NEGATIVE_INFINITY
  #tick: Timer | undefined
  #timer: Timer | undefined
  /** When the timer fires. */
  #next = Number.POSITIVE_INFINITY
  readonly #heard = new HeardOf()
  /** What a peer was last told of or sent of a publisher, by `peer/publisher position`, oldest first; at most MAX_SAID. */
  readonly #said = new Map<string, { readonly at: number; readonly sequence: number }>()
  /** Oldest first; at most MAX_PEERS. */
  readonly #peers = new Map<string, Peer>()

  constructor(
    environment: Environment<BimodalMessage>,
    init: Pick<DeliveryInit, 'partners' | 'rtt' | 'budget' | 'store' | 'counts' | 'options'>,
    supplies: Supplies,
    limits: Partial<AnnouncingLimits> = {},
  ) {
    this.#environment = environment
    this.#init = init
    this.#supplies = supplies
    const { rate } = init.options
    this.#limits = { ...LIMITS, rate: Math.max(100, 5 * rate), burst: Math.max(200, 10 * rate), ...limits }
  }

  get sizes(): Record<string, number> {
    return {
      announced: this.#heard.size,
      told: this.#said.size,
      tellers: this.#peers.size,
      wait: Math.round(this.#haste.wait),
    }
  }

  /** Something had to be repaired, here or at a peer. */
  trouble(): void {
    this.#troubled = this.#environment.now()
  }

  get #isOn(): boolean {
    return this.#init.options.fanout > 0 && this.#init.options.told > 0
  }

  get #isTroubled(): boolean {
    return this.#environment.now() - this.#troubled < TROUBLE
  }

  /** A publication was taken in, however it came; or made here. */
  took(publication: Publication, pushed: boolean): void {
    if (!this.#isOn) return
    const now = this.#environment.now()
    const heard = this.#heard.get(keyOf(publication))
    if (heard !== undefined) {
      if (heard.last !== undefined && !pushed) {
        this.#peer(heard.last).strikes = 0
        this.#haste.asked(now, heard.attempts === 1 ? now - heard.at : undefined)
      }
      // Of what was asked for and not sent nobody knows whether whoever told of it had it: a liar tells of what is not made yet.
      if (pushed && heard.attempts === 0) this.#haste.inTime(now - heard.since)
      // What was asked for stays: the tree may bring it yet, and how late it was is worth knowing.
      if (heard.attempts === 0 || pushed) this.#heard.forget(heard)
      else this.#heard.settle(heard)
    }
    const untried = now - this.#tookAt > IDLE
    this.#tookAt = now
    if (!this.#isTroubled && !untried) return
    this.#news.push({ publication, at: now })
    if (this.#news.length > MAX_TOLD) this.#news.shift()
    this.#tick ??= this.#environment.after(Math.max(0, this.#toldAt + BATCH - now), () => this.#tell())
  }

  /** The tree brought what had come already. @returns whether that is no matter for the patience of digests */
  raced(publication: Publication): boolean {
    const now = this.#environment.now()
    const { period } = this.#init.options
    const heard = this.#heard.get(keyOf(publication))
    if (heard === undefined) {
      this.#haste.overtaken(now)
      return false
    }
    // It was sent when it was asked for last, so that this asking was not too early by more than the wait before it.
    const late = now - Math.max(heard.since, heard.at - this.#haste.wait)
    this.#haste.overtaken(now, late, period)
    this.#heard.forget(heard)
    this.#init.counts.done.add('overtaken')
    return late <= period
  }

  receiveHave(from: PeerDescriptor, holdings: readonly Holding[]): void {
    if (!this.#isOn) {
      this.#init.counts.refused.add('have-off')
      return
    }
    const now = this.#environment.now()
    if (this.#haste.isTooMuch(now)) {
      this.#init.counts.done.add('left-to-digests')
      return
    }
    const due = now + Math.max(this.#haste.wait, this.#isTroubled ? 0 : CALM)
    const peer = this.#peer(from.id)
    if (!peer.heard.take(now)) {
      this.#init.counts.refused.add('have-rate')
      return
    }
    for (const { publisher, runs } of holdings) {
      if (publisher === this.#environment.self.position) continue
      for (const sequence of numbersOf(runs, 0)) {
        const known = this.#heard.get(heardKey(publisher, sequence))
        if (known !== undefined) this.#heard.told(known, from)
        else if (this.#supplies.lacks({ publisher, sequence })) {
          if (!peer.heard.take(now)) {
            this.#init.counts.refused.add('have-rate')
            return
          }
          if (peer.waiting >= this.#limits.perPeer) {
            this.#init.counts.refused.add('have-share')
            return
          }
          const forgotten = this.#heard.add({ publisher, sequence, since: now, due }, from, peer)
          if (forgotten) this.#init.counts.refused.add('have-forgotten')
          this.#wake(due)
        }
      }
    }
  }

  receiveWant(from: PeerDescriptor, holdings: readonly Holding[]): void {
    const now = this.#environment.now()
    const peer = this.#peer(from.id)
    const served: Lack[] = []
    for (const { publisher, runs } of holdings) {
      for (const sequence of numbersOf(runs, 0)) {
        const said = this.#said.get(`${from.id}/${publisher}`)
        if (said === undefined || now - said.at > SAID || sequence > said.sequence)
          this.#init.counts.refused.add('unasked-want')
        else if (!peer.wants.take(now)) this.#init.counts.refused.add('want-rate')
        else served.push({ publisher, sequence, since: now })
      }
    }
    if (served.length > 0) this.#supplies.supply(from, holdingsOf(served), this.#init.options.retransmissions - 1)
  }

  /** The tree brought one whose predecessor is lacking here: who sent it has that, or will. */
  gap(from: PeerDescriptor, { publisher: id, previous: sequence }: Publication): void {
    const publisher = positionOf(id)
    if (!this.#isOn || sequence === 0 || !this.#supplies.lacks({ publisher, sequence })) return
    this.receiveHave(from, holdingsOf([{ publisher, sequence, since: 0 }]))
  }

  /** A peer was told of a publication, or sent it: it may ask for it, and for those before it. */
  said(to: PeerDescriptor, { publisher, sequence }: Publication): void {
    const key = `${to.id}/${positionOf(publisher)}`
    const highest = Math.max(sequence, this.#said.get(key)?.sequence ?? 0)
    put(this.#said, key, { at: this.#environment.now(), sequence: highest }, MAX_SAID)
  }

  stop(): void {
    this.#tick?.cancel()
    this.#timer?.cancel()
    this.#tick = undefined
    this.#timer = undefined
    this.#next = Number.POSITIVE_INFINITY
    this.#news = []
  }

  #wake(at: number): void {
    if (at >= this.#next) return
    this.#timer?.cancel()
    this.#next = at
    this.#timer = this.#environment.after(Math.max(1, at - this.#environment.now()), () => this.#ask())
  }

  /** Asks for all that is due; forgets what is of no use any more. */
  #ask(): void {
    const now = this.#environment.now()
    const slept = now - this.#next > SLEPT
    this.#timer = undefined
    this.#next = Number.POSITIVE_INFINITY
    if (slept) {
      // What is lacked has come in the meantime, perhaps, and waits to be read.
      for (const heard of this.#heard.open) if (heard.due <= now) heard.due = now + this.#haste.wait
      this.#wake(now + this.#haste.wait)
      return
    }
    const asked = new Map<PeerDescriptor, Lack[]>()
    let next = Number.POSITIVE_INFINITY
    this.#heard.expire(now)
    let flying = 0
    for (const { due, attempts } of this.#heard.open) if (attempts > 0 && due > now) flying++
    for (const heard of this.#heard.open) {
      if (heard.due > now) next = Math.min(next, heard.due)
      else if (!this.#supplies.lacks(heard)) this.#heard.settle(heard)
      else {
        const { last } = heard
        if (last !== undefined) this.#peer(last).strikes++
        if (heard.attempts === 0 && this.#haste.isTooMuch(now)) {
          this.#heard.forget(heard)
          this.#init.counts.done.add('left-to-digests')
          continue
        }
        if (heard.attempts === 0 && flying >= MAX_FLYING) {
          heard.due = now + this.#haste.rtt
          next = Math.min(next, heard.due)
          continue
        }
        if (heard.attempts === 0) flying++
        const whom = heard.attempts < ATTEMPTS ? this.#whom(heard) : undefined
        if (whom === undefined) {
          this.#heard.forget(heard)
          continue
        }
        heard.attempts++
        heard.asked.add(whom.id)
        heard.last = whom.id
        heard.due = now + this.#haste.timeout(this.#init.rtt?.(whom.id))
        heard.at = now
        next = Math.min(next, heard.due)
        const some = asked.get(whom) ?? []
        asked.set(whom, some)
        some.push(heard)
      }
    }
    for (const [whom, some] of asked) {
      for (let at = 0; at < some.length; at += MAX_TOLD) this.#want(whom, some.slice(at, at + MAX_TOLD))
    }
    this.#wake(next)
  }

  #want(whom: PeerDescriptor, lacks: readonly Lack[]): void {
    if (!this.#say(whom, { kind: 'want', holdings: holdingsOf(lacks) })) return
    this.#init.counts.done.add('wants')
    this.trouble()
    for (const { publisher, sequence } of lacks) this.#supplies.asked(publisher, sequence)
  }

  /** The first that told of it and was not asked, who answers; else the others, those that were asked in turn again. */
  #whom({ tellers, asked, attempts }: Heard): PeerDescriptor | undefined {
    const fresh = tellers.filter(({ id }) => !asked.has(id))
    const answers = (peer: PeerDescriptor) => this.#peer(peer.id).strikes < this.#limits.strikes
    return fresh.find(answers) ?? fresh[0] ?? tellers[attempts % tellers.length]
  }

  #tell(): void {
    this.#tick = undefined
    const now = this.#environment.now()
    this.#toldAt = now
    this.#news = this.#news.filter(({ at }) => now - at <= NEWS)
    if (this.#haste.isTooMuch(now)) return
    const news = this.#news.map(({ publication }) => publication)
    const { self, random } = this.#environment
    const publishers = new Set(news.map(({ publisher }) => publisher))
    const others = this.#init
      .partners()
      .filter(({ id }) => id !== self.id && !(publishers.size === 1 && publishers.has(id)))
    const lacks = new Map<string, Lack>()
    const told = new Set<string>()
    for (const publication of news) {
      for (const one of this.#with(publication)) {
        const key = keyOf(one)
        if (told.has(key)) break // it stands there with more before it than would follow here
        lacks.set(key, { publisher: positionOf(one.publisher), sequence: one.sequence, since: now })
      }
      told.add(keyOf(publication))
    }
    const holdings = holdingsOf([...lacks.values()].slice(-MAX_TOLD))
    for (const partner of random.sample(others, this.#isTroubled ? this.#init.options.told : UNTRIED)) {
      if (!this.#say(partner, { kind: 'have', holdings })) continue
      this.#init.counts.done.add('told')
      for (const publication of news) this.said(partner, publication)
    }
  }

  /** A publication, and those right before it that are stored. */
  *#with(publication: Publication): Generator<Publication> {
    let one: Publication | undefined = publication
    for (let i = 0; i <= BEFORE && one !== undefined; i++) {
      yield one
      one = this.#init.store.get(one.publisher, one.previous)?.publication
    }
  }

  #peer(id: string): Peer {
    const known = this.#peers.get(id)
    if (known !== undefined) return known
    const { rate, burst } = this.#limits
    const peer = { heard: new TokenBucket(rate, burst), wants: new TokenBucket(rate, burst), waiting: 0, strikes: 0 }
    put(this.#peers, id, peer, MAX_PEERS)
    return peer
  }

  #say(to: PeerDescriptor, message: BimodalMessage): boolean {
    const affordable = this.#init.budget.take(this.#environment.now(), bimodalCodec.size(message))
    if (affordable) this.#environment.send(to, message)
    else this.#init.counts.refused.add('over-budget')
    return affordable
  }
}

function keyOf({ publisher, sequence }: Publication): string {
  return heardKey(positionOf(publisher), sequence)
}
