import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import { type Publication, publicationId } from '../../protocols/broadcast/publication.ts'
import { publicationSize, sized } from './sized.ts'
import { Wait } from './srm-wait.ts'

export type SrmMessage =
  | { readonly kind: 'data'; readonly publication: Publication }
  /** What its sender has published last. */
  | { readonly kind: 'session'; readonly last: number }
  /** @field distance from who asks to the publisher */
  | { readonly kind: 'request'; readonly publisher: string; readonly sequence: number; readonly distance: number }
  /** @field asker whom it answers @field distance from who repairs to who asked */
  | { readonly kind: 'repair'; readonly publication: Publication; readonly asker: string; readonly distance: number }

export const srmCodec = sized<SrmMessage>((message) => {
  if (message.kind === 'data' || message.kind === 'repair') return publicationSize(message.publication)
  return 48
})

export interface SrmInit {
  /** Members of the group. */
  readonly members: number
  /** Sends to the whole group but ourselves, each link losing what it loses: IP multicast. */
  multicast(message: SrmMessage): void
  /** ms of the way between us and this member; SRM estimates it from session messages. */
  distance(id: string): number
  /** Takes a publication in; called once for each. */
  accept(publication: Publication): unknown
}

export interface SrmOptions {
  /** Whether the timers adapt to duplicates. */
  readonly adaptive: boolean
  /** ms between two messages in which a publisher says how far it is, so that the loss of the last one shows. */
  readonly session: number
  /** Publications kept of each publisher, to repair others. */
  readonly buffer: number
}

/** The intervals are those SRM's authors recommend: C1 = C2 = 2, D1 = D2 = log10 of the members. */
export const SRM_DEFAULTS: SrmOptions = { adaptive: false, session: 1000, buffer: 1024 }

/** Times a request is repeated, each after twice the wait before; and gaps waited for at a time. */
const MAX_BACKOFF = 8
const MAX_LOSSES = 1024
/** A publication just repaired is not repaired again for so many distances of its publisher. */
const HOLD_DOWN = 3

/** A publication that is lacking. */
interface Loss {
  timer: Timer
  readonly publisher: string
  readonly sequence: number
  readonly since: number
  backoff: number
  asked: boolean
  /** Whether somebody, we or another, has asked for it. */
  requested: boolean
  /** Until then another's request belongs to the round that we have backed off for. */
  ignore: number
}

/** A repair that waits, or was sent. */
interface Repairing {
  timer: Timer | undefined
  readonly since: number
  readonly asker: string
  /** Until when requests are not answered. */
  held: number
  sent: boolean
}

interface Source {
  readonly have: Map<number, Publication>
  /** Known to have been published up to here. */
  upTo: number
}

/**
 * Baseline: scalable reliable multicast (Floyd et al. 1997). Who lacks a publication waits a random time, longer the further
 * from its publisher, and multicasts a request; who hears a request for the same backs off. Who has it waits a random time,
 * longer the further from who asked, and multicasts the repair; who hears a repair stays silent. No member is special, and
 * every request and repair is everybody's load.
 *
 * A publisher's sequences go 1, 2, 3, ...; a member that meets a publisher wants what comes from then on.
 *
 * Invariants: (1) at most 1024 losses and as many repairs wait; (2) `buffer` publications are kept a publisher; (3) what was
 * taken in is not taken in again.
 */
export class Srm implements Protocol<SrmMessage> {
  readonly #environment: Environment<SrmMessage>
  readonly #init: SrmInit
  readonly #options: SrmOptions
  /** requests, repairs (sent); heard-requests, heard-repairs, copies (received); given-up, expired. */
  readonly #done = new Tally()
  readonly #asking: Wait
  readonly #repairing: Wait
  readonly #sources = new Map<string, Source>()
  /** By publication. */
  readonly #losses = new Map<string, Loss>()
  readonly #repairs = new Map<string, Repairing>()
  #published = 0
  #timer: Timer | undefined

  constructor(environment: Environment<SrmMessage>, init: SrmInit, options: Partial<SrmOptions> = {}) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...SRM_DEFAULTS, ...options }
    const { adaptive } = this.#options
    const { random } = environment
    const d = Math.max(0.5, Math.log10(init.members))
    const wide = [1, Math.max(2, init.members)] as const
    this.#asking = new Wait(random, { a: 2, b: 2, limits: { a: [0.5, 2], b: wide }, adaptive })
    this.#repairing = new Wait(random, { a: d, b: d, limits: { a: [0.5, d], b: wide }, adaptive })
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#options.session, () => {
      if (this.#published > 0) this.#init.multicast({ kind: 'session', last: this.#published })
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { timer } of this.#losses.values()) timer.cancel()
    for (const { timer } of this.#repairs.values()) timer?.cancel()
    this.#losses.clear()
    this.#repairs.clear()
  }

  spread(publication: Publication): void {
    this.#published = publication.sequence
    this.#store(publication)
    this.#init.multicast({ kind: 'data', publication })
  }

  receive(from: PeerDescriptor, message: SrmMessage): void {
    if (this.#timer === undefined) return
    switch (message.kind) {
      case 'data':
        this.#take(message.publication)
        break
      case 'session':
        this.#knows(from.id, message.last)
        break
      case 'request':
        this.#done.add('heard-requests')
        this.#requested(from, message.publisher, message.sequence, message.distance)
        break
      case 'repair':
        this.#done.add('heard-repairs')
        this.#repaired(message.publication, message.asker, message.distance)
        break
    }
  }

  status() {
    return { done: this.#done.toJSON(), losses: this.#losses.size, repairs: this.#repairs.size }
  }

  #source(publisher: string, from: number): Source {
    const source = this.#sources.get(publisher) ?? { have: new Map(), upTo: from }
    this.#sources.set(publisher, source)
    return source
  }

  #store(publication: Publication): void {
    const { publisher, sequence } = publication
    const source = this.#source(publisher, sequence - 1)
    source.have.set(sequence, publication)
    source.upTo = Math.max(source.upTo, sequence)
    if (source.have.size > this.#options.buffer) source.have.delete(source.have.keys().next().value as number)
  }

  #take(publication: Publication): void {
    const { publisher, sequence } = publication
    this.#done.add('copies')
    this.#knows(publisher, sequence - 1)
    const source = this.#source(publisher, sequence - 1)
    if (sequence <= source.upTo && !this.#losses.has(publicationId(publication))) return
    this.#resolve(publicationId(publication))
    this.#store(publication)
    this.#init.accept(publication)
  }

  /** A publisher has published up to here: what we lack of it is lost, or late, which looks the same. */
  #knows(publisher: string, upTo: number): void {
    if (publisher === this.#environment.self.id) return
    const source = this.#source(publisher, upTo)
    for (let sequence = source.upTo + 1; sequence <= upTo; sequence++) this.#miss(publisher, sequence)
    source.upTo = Math.max(source.upTo, upTo)
  }

  #miss(publisher: string, sequence: number): void {
    if (this.#losses.size >= MAX_LOSSES) {
      this.#done.add('given-up')
      return
    }
    const key = publicationId({ publisher, sequence })
    const now = this.#environment.now()
    const timer = this.#environment.after(this.#asking.first(this.#init.distance(publisher)), () => this.#request(key))
    this.#losses.set(key, {
      timer,
      publisher,
      sequence,
      since: now,
      backoff: 1,
      asked: false,
      requested: false,
      ignore: 0,
    })
  }

  #request(key: string): void {
    const loss = this.#losses.get(key)
    if (loss === undefined) return
    const { publisher, sequence } = loss
    const distance = this.#init.distance(publisher)
    this.#done.add('requests')
    if (!loss.requested) this.#asking.ended((this.#environment.now() - loss.since) / distance)
    if (!loss.asked) this.#asking.spoke()
    loss.asked = true
    loss.requested = true
    this.#init.multicast({ kind: 'request', publisher, sequence, distance })
    this.#backOff(key, loss)
  }

  /** Waits twice as long as before for what was asked for. */
  #backOff(key: string, loss: Loss): void {
    loss.timer.cancel()
    if (loss.backoff > MAX_BACKOFF) {
      this.#done.add('expired')
      this.#losses.delete(key)
      return
    }
    const wait = 2 ** loss.backoff * this.#asking.again(this.#init.distance(loss.publisher))
    loss.backoff++
    loss.ignore = this.#environment.now() + wait / 2
    loss.timer = this.#environment.after(wait, () => this.#request(key))
  }

  #resolve(key: string): void {
    this.#losses.get(key)?.timer.cancel()
    this.#losses.delete(key)
  }

  #requested(from: PeerDescriptor, publisher: string, sequence: number, distance: number): void {
    const key = publicationId({ publisher, sequence })
    this.#knows(publisher, sequence)
    const loss = this.#losses.get(key)
    if (loss !== undefined) {
      this.#askedToo(key, loss, distance)
      return
    }
    const publication = this.#sources.get(publisher)?.have.get(sequence)
    if (publication === undefined || this.#repairs.has(key) || this.#repairs.size >= MAX_LOSSES) return
    const now = this.#environment.now()
    const away = this.#init.distance(from.id)
    const timer = this.#environment.after(this.#repairing.first(away), () => this.#repair(key, publication))
    this.#repairs.set(key, { timer, since: now, asker: from.id, held: 0, sent: false })
  }

  /** Another asks for what we lack, too. */
  #askedToo(key: string, loss: Loss, distance: number): void {
    const now = this.#environment.now()
    const own = this.#init.distance(loss.publisher)
    if (loss.requested) this.#asking.heard(loss.asked ? distance > 1.5 * own : undefined)
    else this.#asking.ended((now - loss.since) / own)
    loss.requested = true
    if (now >= loss.ignore) this.#backOff(key, loss)
  }

  #repair(key: string, publication: Publication): void {
    const repair = this.#repairs.get(key)
    if (repair === undefined) return
    const distance = this.#init.distance(repair.asker)
    this.#done.add('repairs')
    this.#repairing.ended((this.#environment.now() - repair.since) / distance)
    this.#repairing.spoke()
    repair.sent = true
    this.#init.multicast({ kind: 'repair', publication, asker: repair.asker, distance })
    this.#holdDown(key, repair, publication.publisher)
  }

  #repaired(publication: Publication, asker: string, distance: number): void {
    const key = publicationId(publication)
    const repair = this.#repairs.get(key)
    const now = this.#environment.now()
    if (repair === undefined) {
      this.#take(publication)
      if (this.#repairs.size >= MAX_LOSSES) return
      const done: Repairing = { timer: undefined, since: now, asker, held: 0, sent: false }
      this.#repairs.set(key, done)
      this.#holdDown(key, done, publication.publisher)
    } else if (repair.held > 0) {
      const own = this.#init.distance(repair.asker)
      this.#repairing.heard(repair.sent ? distance > 1.5 * own : undefined)
    } else {
      this.#repairing.ended((now - repair.since) / this.#init.distance(repair.asker))
      this.#holdDown(key, repair, publication.publisher)
    }
  }

  /** Says nothing more of this publication for a while. */
  #holdDown(key: string, repair: Repairing, publisher: string): void {
    repair.timer?.cancel()
    const { id } = this.#environment.self
    const wait = HOLD_DOWN * (publisher === id ? this.#init.distance(repair.asker) : this.#init.distance(publisher))
    repair.held = this.#environment.now() + wait
    repair.timer = this.#environment.after(wait, () => this.#repairs.delete(key))
  }
}
