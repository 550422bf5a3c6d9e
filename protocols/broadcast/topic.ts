import { Assembly } from './assembly.ts'
import type { Lane } from './lane.ts'
import type { Missed } from './order.ts'
import { type DeliveryName, type Publication, publicationId } from './publication.ts'
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
  /** When this node became a member of its group. */
  readonly joined: number
  /** Since when it has had neither a subscriber nor a publication of this node. */
  idleSince: number
  /** ms before `joined` from which publications are wanted. */
  catchUp = 0
  readonly #events: TopicEvents
  readonly #assemblies = new Map<DeliveryName, Assembly>()
  readonly #assemblyBytes: number

  /** @param assemblyBytes bytes of unfinished messages held, a lane */
  constructor(name: string, now: number, assemblyBytes: number, events: TopicEvents) {
    this.name = name
    this.joined = now
    this.idleSince = now
    this.#assemblyBytes = assemblyBytes
    this.#events = events
    this.subscriptions = new Subscriptions((error) => events.subscriberThrew(error, name))
  }

  /** A publication whose turn it is. */
  deliver(publication: Publication): void {
    const assembly = this.#assembly(publication.delivery)
    const payload = assembly.add(publication)
    if (payload === 'wait') return
    if (payload !== 'broken') this.subscriptions.deliver(publication, payload)
    // Told once, with the part that ends it: those before were waited for.
    else if (publication.part === publication.parts - 1) {
      const { publisher: from, sequence } = publication
      const range = { first: sequence - publication.part, last: sequence }
      const reason = `a part of the message ${publicationId(publication)} is missing`
      this.#events.missed({ topic: this.name, from, range, reason })
    }
  }

  /** An assembly for publications that are delivered a second time. */
  replayed(): Assembly {
    return new Assembly(this.#assemblyBytes)
  }

  #assembly(delivery: DeliveryName): Assembly {
    const assembly = this.#assemblies.get(delivery) ?? new Assembly(this.#assemblyBytes)
    this.#assemblies.set(delivery, assembly)
    return assembly
  }
}
