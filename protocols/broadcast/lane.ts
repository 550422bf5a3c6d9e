import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import type { Sign } from '../../core/signed.ts'
import { type BufferClaim, claimsSize } from './adaptive/claims.ts'
import type { Admission } from './adaptive/controller.ts'
import { Room } from './adaptive/room.ts'
import { Counts } from './counts.ts'
import { HEAD, makeDelivery } from './deliveries.ts'
import type { Delivery, DeliveryInit, Refused, Verdict } from './delivery.ts'
import type { BroadcastOptions } from './options.ts'
import type { Missed } from './order.ts'
import { Outbox } from './outbox.ts'
import { compose, type DeliveryName, isExpired, type Publication, publicationId, sameBytes } from './publication.ts'
import { type Publisher, Publishers } from './publishers.ts'
import { type Delivered, deliveredSince } from './recent.ts'
import { type Discard, type Entry, type Held, Store } from './store.ts'
import type { SubgroupRatings } from './subscriptions.ts'

/** What the next publication says of the one before it. */
export type Last = Pick<Publication, 'sequence' | 'ttl' | 'published'>

/** What this node published last, by `delivery/topic`: kept over restarts by whoever runs it. */
export interface Published {
  get(lane: string): Last | undefined
  /** @param last undefined: the next one is to name none */
  set(lane: string, last: Last | undefined): void
}

export interface LaneInit {
  readonly topic: string
  readonly delivery: DeliveryName
  /** When this node became a member of the group: a lane is opened by the first that comes, which may be long after. */
  readonly joined: number
  /** When the lane was last closed, and forgot all; if it never was, `joined`. */
  readonly remembers: number
  readonly options: BroadcastOptions
  readonly budget: TokenBucket
  readonly sign: Sign | undefined
  /** Shared by all lanes of the node. */
  readonly held: Held
  contacts(): readonly PeerDescriptor[]
  partners(): readonly PeerDescriptor[]
  /** What this node published last on the topic by this delivery, before the lane was closed. */
  readonly last?: Last | undefined
  /** From now on the next one of this node names this one. */
  published?(last: Last | undefined): void
  /** See DeliveryInit. */
  readonly rtt: DeliveryInit['rtt'] | undefined
  ratings(): SubgroupRatings
  /** In each publisher's order, each once. */
  deliver(publication: Publication): void
  missed(missed: Missed & { readonly from: string }): void
  /** What another lane of this node stores under this number of a publisher, whose numbers are of all its topics together. */
  elsewhere(publisher: string, sequence: number): Publication | undefined
  /** Two publications under one number, both signed by their publisher. */
  equivocation(first: Publication, second: Publication): void
  /** Something of this publisher was refused because it sends more than its rate. */
  limited(from: string): void
  /** Tells a member what those claim that are short of room. */
  claim(to: PeerDescriptor, claims: readonly BufferClaim[]): void
  /** Something was stored: the node's memory may be too small for all its lanes. */
  stored(): void
}

/**
 * One topic by one delivery, on a member of its group: what may come in, what is kept for others, and the order in which it
 * goes to the subscribers. How it travels is the delivery's business.
 *
 * Invariants: (1) whatever is delivered was admitted: of this topic and delivery, not seen before, published within the window, within
 * its publisher's rate; (2) what waits for its turn is in the store, and is delivered before it is discarded from there;
 * (3) a publisher is known for as long as one of its publications is stored or could be sent again within the window; so (1)
 * holds at most once for every publication.
 */
export class Lane implements Protocol<unknown> {
  readonly counts = new Counts()
  readonly #environment: Environment<unknown>
  readonly #init: LaneInit
  readonly #publishers: Publishers
  readonly #store: Store
  readonly #room: Room
  readonly #delivery: Delivery
  readonly #outbox: Outbox
  /** Accepted while a message is handled, by id: taken in after it. As many as one message holds. */
  readonly #arrived = new Map<string, { readonly publisher: Publisher; readonly publication: Publication }>()
  /** Whose message is being handled. */
  #from: string | undefined
  #turns = 0
  readonly #delivered = new WeakMap<Publication, Delivered>()
  #timer: Timer | undefined
  /** When somebody published by it last, or wanted to, as far as this node knows. */
  #stirred: number
  /** Our own last publication: the next one names it. */
  #last: Last | undefined

  /** @param stirred when somebody published by it last */
  constructor(environment: Environment<unknown>, init: LaneInit, stirred: number) {
    this.#stirred = stirred
    this.#last = init.last
    const { options, counts } = { options: init.options, counts: this.counts }
    this.#environment = environment
    this.#init = init
    const { topic, delivery: name, sign } = init
    this.#room = new Room(environment, { group: `${name}/${topic}`, sign, options, members: () => init.partners() })
    const discarded = (entry: Entry, why: Discard) => {
      const { publisher, sequence } = entry.publication
      if (why === 'room') this.#room.discarded(entry)
      this.#publishers.get(publisher)?.order.release(sequence, environment.now())
    }
    this.#store = new Store(options, discarded, init.held)
    this.#publishers = new Publishers(
      { ...options, started: init.joined, remembers: init.remembers },
      { deliver: (publication) => this.#inOrder(publication), missed: (from, missed) => this.#givenUp(from, missed) },
      (id) => this.#store.shelf(id) === undefined,
      environment.self.id,
    )
    this.#store.waits = ({ publisher, sequence }) =>
      sequence > (this.#publishers.get(publisher)?.order.settled ?? Number.POSITIVE_INFINITY)
    const delivery: DeliveryInit = {
      topic: init.topic,
      sign: init.sign,
      contacts: () => init.contacts(),
      partners: () => init.partners(),
      ...(init.rtt && { rtt: init.rtt }),
      budget: { take: (now, bytes = 1) => init.budget.take(now, bytes + HEAD) },
      accept: (publication, pushed = true) => this.#accept(publication, pushed),
      deliver: (publication) => this.#deliver(publication),
      missed: (publisher, missed) => this.#missed(publisher, missed),
      ratings: () => init.ratings(),
      store: this.#store,
      publishers: this.#publishers,
      counts,
      options,
    }
    this.#delivery = makeDelivery(init.delivery, environment, delivery)
    this.#publishers.expects = this.#delivery.expects?.bind(this.#delivery)
    this.#publishers.wholeSince = this.#delivery.wholeSince?.bind(this.#delivery)
    this.#outbox = new Outbox(environment, options, (publication) => this.#send(publication))
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#environment.every(this.#init.options.period, () => this.#turn())
    this.#delivery.start()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#delivery.stop()
    const unsent = this.#outbox.clear()
    if (unsent === 0) return
    this.counts.refused.add('stopped', unsent)
    this.#last = undefined // the next one must name none that nobody has
    this.#init.published?.(undefined)
  }

  /** What it keeps goes out of the memory that the lanes share. The lane must not be used any more. @returns this node's last publication */
  close(): Last | undefined {
    this.stop()
    this.#init.held.bytes -= this.#store.bytes
    return this.#last
  }

  /** ms for which nobody has published by it, as far as this node knows. */
  idle(now: number): number {
    return Math.max(0, now - this.#stirred)
  }

  /** Somebody knows of a publication at that time. */
  stir(at: number): void {
    this.#stirred = Math.max(this.#stirred, at)
  }

  get bytes(): number {
    return this.#store.bytes
  }

  /** What it stores under this number of a publisher. */
  stored(publisher: string, sequence: number): Publication | undefined {
    return this.#store.get(publisher, sequence)?.publication
  }

  /** Makes room in the memory of all lanes. */
  relieve(): void {
    this.#store.relieve()
  }

  /** ms until a message of so many parts can be published. */
  wait(parts: number): number {
    return this.#outbox.wait(parts)
  }

  /** Publications a second that admission control lets this node send, to the hundredth. */
  get rate(): number {
    const rate = Math.min(this.#room.rate, this.#delivery.rate ?? Number.POSITIVE_INFINITY)
    return Math.round(rate * 100) / 100
  }

  /** Whether admission control lets a message of so many parts go now. */
  admit(now: number, parts: number): Admission | Refused {
    this.stir(now)
    // Both take their tokens only where both let it go: those that one had taken would be lost whenever the other puts it off.
    if (this.#room.wait(now, parts) > 0) return this.#room.admit(now, parts)
    const own = this.#delivery.admit?.(now, parts)
    const lets = own === undefined || ('admitted' in own && own.admitted)
    return lets ? this.#room.admit(now, parts) : own
  }

  /**
   * Makes a publication of this node; or says in words why it cannot now. It is taken in and sent at once, except for the later
   * parts of a large message and what comes after them.
   */
  publish(
    fields: Pick<Publication, 'subgroup' | 'payload' | 'ttl' | 'priority' | 'part' | 'parts'>,
    sequence: number,
  ): Publication | string {
    const now = this.#environment.now()
    const published = Math.round(now)
    const last = this.#last
    const { topic, delivery, sign } = this.#init
    const publication = compose(
      {
        ...fields,
        publisher: this.#environment.self.id,
        sequence,
        previous: last?.sequence ?? 0,
        previousTtl: last?.ttl ?? 0,
        elapsed: last === undefined ? 0 : Math.max(0, published - last.published),
        published,
        topic,
        delivery,
      },
      sign,
    )
    const publisher = this.#publishers.admit(publication, now, false)
    if (typeof publisher === 'string') return publisher
    // What it names of before the lane was opened nobody will bring this node, which made it.
    publisher.order.begin(this.#init.last?.sequence ?? 0)
    this.#last = { sequence, ttl: publication.ttl, published }
    this.#init.published?.(this.#last)
    this.counts.done.add('published')
    this.#outbox.add(publication)
    return publication
  }

  receive(from: PeerDescriptor, message: unknown): void {
    if (this.#timer === undefined) return
    this.#from = from.id
    try {
      this.#delivery.receive(from, message)
    } finally {
      this.#from = undefined
      this.#settle()
    }
  }

  /** What this peer tells of members that are short of room. */
  heard(claims: readonly BufferClaim[], from: string): void {
    this.#room.heard(claims, from)
  }

  peerDown(id: string): void {
    this.#delivery.peerDown(id)
  }

  /** What is kept of what was delivered within the last `past` ms, in that order. */
  recent(past: number): Publication[] {
    const now = this.#environment.now()
    const delivered: Delivered[] = []
    for (const { publication } of this.#store.entries()) {
      const one = this.#delivered.get(publication)
      if (one !== undefined && !isExpired(publication, now)) delivered.push(one)
    }
    return deliveredSince(delivered, now - past)
  }

  /** Counters and sizes; every size has its bound in the options or beside its field. */
  status() {
    const delivery: Readonly<Record<string, unknown>> = { admission: this.#room.status, ...this.#delivery.status() }
    return {
      done: this.counts.done.toJSON(),
      refused: { ...this.counts.refused.toJSON(), ...this.#room.refused },
      stored: { publications: this.#store.size, bytes: this.#store.bytes },
      publishers: this.#publishers.size,
      held: this.#publishers.held,
      waiting: this.#outbox.waiting,
      delivery,
    }
  }

  #turn(): void {
    const now = this.#environment.now()
    this.#store.turn(now)
    this.#publishers.turn(now)
    this.#room.turn()
    this.#claim(now)
  }

  /** Gossip about buffers, whatever the delivery, while any buffer is short: a message a round to twice as many members as a digest goes to. */
  #claim(now: number): void {
    const claims = this.#room.claims()
    if (claims.length === 0) return
    for (const to of this.#environment.random.sample(this.#init.partners(), 2 * this.#init.options.fanout)) {
      if (this.#init.budget.take(now, HEAD + 1 + claimsSize(claims))) this.#init.claim(to, claims)
      else this.counts.refused.add('over-budget')
    }
  }

  #accept(publication: Publication, pushed: boolean): Verdict {
    const { done } = this.counts
    done.add('copies')
    done.add('bytes', publication.payload.length)
    const { publisher: from, sequence } = publication
    const known = this.#arrived.get(publicationId(publication)) ?? this.#store.get(from, sequence)
    if (known !== undefined) {
      if (!sameBytes(known.publication.record.body, publication.record.body)) {
        this.#init.equivocation(known.publication, publication)
        return this.#refuse('equivocation')
      }
      done.add('duplicates')
      return 'known'
    }
    const elsewhere = this.#init.elsewhere(from, sequence)
    // The very same is no lie of its publisher: somebody sent it to a lane where it does not belong.
    if (elsewhere !== undefined && !sameBytes(elsewhere.record.body, publication.record.body)) {
      this.#init.equivocation(elsewhere, publication)
      return this.#refuse('equivocation')
    }
    const publisher = this.#admit(publication, pushed)
    if (publisher === 'rate' && !this.#publishers.catchesUp(this.#environment.now())) this.#init.limited(from)
    if (typeof publisher === 'string') return this.#refuse(publisher)
    this.stir(this.#environment.now())
    this.#arrived.set(publicationId(publication), { publisher, publication })
    if (this.#from === undefined) this.#settle()
    return 'new'
  }

  #refuse(reason: string): Verdict {
    this.counts.refused.add(reason)
    return { refused: reason }
  }

  /** Its publisher, or the reason why a publication that is not known does not get in. */
  #admit(publication: Publication, pushed: boolean): Publisher | string {
    const { publisher, sequence, published, topic, delivery } = publication
    const now = this.#environment.now()
    if (topic !== this.#init.topic) return 'other-topic'
    if (delivery !== this.#init.delivery) return 'other-delivery'
    if (publisher === this.#environment.self.id) return 'own' // from before a restart
    if (sequence <= (this.#publishers.get(publisher)?.order.settled ?? 0)) return 'past'
    if (Math.abs(published - now) > this.#init.options.window) {
      if (published < now) this.#publishers.get(publisher)?.order.tooLate(sequence, now)
      return 'window'
    }
    if (isExpired(publication, now)) return 'expired'
    return this.#publishers.admit(publication, now, pushed, this.#from)
  }

  #send(publication: Publication): void {
    this.#delivery.spread(publication)
    const publisher = this.#publishers.get(publication.publisher)
    if (publisher !== undefined) this.#take(publisher, publication)
  }

  /** After the delivery has passed them on, so that a subscriber's work delays nobody else. */
  #settle(): void {
    if (this.#arrived.size === 0) return
    const arrived = [...this.#arrived.values()]
    for (const { publisher, publication } of arrived) this.#take(publisher, publication)
    this.#arrived.clear()
  }

  /** Stores it last, when it waits or is delivered. */
  #take(publisher: Publisher, publication: Publication): void {
    const now = this.#environment.now()
    publisher.order.accept(publication, now)
    const entry = { publication, received: now }
    this.#room.took(entry)
    this.#store.add(entry)
    this.#init.stored()
  }

  #inOrder(publication: Publication): void {
    if (this.#delivery.inOrder === undefined) this.#deliver(publication)
    else this.#delivery.inOrder(publication)
  }

  #givenUp(publisher: string, missed: Missed): void {
    if (this.#delivery.missed === undefined) this.#missed(publisher, missed)
    else this.#delivery.missed(publisher, missed)
  }

  #deliver(publication: Publication): void {
    const now = this.#environment.now()
    const expired = isExpired(publication, now)
    this.counts.done.add(expired ? 'expired' : 'delivered')
    if (expired) return
    this.#delivered.set(publication, { publication, turn: ++this.#turns, at: now })
    this.#init.deliver(publication)
  }

  #missed(from: string, missed: Missed): void {
    this.counts.done.add('missed')
    this.#init.missed({ from, ...missed })
  }
}
