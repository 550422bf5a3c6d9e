import { type Publication, publicationId } from './publication.ts'

/** What a subscriber gets. The payload is its own copy. */
export interface Delivery {
  readonly topic: string
  /** Id of the publisher. */
  readonly from: string
  readonly sequence: number
  readonly payload: Uint8Array
  /** Names the publication: publisher/sequence. */
  readonly id: string
  /** ms since the epoch, on the publisher's clock. */
  readonly published: number
}

export type Subscriber = (delivery: Delivery) => void

/**
 * Who on this node listens to which topic. A filter: the network does not know of it.
 *
 * Invariant: a delivery reaches all its subscribers before the next begins, also when a subscriber publishes; so every
 * subscriber sees the same order.
 */
export class Subscriptions {
  readonly #byTopic = new Map<string, Set<{ readonly subscriber: Subscriber }>>()
  readonly #failed: (error: unknown, topic: string) => void
  /** Publications delivered while a delivery is going on: as many as its subscribers publish, which the publish rate bounds. */
  readonly #queue: Publication[] = []
  #delivering = false

  /** @param failed a subscriber threw; the others are served all the same */
  constructor(failed: (error: unknown, topic: string) => void) {
    this.#failed = failed
  }

  get topics(): number {
    return this.#byTopic.size
  }

  /** Returns the function that ends the subscription; ending it twice does nothing. */
  add(topic: string, subscriber: Subscriber): () => void {
    const subscription = { subscriber }
    const subscribers = this.#byTopic.get(topic) ?? new Set()
    this.#byTopic.set(topic, subscribers)
    subscribers.add(subscription)
    return () => {
      if (!subscribers.delete(subscription) || subscribers.size > 0) return
      if (this.#byTopic.get(topic) === subscribers) this.#byTopic.delete(topic)
    }
  }

  deliver(publication: Publication): void {
    this.#queue.push(publication)
    if (this.#delivering) return
    this.#delivering = true
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#hand(next)
    this.#delivering = false
  }

  #hand(publication: Publication): void {
    const { topic, publisher: from, sequence, payload, published } = publication
    for (const { subscriber } of [...(this.#byTopic.get(topic) ?? [])]) {
      try {
        subscriber({
          topic,
          from,
          sequence,
          payload: new Uint8Array(payload),
          id: publicationId(publication),
          published,
        })
      } catch (error) {
        this.#failed(error, topic)
      }
    }
  }
}
