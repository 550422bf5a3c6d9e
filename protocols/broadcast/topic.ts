import type { Assembly } from './assembly.ts'
import type { Lane } from './lane.ts'
import type { Missed } from './order.ts'
import type { DeliveryName, Publication } from './publication.ts'
import { Subscriptions } from './subscriptions.ts'

export interface TopicEvents {
  subscriberThrew(error: unknown, topic: string): void
  missed(missed: Missed & { readonly from: string; readonly topic: string }): void
}

/** A topic that this node is a member of: its subscribers, and a lane for every delivery that it was seen to use. */
export class Topic {
  readonly name: string
  readonly subscriptions: Subscriptions
  readonly lanes = new Map<DeliveryName, Lane>()
  /** When a lane of this delivery was last closed. */
  readonly closed = new Map<DeliveryName, number>()
  /** When this node became a member of its group. */
  readonly joined: number
  /** Since when it has had neither a subscriber nor a publication of this node. */
  idleSince: number
  /** ms before `joined` from which publications are wanted. */
  catchUp = 0
  readonly #events: TopicEvents
  readonly #assembly: Assembly

  /** @param assembly of all topics of the node */
  constructor(name: string, now: number, assembly: Assembly, events: TopicEvents) {
    this.name = name
    this.joined = now
    this.idleSince = now
    this.#assembly = assembly
    this.#events = events
    this.subscriptions = new Subscriptions((error) => events.subscriberThrew(error, name))
  }

  /** What is kept of what was delivered within the last `past` ms, lane by lane. */
  *recent(past: number): Generator<Publication> {
    for (const lane of this.lanes.values()) yield* lane.recent(past)
  }

  /** A publication whose turn it is. */
  deliver(publication: Publication, now: number): void {
    const assembled = this.#assembly.add(publication, now)
    if (assembled === 'wait') return
    if ('payload' in assembled) this.subscriptions.deliver(publication, assembled.payload)
    // Told once, with the part that ends it: those before were waited for.
    else if (publication.part === publication.parts - 1) {
      const { publisher: from, sequence } = publication
      const range = { first: sequence - publication.part, last: sequence }
      this.#events.missed({ topic: this.name, from, range, reason: assembled.broken })
    }
  }
}
