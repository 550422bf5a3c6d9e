// What a lane does for its delivery, and no more: for tests of a delivery with options of its own.
import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Counts } from './counts.ts'
import type { Delivery, DeliveryInit } from './delivery.ts'
import { type BroadcastOptions, DEFAULTS } from './options.ts'
import { compose, type DeliveryName, type Publication, publicationId } from './publication.ts'
import { Publishers } from './publishers.ts'
import { Store } from './store.ts'

export interface HostInit<Message> {
  readonly name: DeliveryName
  peers(): readonly PeerDescriptor[]
  make(environment: Environment<Message>, init: DeliveryInit): Delivery<Message>
  readonly options?: Partial<BroadcastOptions>
  /** @default 1 */
  readonly rating?: number
}

export class Host<Message> implements Protocol<Message> {
  readonly got = new Set<string>()
  readonly counts = new Counts()
  readonly delivery: Delivery<Message>
  readonly #store: Store
  readonly #publishers: Publishers
  readonly #environment: Environment<Message>
  readonly #name: DeliveryName
  #sequence = 0

  constructor(environment: Environment<Message>, { name, peers, make, options = {}, rating = 1 }: HostInit<Message>) {
    this.#environment = environment
    this.#name = name
    const settings = { ...DEFAULTS, ...options, started: environment.now() }
    const deliver = (publication: Publication) => void this.got.add(publicationId(publication))
    this.#publishers = new Publishers(settings, { deliver, missed: () => {} }, () => false)
    this.#store = new Store(settings, ({ publication: { publisher, sequence } }) => {
      this.#publishers.get(publisher)?.order.release(sequence, environment.now())
    })
    this.delivery = make(environment, {
      topic: 't',
      contacts: peers,
      partners: peers,
      budget: new TokenBucket(16 * 1024, 16 * 1024),
      accept: (publication) => this.#accept(publication),
      deliver: () => {},
      ratings: () => ({ rest: rating, named: new Map() }),
      store: this.#store,
      publishers: this.#publishers,
      counts: this.counts,
      options: settings,
    })
    this.#publishers.expects = this.delivery.expects?.bind(this.delivery)
  }

  /** @param sequence @default the next one */
  publish(sequence = this.#sequence + 1): string {
    const publisher = this.#environment.self.id
    const fields = { publisher, sequence, previous: this.#sequence, published: this.#environment.now(), topic: 't' }
    this.#sequence = sequence
    const publication = compose({ ...fields, delivery: this.#name, payload: new Uint8Array(100) })
    this.#accept(publication)
    this.delivery.spread(publication)
    return publicationId(publication)
  }

  start(): void {
    this.#environment.every(500, () => {
      this.#store.turn(this.#environment.now())
      this.#publishers.turn(this.#environment.now())
    })
    this.delivery.start()
  }

  stop(): void {
    this.delivery.stop()
  }

  receive(from: PeerDescriptor, message: Message): void {
    this.delivery.receive(from, message)
  }

  #accept(publication: Publication): 'new' | 'known' | { refused: string } {
    const { publisher, sequence } = publication
    const now = this.#environment.now()
    if (this.#store.get(publisher, sequence) !== undefined) return 'known'
    const admitted = this.#publishers.admit(publication, now, false)
    if (typeof admitted === 'string') return { refused: admitted }
    if (sequence <= admitted.order.settled) return { refused: 'past' }
    admitted.order.accept(publication, now)
    this.#store.add({ publication, received: now })
    return 'new'
  }
}
