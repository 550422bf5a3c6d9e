import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import type { Sign } from '../../core/signed.ts'
import { type BroadcastMessage, type Data, isTopic } from './codec.ts'
import { Counts } from './counts.ts'
import { type BroadcastOptions, DEFAULTS } from './options.ts'
import type { Missed } from './order.ts'
import {
  compose,
  type Equivocation,
  MAX_TOPIC_LENGTH,
  type Publication,
  publicationId,
  sameBytes,
} from './publication.ts'
import { type Publisher, Publishers } from './publishers.ts'
import { Repair } from './repair.ts'
import { type Entry, Store } from './store.ts'
import { type Subscriber, Subscriptions } from './subscriptions.ts'
import { Tree } from './tree.ts'

export type Receipt =
  | { readonly status: 'accepted'; readonly id: string; readonly sequence: number }
  | { readonly status: 'refused'; readonly reason: string; readonly limit?: number }

export interface BroadcastEvents {
  /** Publications of `from` that this node is not going to deliver. */
  missed?(missed: Missed & { readonly from: string }): void
  /** Somebody signed two publications under one number; told once a publisher. */
  equivocation?(proof: Equivocation): void
  /** A subscriber threw; the other subscribers were served. */
  subscriberThrew?(error: unknown, topic: string): void
}

export interface BroadcastInit {
  /** Live contacts: whom the tree is cut at. */
  contacts(): readonly PeerDescriptor[]
  /** Live peers to exchange digests with: contacts and a random sample. */
  partners(): readonly PeerDescriptor[]
  /** The node's gossip budget, bytes. Its burst must hold the largest publication, or that is never repaired. */
  readonly budget: TokenBucket
  /** Left out, the signature is empty, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
  /** Numbers >= 1 that grow and never repeat, also after a crash; undefined while none is reserved. */
  readonly sequences: { next(): number | undefined }
  readonly options?: Partial<BroadcastOptions> | undefined
  readonly on?: BroadcastEvents | undefined
}

const BAD_TOPIC = `A topic has 1 to ${MAX_TOPIC_LENGTH} characters of well-formed Unicode.`
/** Equivocations kept: two records of up to 49 KiB each. */
const MAX_PROOFS = 16

/**
 * Bimodal multicast (seed 003, PAPERS section 4): a signed publication goes down its publisher's interval tree, one payload a
 * node; digest gossip repairs what was missed; every publisher's publications are delivered in the order they were made in,
 * each at most once. Every node carries every topic; a subscription is a local filter.
 *
 * Invariants: (1) whatever is delivered was admitted: not seen before, published within the window, within its publisher's
 * rate; (2) what waits for its turn is in the store, and is delivered before it is discarded from there; (3) a publisher is
 * known for as long as one of its publications is stored or could be sent again within the window; so (1) holds at most
 * once for every publication.
 */
export class Broadcast implements Protocol<BroadcastMessage> {
  readonly #environment: Environment<BroadcastMessage>
  readonly #init: BroadcastInit
  readonly #options: BroadcastOptions
  readonly #counts = new Counts()
  readonly #subscriptions: Subscriptions
  readonly #ownRate: TokenBucket
  /** By publisher, the first of each; at most MAX_PROOFS. */
  readonly #proofs = new Map<string, Equivocation>()
  readonly #publishers: Publishers
  readonly #store: Store
  readonly #tree: Tree
  readonly #repair: Repair
  #timer: Timer | undefined
  /** Our own last publication: the next one names it. */
  #last: Publication | undefined
  /** When something was last taken in. */
  #news = Number.NEGATIVE_INFINITY

  constructor(environment: Environment<BroadcastMessage>, init: BroadcastInit) {
    const options = { ...DEFAULTS, ...init.options }
    this.#environment = environment
    this.#init = init
    this.#options = options
    this.#ownRate = new TokenBucket(options.rate, options.burst)
    this.#subscriptions = new Subscriptions((error, topic) => {
      this.#counts.done.add('subscriber-threw')
      init.on?.subscriberThrew?.(error, topic)
    })
    this.#store = new Store(options, ({ publication: { publisher, sequence } }) => {
      this.#publishers.get(publisher)?.order.release(sequence, environment.now())
    })
    this.#publishers = new Publishers(
      { ...options, started: environment.now() },
      { deliver: (publication) => this.#deliver(publication), missed: (from, missed) => this.#missed(from, missed) },
      (id) => this.#store.shelf(id) === undefined,
    )
    this.#tree = new Tree(environment, () => init.contacts(), this.#store, options.handover, this.#counts)
    const { budget } = init
    const partners = () => init.partners()
    this.#repair = new Repair(environment, { partners, budget }, options, this.#store, this.#publishers, this.#counts)
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#options.period, () => this.#turn())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /**
   * Signs a payload and sends it to all subscribers of the topic, those on this node included. The payload is copied.
   * Refused at once: a topic that is not 1-128 characters, a payload over the limit (48 KiB), more than 20 a second (40 at
   * once). Accepted means sent, not received.
   */
  publish(topic: string, payload: Uint8Array): Receipt {
    const refusal = this.#refusal(topic, payload)
    if (refusal !== undefined) return refusal
    const sequence = this.#init.sequences.next()
    if (sequence === undefined) return this.#refuse('No sequence number is reserved yet: sequence reservation pending.')
    const now = this.#environment.now()
    const published = Math.round(now)
    const last = this.#last
    const publication = compose(
      {
        publisher: this.#environment.self.id,
        sequence,
        previous: last?.sequence ?? 0,
        elapsed: last === undefined ? 0 : Math.max(0, published - last.published),
        published,
        topic,
        payload,
      },
      this.#init.sign,
    )
    const publisher = this.#publishers.admit(publication, now, false)
    if (typeof publisher === 'string') return this.#refuse(`This node cannot publish now: ${publisher}.`)
    this.#last = publication
    this.#counts.done.add('published')
    this.#take(publisher, publication, this.#environment.self.position)
    return { status: 'accepted', id: publicationId(publication), sequence }
  }

  /** @returns ends the subscription @throws RangeError when the topic is not 1-128 characters */
  subscribe(topic: string, subscriber: Subscriber): () => void {
    if (!isTopic(topic)) throw new RangeError(BAD_TOPIC)
    return this.#subscriptions.add(topic, subscriber)
  }

  receive(from: PeerDescriptor, message: BroadcastMessage): void {
    if (this.#timer === undefined) return
    if (message.kind === 'data') this.#receiveData(message)
    else if (message.kind === 'digest') this.#repair.receiveDigest(from, message)
    else this.#repair.receivePull(from, message)
  }

  /** The transport cannot reach this peer, or membership declared it dead: what it was given of late goes round it. */
  peerDown(id: string): void {
    if (this.#timer !== undefined) this.#tree.peerDown(id)
  }

  /** Counters and sizes; every size has its bound in the options or beside its field. */
  status() {
    return {
      done: this.#counts.done.toJSON(),
      refused: this.#counts.refused.toJSON(),
      stored: { publications: this.#store.size, bytes: this.#store.bytes },
      publishers: this.#publishers.size,
      held: this.#publishers.held,
      topics: this.#subscriptions.topics,
      handovers: this.#tree.handovers,
      repair: this.#repair.sizes,
      equivocations: [...this.#proofs.values()],
    }
  }

  #turn(): void {
    const now = this.#environment.now()
    this.#store.turn(now)
    this.#publishers.turn(now)
    this.#tree.turn()
    this.#repair.turn(this.#news)
  }

  #refusal(topic: string, payload: Uint8Array): Receipt | undefined {
    const { payloadLimit, rate, burst } = this.#options
    if (this.#timer === undefined) return this.#refuse('This node is not running.')
    if (!isTopic(topic)) return this.#refuse(BAD_TOPIC, MAX_TOPIC_LENGTH)
    if (payload.length > payloadLimit) {
      const reason = `The payload has ${payload.length} bytes; at most ${payloadLimit} bytes can be published at once.`
      return this.#refuse(reason, payloadLimit)
    }
    if (this.#ownRate.take(this.#environment.now())) return undefined
    return this.#refuse(`A node publishes at most ${rate} messages a second, and ${burst} at once.`, rate)
  }

  #refuse(reason: string, limit?: number): Receipt {
    this.#counts.refused.add('publish')
    return { status: 'refused', reason, ...(limit === undefined ? {} : { limit }) }
  }

  #receiveData({ publication, until }: Data): void {
    const { done, refused } = this.#counts
    done.add('copies')
    done.add('bytes', publication.payload.length)
    const known = this.#store.get(publication.publisher, publication.sequence)
    if (known !== undefined) {
      if (!sameBytes(known.publication.record.body, publication.record.body)) {
        this.#equivocation(known.publication, publication)
        return
      }
      done.add('duplicates')
      if (until !== undefined && known.covered === 0) this.#repair.raced()
      const young = this.#environment.now() - known.received <= this.#options.handover
      if (until !== undefined && young) this.#tree.spread(known, until)
      return
    }
    const publisher = this.#admit(publication, until !== undefined)
    if (typeof publisher === 'string') {
      refused.add(publisher)
      return
    }
    done.add(until === undefined ? 'repaired' : 'pushed')
    this.#take(publisher, publication, until)
  }

  /** Its publisher, or the reason why a publication that is not in the store does not get there. */
  #admit(publication: Publication, pushed: boolean): Publisher | string {
    const { publisher, sequence, published } = publication
    const now = this.#environment.now()
    if (publisher === this.#environment.self.id) return 'own' // from before a restart
    if (sequence <= (this.#publishers.get(publisher)?.order.settled ?? 0)) return 'past'
    if (Math.abs(published - now) > this.#options.window) return 'window'
    if (!pushed && !this.#repair.wants(publisher, sequence)) return 'unasked'
    return this.#publishers.admit(publication, now, pushed)
  }

  /** Passes it on first, so that a subscriber's work delays nobody else; stores it last, when it waits or is delivered. */
  #take(publisher: Publisher, publication: Publication, until: number | undefined): void {
    const now = this.#environment.now()
    const entry: Entry = { publication, received: now, covered: 0 }
    this.#news = now
    if (until !== undefined) this.#tree.spread(entry, until)
    publisher.order.accept(publication, now)
    this.#store.add(entry)
  }

  #deliver(publication: Publication): void {
    this.#counts.done.add('delivered')
    this.#subscriptions.deliver(publication)
  }

  #missed(from: string, missed: Missed): void {
    this.#counts.done.add('missed')
    this.#init.on?.missed?.({ from, ...missed })
  }

  #equivocation(first: Publication, second: Publication): void {
    this.#counts.refused.add('equivocation')
    const { publisher, sequence } = first
    if (this.#proofs.has(publisher) || this.#proofs.size >= MAX_PROOFS) return
    const proof = { publisher, sequence, records: [first.record, second.record] } as const
    this.#proofs.set(publisher, proof)
    this.#init.on?.equivocation?.(proof)
  }
}
