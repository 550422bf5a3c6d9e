import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { Pace } from '../../../core/pace.ts'
import { Tally } from '../../../core/tally.ts'
import type { Admission, Congestion, Controller } from '../adaptive/controller.ts'
import type { Delivery, DeliveryInit } from '../delivery.ts'
import type { Publication } from '../publication.ts'
import { type Event, EventBuffer } from './buffer.ts'
import { type EpidemicMessage, eventSize, type Gossip, gossipSize, MAX_EVENTS, MAX_GOSSIP_BYTES } from './messages.ts'
import type { SubscriptionView } from './view.ts'

export interface EpidemicOptions {
  /** Members gossiped to in a round: f. @default 4 (paper) */
  readonly fanout: number
  /** ms between two rounds: T. @default 5000 (paper) */
  readonly period: number
  /** Events held: |events|. @default 120 (paper: what 30 messages a second need) */
  readonly buffer: number
  /** Ids remembered: |eventIds|. @default 16384 (chosen: 9 minutes at 30 messages a second) */
  readonly ids: number
  /** Rounds after which an event is no longer passed on, whatever room there is. @default 20 (chosen: 10^5 nodes need 13) */
  readonly rounds: number
  /**
   * Departure: ask f members at random for what they hold, instead of sending it to f at random. Both move as much. But of f
   * messages sent by everybody to anybody a node gets f on average and e^-f of the nodes none, and who has not got an event when
   * most have it still needs to be lucky; who asks gets f every round. @default true
   */
  readonly pull: boolean
  /**
   * Departure: every copy that comes of an event makes it a round older at least, for who has met more copies of one than of
   * another knows which is needed less. @default true
   */
  readonly copies: boolean
  /**
   * Departure: rounds by which one copy makes an event older at most; the first copy that comes may be three times as old. A liar
   * who says that an event is ancient would have it dropped by all, and they would say so to others. @default 4 (measured: changes
   * nothing among the honest)
   */
  readonly trust: number
  /**
   * Departure: while what a full buffer drops is younger than SPREAD rounds, and so has not reached everybody, what is of low priority goes
   * first; and nobody passes on what has outlived its time. @default true
   */
  readonly heedful: boolean
}

/** Rounds: the low mark of admission control (see ControllerOptions). */
const SPREAD = 6

export interface EpidemicInit extends Pick<DeliveryInit, 'partners' | 'budget' | 'accept'> {
  /** Admission control that goes by this delivery's drops. @default none */
  readonly congestion?: Congestion
  /** The same, where it also says when this node may publish, and is shown in the status. @default none */
  readonly controller?: Pick<Controller, 'admit' | 'rate' | 'status'>
  /** lpbcast's own membership, instead of `partners`. @default none */
  readonly view?: SubscriptionView
}

const DEFAULTS: EpidemicOptions = {
  fanout: 4,
  period: 5000,
  buffer: 120,
  ids: 16_384,
  rounds: 20,
  pull: true,
  copies: true,
  trust: 4,
  heedful: true,
}

/** Fig. 1 as published, in the words of these options. */
export const LPBCAST: Pick<EpidemicOptions, 'pull' | 'copies' | 'trust' | 'heedful'> = {
  pull: false,
  copies: false,
  trust: Number.POSITIVE_INFINITY,
  heedful: false,
}

/**
 * lpbcast (seed 002, Fig. 1): every round a node sends all that its buffer holds to f members at random; where the buffer is
 * full the oldest event goes, which has reached most.
 *
 * All of it is gossip: whatever it sends is paid from the node's budget, the youngest events first; what the budget does not
 * allow is counted as `over-budget` and tried again in the next round.
 *
 * Invariants, after each call: (1) at most `buffer` events and `ids` ids are kept; (2) an event that came once is neither taken
 * in nor held again as long as its id is known; (3) no message is larger than MAX_GOSSIP_BYTES.
 */
export class Epidemic implements Delivery<EpidemicMessage> {
  readonly #environment: Environment<EpidemicMessage>
  readonly #init: EpidemicInit
  readonly #options: EpidemicOptions
  readonly #buffer: EventBuffer
  readonly #tally = new Tally()
  /** Whose turn it was since everybody had one: no more than there are partners. */
  readonly #asked = new Set<string>()
  /** Nobody has a reason to ask one peer twice in a round; the shortest takes 0.9 of the period. */
  readonly #pace: Pace
  #timer: Timer | undefined

  /** @throws RangeError on options that are not positive */
  constructor(environment: Environment<EpidemicMessage>, init: EpidemicInit, options: Partial<EpidemicOptions> = {}) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...DEFAULTS, ...options }
    for (const [name, value] of Object.entries(this.#options)) {
      if (typeof value === 'number' && !(value > 0)) throw new RangeError(`${name} is a positive number, got ${value}`)
    }
    const { buffer, ids, period, copies, trust, heedful } = this.#options
    this.#pace = new Pace(0.8 * period)
    const shadowed = init.congestion !== undefined
    this.#buffer = new EventBuffer({ capacity: buffer, ids, shadowed, copies, trust, spread: heedful ? SPREAD : 0 })
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#options.period, this)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Gives the events more or less room, from the next message on. @throws RangeError when it is not a positive integer */
  resize(buffer: number): void {
    this.#buffer.capacity = buffer
  }

  /** Fig. 1: a new event has age 0; it goes out with the next round. */
  spread(publication: Publication): void {
    if (this.#timer === undefined) return
    this.#take(publication, 0)
    this.#discard()
  }

  peerDown(id: string): void {
    this.#init.view?.remove(id)
  }

  get rate(): number {
    return this.#init.controller?.rate ?? Number.POSITIVE_INFINITY
  }

  /** Every part is an event in the buffers. */
  admit(now: number, parts: number): Admission {
    return this.#init.controller?.admit(now, parts) ?? { admitted: true, rate: Number.POSITIVE_INFINITY }
  }

  /** One round; the timer's business. */
  turn(): void {
    const { fanout, rounds, pull } = this.#options
    const { congestion } = this.#init
    this.#buffer.turn(rounds, this.#clock, () => this.#tally.add('expired'))
    congestion?.turn()
    const partners = this.#partners(fanout)
    const messages = pull ? [this.#question()] : this.#messages()
    for (const partner of partners) {
      for (const message of messages) this.#send(partner, message)
    }
  }

  receive(from: PeerDescriptor, { ask, events, claims, subscriptions }: EpidemicMessage): void {
    if (this.#timer === undefined) return
    this.#init.congestion?.heard(claims, from.id)
    this.#init.view?.heard(subscriptions)
    let duplicates = 0
    for (const { publication, age } of events) {
      const heard = this.#buffer.hear(publication, age)
      if (heard === 'known') duplicates++
      else if (heard === 'new') this.#accept(publication, age)
      // Two under one number are the host's to count, and to prove.
      else this.#refused(publication)
    }
    if (duplicates > 0) this.#tally.add('duplicate', duplicates)
    this.#discard()
    if (ask) this.#answer(from)
  }

  /**
   * Counts - sent, over-budget, duplicate, taken, dropped and the sum of the ages at which it was, expired, and the host's
   * reasons for refusing - and sizes.
   */
  status(): Readonly<Record<string, unknown>> {
    return {
      ...this.#tally.toJSON(),
      buffered: this.#buffer.size,
      capacity: this.#buffer.capacity,
      ids: this.#buffer.ids,
      ...(this.#init.controller && { admission: this.#init.controller.status() }),
    }
  }

  /** What times to live are held against. */
  get #clock(): number {
    return this.#options.heedful ? this.#environment.now() : Number.NEGATIVE_INFINITY
  }

  #answer(from: PeerDescriptor): void {
    if (this.#pace.allows(from.id, this.#environment.now())) {
      for (const message of this.#messages(1)) this.#send(from, message)
    } else {
      this.#tally.add('asked-too-often')
    }
  }

  #accept(publication: Publication, age: number): void {
    const refused = this.#refused(publication)
    if (refused === undefined) this.#take(publication, age)
    // What this peer may not introduce another may: known from now on, it would be lost by whoever hurries to bring it first.
    else if (refused !== 'introduced') this.#buffer.ignore(publication)
  }

  /** Why the host does not let it in, if it does not. */
  #refused(publication: Publication): string | undefined {
    const verdict = this.#init.accept(publication, !this.#options.pull)
    if (verdict === 'new') return undefined
    const reason = verdict === 'known' ? 'duplicate' : verdict.refused
    this.#tally.add(reason)
    return reason
  }

  #take(publication: Publication, age: number): void {
    this.#tally.add('taken')
    this.#init.congestion?.received(publication.publisher)
    this.#buffer.add(publication, age)
  }

  /** Fig. 5b, then the end of Fig. 1. */
  #discard(): void {
    const { congestion } = this.#init
    if (congestion !== undefined) this.#buffer.shadow(congestion.buffer(), (age) => congestion.dropped(age))
    this.#buffer.trim((age) => {
      this.#tally.add('dropped')
      this.#tally.add('dropped-rounds', age)
    })
  }

  /** Members at random; who asks, asks everybody before it asks one again. */
  #partners(count: number): PeerDescriptor[] {
    const { random } = this.#environment
    const all = this.#init.view?.members ?? this.#init.partners()
    if (!this.#options.pull) return random.sample(all, count)
    const chosen = random.sample(
      all.filter(({ id }) => !this.#asked.has(id)),
      count,
    )
    if (chosen.length < count) {
      this.#asked.clear()
      const others = all.filter(({ id }) => !chosen.some((one) => one.id === id))
      chosen.push(...random.sample(others, count - chosen.length))
    }
    for (const { id } of chosen) this.#asked.add(id)
    return chosen
  }

  #question(): Gossip {
    const { congestion, view } = this.#init
    return { ask: true, events: [], claims: congestion?.claims() ?? [], subscriptions: view?.offer() ?? [] }
  }

  /** What this node holds: one message, or as many as the events need. */
  #messages(hop = 0): Gossip[] {
    const claims = this.#init.congestion?.claims() ?? []
    const subscriptions = this.#init.view?.offer() ?? []
    const messages: Gossip[] = []
    let events: Event[] = []
    let first: Omit<Gossip, 'events'> = { ask: false, claims, subscriptions }
    let bytes = gossipSize({ ...first, events })
    for (const event of this.#buffer.events(hop, this.#clock)) {
      const size = eventSize(event)
      if (events.length > 0 && (bytes + size > MAX_GOSSIP_BYTES || events.length === MAX_EVENTS)) {
        messages.push({ ...first, events })
        first = { ask: false, claims: [], subscriptions: [] }
        events = []
        bytes = gossipSize({ ...first, events })
      }
      events.push(event)
      bytes += size
    }
    messages.push({ ...first, events })
    return messages
  }

  #send(partner: PeerDescriptor, message: Gossip): void {
    if (this.#init.budget.take(this.#environment.now(), gossipSize(message))) {
      this.#tally.add('sent')
      this.#environment.send(partner, message)
    } else {
      this.#tally.add('over-budget')
    }
  }
}
