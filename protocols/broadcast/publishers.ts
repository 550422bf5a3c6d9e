import { TokenBucket } from '../../core/bucket.ts'
import { positionOf } from '../../core/position.ts'
import { type Missed, Order, type OrderOptions } from './order.ts'
import type { Publication } from './publication.ts'

/** What this node knows of somebody who publishes. */
export interface Publisher {
  readonly id: string
  /** On the ring: its name in digests. */
  readonly position: number
  readonly order: Order<Publication>
  /** For what comes down the tree, by our clock. */
  readonly pushed: TokenBucket
  /** Publications accepted, by the tenth of a minute in which they say they were published. At most `#maxSpans`. */
  readonly spans: Map<number, number>
  /** The latest `published` it was accepted with. */
  latest: number
  /** The peer that its first publication came from; itself, where that is this node. */
  readonly by: string
}

export interface PublishersOptions extends OrderOptions {
  readonly publishers: number
  readonly introduced: number
  readonly rate: number
  readonly burst: number
  readonly window: number
}

export interface PublisherEvents {
  deliver(publication: Publication): void
  missed(publisher: string, missed: Missed): void
}

const SPAN = 6000
/** ms between two turns from which this node was stopped, or too busy to read. */
const STALL = 2000

/**
 * Everybody who published of late, and what they may still publish.
 *
 * At most `options.publishers` of them. Room is made by forgetting who has been silent for longest, and only if the window
 * has closed over all that it ever published, so forgetting cannot let anything in twice; else the newcomer is refused. Keys cost nothing,
 * so who introduces publishers is held to a share of the places that are left: one peer can take a third of them and no more, many can
 * make them few. That holds off who hands all its keys to a few of its contacts, for these pass on what they let in; not who hands others to
 * each of thirty, whom nothing tells from relays of many publishers: then the table fills up, and every relay has had its share.
 * This node itself is never refused.
 *
 * The rate is held twice. What is pushed at us is limited by our clock (with twice the burst and a quarter more rate, because
 * the network bunches what its publisher spaced). What we pulled may come minutes of it at once, so it is limited by the
 * time at which it claims to be published, which the publisher signed and cannot spread beyond the window.
 */
export class Publishers {
  readonly #options: PublishersOptions
  readonly #events: PublisherEvents
  readonly #mayForget: (id: string) => boolean
  /** Of publications that come with gaps on purpose: whether this one may come. */
  expects: ((publisher: string, sequence: number) => boolean) | undefined
  /** Since when no gaps are on purpose, of those. */
  wholeSince: (() => number) | undefined
  /** As many as the window on both sides of now has, twice: they are cleared in bulk. */
  readonly #maxSpans: number
  /** The one heard of last is last. */
  readonly #byId = new Map<string, Publisher>()
  readonly #byPosition = new Map<number, Publisher>()
  /** How many of them by whom; of nobody none. */
  readonly #introduced = new Map<string, number>()
  readonly #own: string | undefined
  /** When a publisher was last forgotten; if none was, since when none is unknown for having been. */
  #remembers: number
  #turned: number | undefined
  /** When this node last went on after a stall. */
  #resumed = Number.NEGATIVE_INFINITY

  /** @param own the publisher that this node is itself */
  constructor(options: PublishersOptions, events: PublisherEvents, mayForget: (id: string) => boolean, own?: string) {
    this.#options = options
    this.#events = events
    this.#mayForget = mayForget
    this.#own = own
    this.#remembers = options.remembers ?? options.started
    this.#maxSpans = 2 * Math.ceil((2 * options.window) / SPAN + 1)
  }

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Publisher | undefined {
    return this.#byId.get(id)
  }

  /** Whether it was published since this node came into the group; of whose clock nothing is known, that is believed to be right. */
  isOfOurTime(publication: Pick<Publication, 'publisher' | 'published'>): boolean {
    const order = this.#byId.get(publication.publisher)?.order
    return order?.isOfOurTime(publication) ?? publication.published >= this.#options.started
  }

  at(position: number): Publisher | undefined {
    return this.#byPosition.get(position)
  }

  /** Publications that wait for an earlier one. */
  get held(): number {
    let held = 0
    for (const { order } of this.#byId.values()) held += order.held
    return held
  }

  /**
   * The publisher of a publication that may come in, its rate charged; or the reason why it may not.
   * @param from the peer that brought it. @default its publisher
   */
  admit(publication: Publication, now: number, pushed: boolean, from?: string): Publisher | string {
    const { rate, burst } = this.#options
    const publisher = this.#byId.get(publication.publisher) ?? this.#meet(publication.publisher, now, from)
    if (typeof publisher === 'string') return publisher
    const span = Math.floor(publication.published / SPAN)
    const accepted = publisher.spans.get(span) ?? 0
    if (accepted >= (rate * SPAN) / 1000 + burst) return 'rate'
    if (pushed && !publisher.pushed.take(now)) return 'rate'
    publisher.spans.set(span, accepted + 1)
    if (publisher.spans.size > this.#maxSpans) this.#closeSpans(publisher, now)
    publisher.latest = Math.max(publisher.latest, publication.published)
    this.#byId.delete(publisher.id)
    this.#byId.set(publisher.id, publisher)
    return publisher
  }

  /** Once a round: gives up the gaps that nobody repairs. Who was stopped has to read first what came meanwhile. */
  turn(now: number): void {
    if (this.#turned !== undefined && now - this.#turned > STALL) this.#resumed = now
    this.#turned = now
    for (const { order } of this.#byId.values()) if (order.held > 0) order.tick(now, this.#resumed)
  }

  /**
   * Whether this node was stopped, or too busy to read, and may still be reading what came meanwhile: how fast that comes in says
   * nothing of its publishers.
   */
  catchesUp(now: number): boolean {
    return now - (this.#turned ?? now) > STALL || now - this.#resumed < this.#options.patience
  }

  #meet(id: string, now: number, by = id): Publisher | string {
    const { publishers } = this.#options
    if (id !== this.#own && !this.#hasRoom(id, by)) {
      this.#forget(now)
      if (this.#byId.size >= publishers) return 'too-many-publishers'
      if (!this.#hasRoom(id, by)) return 'introduced'
    }
    const position = positionOf(id)
    if (this.#byPosition.has(position)) return 'position-taken'
    const order = new Order<Publication>(
      { ...this.#options, remembers: this.#remembers },
      (publication) => this.#events.deliver(publication),
      (missed) => this.#events.missed(id, missed),
    )
    const { expects, wholeSince } = this
    if (expects !== undefined) order.expects = (sequence) => expects(id, sequence)
    order.wholeSince = wholeSince
    const pushed = new TokenBucket(this.#options.rate * 1.25, this.#options.burst * 2)
    const publisher = { id, position, order, pushed, spans: new Map(), latest: Number.NEGATIVE_INFINITY, by }
    this.#byId.set(id, publisher)
    this.#byPosition.set(position, publisher)
    if (by !== id) this.#introduced.set(by, (this.#introduced.get(by) ?? 0) + 1)
    return publisher
  }

  /** Whether there is a place, and who introduces this one has not had its share of them. */
  #hasRoom(id: string, by: string): boolean {
    const { publishers, introduced } = this.#options
    const left = publishers - this.#byId.size
    return left > 0 && (by === id || (this.#introduced.get(by) ?? 0) < introduced * left)
  }

  #closeSpans({ spans }: Publisher, now: number): void {
    const open = Math.floor((now - this.#options.window) / SPAN)
    for (const span of spans.keys()) if (span < open) spans.delete(span)
  }

  /** From the one silent for longest up to the first that must be remembered: many at once, for a full table stays full. */
  #forget(now: number): void {
    const closed = now - this.#options.window
    for (const publisher of this.#byId.values()) {
      if (publisher.latest >= closed || !this.#mayForget(publisher.id)) return
      this.#remembers = now
      this.#byId.delete(publisher.id)
      this.#byPosition.delete(publisher.position)
      const left = (this.#introduced.get(publisher.by) ?? 0) - 1
      if (left > 0) this.#introduced.set(publisher.by, left)
      else this.#introduced.delete(publisher.by)
    }
  }
}
