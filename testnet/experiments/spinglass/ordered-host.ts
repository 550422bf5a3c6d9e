import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { Counts } from '../../../protocols/broadcast/counts.ts'
import type { Verdict } from '../../../protocols/broadcast/delivery.ts'
import { DEFAULTS } from '../../../protocols/broadcast/options.ts'
import type { OrderedMessage } from '../../../protocols/broadcast/ordered/messages.ts'
import type { OrderedOptions } from '../../../protocols/broadcast/ordered/options.ts'
import { Ordered, type OrderedEvents } from '../../../protocols/broadcast/ordered/ordered.ts'
import { compose, type Publication } from '../../../protocols/broadcast/publication.ts'
import { Publishers } from '../../../protocols/broadcast/publishers.ts'
import { Store } from '../../../protocols/broadcast/store.ts'

const TOPIC = 'ordered'
const PAYLOAD = new Uint8Array(16)

export interface OrderedHostInit {
  /** Everybody else. */
  peers(): readonly PeerDescriptor[]
  /** Sequence numbers of this node are above this one. */
  readonly reserved: number
  readonly options: Partial<OrderedOptions>
  readonly on: OrderedEvents
}

/** A node with nothing but ordered delivery on it, and what of `Lane` that needs: it can be watched, and given options. */
export class OrderedHost implements Protocol<OrderedMessage> {
  readonly ordered: Ordered
  readonly counts = new Counts()
  readonly #environment: Environment<OrderedMessage>
  readonly #store: Store
  readonly #publishers: Publishers
  /** Accepted while a message is handled. */
  #arrived: Publication[] = []
  #sequence: number
  #last: Publication | undefined
  #turns: { cancel(): void } | undefined

  constructor(environment: Environment<OrderedMessage>, init: OrderedHostInit) {
    this.#environment = environment
    this.#sequence = init.reserved
    const discarded = ({ publication: { publisher, sequence } }: { publication: Publication }) => {
      this.#publishers.get(publisher)?.order.release(sequence, environment.now())
    }
    this.#store = new Store(DEFAULTS, discarded)
    this.#publishers = new Publishers(
      { ...DEFAULTS, started: environment.now() },
      { deliver: (publication) => this.ordered.inOrder(publication), missed: () => this.counts.done.add('missed') },
      (id) => this.#store.shelf(id) === undefined,
    )
    const delivery = {
      topic: TOPIC,
      contacts: init.peers,
      partners: init.peers,
      budget: new TokenBucket(128 * 1024, 128 * 1024),
      accept: (publication: Publication) => this.#accept(publication),
      deliver: () => {},
      ratings: () => [],
      store: this.#store,
      publishers: this.#publishers,
      counts: this.counts,
      options: DEFAULTS,
      on: init.on,
    }
    this.ordered = new Ordered(
      environment,
      delivery as unknown as ConstructorParameters<typeof Ordered>[1],
      init.options,
    )
  }

  start(): void {
    this.#turns = this.#environment.every(DEFAULTS.period, () => {
      this.#store.turn(this.#environment.now())
      this.#publishers.turn(this.#environment.now())
    })
    this.ordered.start()
  }

  stop(): void {
    this.#turns?.cancel()
    this.ordered.stop()
  }

  receive(from: PeerDescriptor, message: OrderedMessage): void {
    this.ordered.receive(from, message)
    for (const publication of this.#arrived.splice(0)) this.#take(publication)
  }

  publish(): Publication {
    const now = this.#environment.now()
    const published = Math.round(now)
    const last = this.#last
    const publication = compose({
      publisher: this.#environment.self.id,
      sequence: ++this.#sequence,
      previous: last?.sequence ?? 0,
      elapsed: last === undefined ? 0 : Math.max(0, published - last.published),
      published,
      topic: TOPIC,
      delivery: 'ordered',
      payload: PAYLOAD,
    })
    this.#last = publication
    this.#publishers.admit(publication, now, false)
    this.ordered.spread(publication)
    this.#take(publication)
    return publication
  }

  #accept(publication: Publication): Verdict {
    const { publisher, sequence } = publication
    if (this.#arrived.some((one) => one.publisher === publisher && one.sequence === sequence)) return 'known'
    if (this.#store.get(publisher, sequence) !== undefined) return 'known'
    if (publisher === this.#environment.self.id) return { refused: 'own' }
    if (sequence <= (this.#publishers.get(publisher)?.order.settled ?? 0)) return { refused: 'past' }
    const admitted = this.#publishers.admit(publication, this.#environment.now(), false)
    if (typeof admitted === 'string') return { refused: admitted }
    this.#arrived.push(publication)
    return 'new'
  }

  #take(publication: Publication): void {
    const now = this.#environment.now()
    this.#publishers.get(publication.publisher)?.order.accept(publication, now)
    this.#store.add({ publication, received: now })
  }
}
