import type { Assembly } from './assembly.ts'
import { heightOf } from './gravitational/height.ts'
import { type Publication, publicationId } from './publication.ts'

/** What a subscriber gets. The payload is its own copy. */
export interface Message {
  readonly topic: string
  /** Id of the publisher. */
  readonly from: string
  readonly sequence: number
  readonly payload: Uint8Array
  /** Names the publication: publisher/sequence. Of a message in parts it is the last one's. */
  readonly id: string
  /** ms since the epoch, on the publisher's clock. */
  readonly published: number
}

export type Subscriber = (message: Message) => void

export interface Subscription {
  readonly subscriber: Subscriber
  /** The share of the messages that it wants. */
  readonly rating: number
  /** Of which part of the topic. @default all of it */
  readonly subgroup?: string | undefined
}

/** The shares that somebody wants: of each subgroup that is named, and of all the rest. 0 to 1. */
export interface SubgroupRatings {
  readonly rest: number
  readonly named: ReadonlyMap<string, number>
}

/** What was delivered of late, in that order. */
export interface Past {
  readonly publications: Iterable<Publication>
  readonly assembly: Assembly
}

/**
 * The subscribers of one topic on this node.
 *
 * Invariant: a delivery reaches all its subscribers before the next begins, also when a subscriber publishes; so every
 * subscriber sees the same order.
 */
export class Subscriptions {
  readonly #subscriptions = new Set<Subscription>()
  readonly #failed: (error: unknown) => void
  /** Publications delivered while a delivery is going on: as many as its subscribers publish, which the publish rate bounds. */
  readonly #queue: { readonly publication: Publication; readonly payload: Uint8Array }[] = []
  /** What its subscribers are getting. */
  #current: { readonly publication: Publication; readonly payload: Uint8Array } | undefined
  #ratings: SubgroupRatings | undefined
  /** Subscribers that are getting the recent past: whatever is delivered meanwhile waits for them. */
  #replays = 0

  /** @param failed a subscriber threw; the others are served all the same */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  get size(): number {
    return this.#subscriptions.size
  }

  /** What the most demanding subscriber wants, 0 to 1. */
  get rating(): number {
    let rating = 0
    for (const subscription of this.#subscriptions) rating = Math.max(rating, subscription.rating)
    return rating
  }

  /** What the most demanding subscriber of each subgroup wants: the same object until a subscription comes or ends. */
  get ratings(): SubgroupRatings {
    this.#ratings ??= this.#rate()
    return this.#ratings
  }

  /**
   * @param past the recent past, if it wants that, and what puts it together: the delivery that is going on, if one is, is the last of it
   * @returns ends the subscription; ending it twice does nothing
   */
  add(subscription: Subscription, past?: Past): () => void {
    const own = { ...subscription }
    if (past !== undefined) this.#replay(past, own)
    this.#subscriptions.add(own)
    this.#ratings = undefined
    const { publication, payload } = this.#current ?? {}
    if (past !== undefined && publication !== undefined && payload !== undefined && isFor(publication, own)) {
      this.#hand(publication, payload, own.subscriber)
    }
    this.#drain()
    return () => {
      this.#subscriptions.delete(own)
      this.#ratings = undefined
    }
  }

  deliver(publication: Publication, payload: Uint8Array): void {
    this.#queue.push({ publication, payload })
    this.#drain()
  }

  #drain(): void {
    if (this.#current !== undefined || this.#replays > 0) return
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { publication, payload } = next
      this.#current = next
      for (const subscription of [...this.#subscriptions]) {
        if (!this.#subscriptions.has(subscription)) continue // another one ended it
        if (isFor(publication, subscription)) this.#hand(publication, payload, subscription.subscriber)
      }
      this.#current = undefined
    }
  }

  /** In order, to one subscriber that is about to be added: what is being delivered comes to it then, and what it publishes meanwhile. */
  #replay({ publications, assembly }: Past, subscription: Subscription): void {
    this.#replays++
    for (const publication of publications) {
      const id = publicationId(publication)
      if ([this.#current, ...this.#queue].some((coming) => coming && publicationId(coming.publication) === id)) continue
      const assembled = assembly.add(publication, 0)
      if (assembled === 'wait' || 'broken' in assembled || !isFor(publication, subscription)) continue
      this.#hand(publication, assembled.payload, subscription.subscriber)
    }
    this.#replays--
  }

  #rate(): SubgroupRatings {
    let rest = 0
    const named = new Map<string, number>()
    for (const { subgroup, rating } of this.#subscriptions) {
      if (subgroup === undefined) rest = Math.max(rest, rating)
      else named.set(subgroup, Math.max(rating, named.get(subgroup) ?? 0))
    }
    return { rest, named }
  }

  #hand(publication: Publication, payload: Uint8Array, subscriber: Subscriber): void {
    const { topic, publisher: from, sequence, published } = publication
    const id = publicationId(publication)
    try {
      subscriber({ topic, from, sequence, payload: new Uint8Array(payload), id, published })
    } catch (error) {
      this.#failed(error)
    }
  }
}

/** Of its subgroup; and where gravity thins, low enough for its rating: as many for two of one rating on one node as on two. */
function isFor(publication: Publication, { subgroup, rating }: Subscription): boolean {
  if (subgroup !== undefined && subgroup !== publication.subgroup) return false
  return publication.delivery !== 'gravitational' || heightOf(publication) < rating
}
