import {
  type ComponentLogger,
  type ContentRouting,
  type Libp2pEvents,
  type Logger,
  type PeerId,
  type PeerInfo,
  type PeerStore,
  type PrivateKey,
  serviceCapabilities,
  serviceDependencies,
  type TypedEventTarget,
} from '@libp2p/interface'
import type { AddressManager, ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Datastore } from 'interface-datastore'
import { TypedEventEmitter } from 'main-event'
import { type Attributes, attributeOf, type Value } from '../core/attributes.ts'
import type { PeerDescriptor } from '../core/descriptor.ts'
import { Tally } from '../core/tally.ts'
import type { PublishOptions, Receipt, SubscribeOptions } from '../protocols/broadcast/broadcast.ts'
import type { Subscriber } from '../protocols/broadcast/subscriptions.ts'
import { queueClass, type StackMessage, stackCodec } from '../protocols/channels.ts'
import type { Answer } from '../protocols/query/wave/answer.ts'
import { Stack } from '../protocols/stack.ts'
import { Asking } from './asking.ts'
import { ahead, NodeEnvironment, now } from './environment.ts'
import { Join } from './join.ts'
import { createSign } from './keys/signer.ts'
import { Verifier } from './keys/verifier.ts'
import { isNetworkName, MAX_NETWORK_NAME } from './links/frame.ts'
import { Links } from './links/links.ts'
import { Machine } from './machine/machine.ts'
import { checkMultiaddrs } from './multiaddrs.ts'
import { type Contact, contactsOf } from './peers.ts'
import { Self } from './self.ts'
import { AddressBook } from './state/address-book.ts'
import { Assigned } from './state/assigned.ts'
import { PublishedBefore } from './state/published.ts'
import { Sequences } from './state/sequences.ts'
import type { NodeStatus, QueryOptions, Tendril, TendrilEvents, TendrilInit } from './tendril.ts'
import { VERSION } from './version.ts'

export interface TendrilComponents {
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly registrar: Registrar
  readonly connectionManager: ConnectionManager
  readonly addressManager: AddressManager
  readonly peerStore: PeerStore
  readonly contentRouting: ContentRouting
  readonly datastore: Datastore
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly logger: ComponentLogger
}

function checkNetwork(network: string): string {
  if (isNetworkName(network)) return network
  throw new RangeError(
    `a network's name has 1 to ${MAX_NETWORK_NAME} characters, none of them a control character; this one is ${JSON.stringify(network)}`,
  )
}

const REFRESH = 5000
const SAVE_PERIOD = 5000
/** Peers in the address book up to which each is written down as soon as it is met. */
const FIRST_PEERS = 8
const GOODBYE = 500

/** One node's protocols on a libp2p node: the Stack, and everything real that it needs. */
class TendrilService extends TypedEventEmitter<TendrilEvents> implements Tendril {
  readonly id: string
  readonly network: string
  readonly [Symbol.toStringTag] = '@tendril/service'
  readonly [serviceCapabilities] = ['@tendril/service']
  readonly [serviceDependencies] = ['@libp2p/identify']
  readonly #components: TendrilComponents
  readonly #init: TendrilInit
  readonly #log: Logger
  readonly #tally = new Tally()
  readonly #environment: NodeEnvironment<StackMessage>
  readonly #stack: Stack
  readonly #self: Self
  readonly #machine: Machine
  readonly #asking = new Asking()
  readonly #assigned: Assigned
  #published: PublishedBefore | undefined
  #starting: Promise<void> | undefined
  #running: Running | undefined
  #state: 'stopped' | 'starting' | 'started' = 'stopped'
  /** Until it is started again. */
  #left = false

  constructor(components: TendrilComponents, init: TendrilInit) {
    super()
    this.network = checkNetwork(init.network ?? 'tendril')
    checkMultiaddrs('bootstrap', init.bootstrap)
    this.id = components.peerId.toString()
    this.#components = components
    this.#init = init
    this.#log = components.logger.forComponent('tendril')
    const sign = createSign(components.privateKey, this.network)
    this.#self = new Self(
      this.id,
      sign,
      now,
      () => components.addressManager.getAddresses(),
      () => this.#stack.ranked(),
    )
    this.#environment = new NodeEnvironment({
      self: () => this.#self.descriptor,
      send: (to, message) => this.#running?.links.send(to, message),
      failed: (error) => this.#failed('protocol', error),
    })
    this.#machine = new Machine({
      id: this.id,
      version: VERSION,
      configured: init.attributes ?? {},
      contacts: () => this.#stack?.contacts().map(({ id }) => this.#stack.member(id)?.rtt) ?? [],
    })
    this.#assigned = new Assigned(this.#machine, components.datastore, (error) => this.#failed('state', error))
    this.#stack = new Stack(this.#environment, {
      attributes: () => this.#machine.attributes,
      sign,
      sequences: { next: () => this.#running?.publications.next() },
      expectsOthers: () => (this.#running?.join.known ?? 0) > 0,
      published: {
        get: (lane) => this.#published?.get(lane),
        set: (lane, last) => this.#published?.set(lane, last),
      },
      // Strangers can join.
      options: { gossip: 'defended', ...init.stack, ...(init.structures && { structures: init.structures }) },
      on: {
        peerUp: ({ id }) => this.#tell('peer:up', { id }),
        peerDown: ({ id }, reason) => this.#tell('peer:down', { id, reason }),
        missed: ({ topic, from, range, reason }) => this.#tell('message:missed', { topic, from, range, reason }),
        equivocation: (proof) => this.#tell('publisher:equivocated', proof),
        limited: (limited) => this.#tell('publisher:limited', limited),
        subscriberThrew: (error) => this.#failed('subscriber', error),
        callbackThrew: (error) => this.#failed('callback', error),
      },
    })
  }

  isStarted(): boolean {
    return this.#state === 'started'
  }

  /** Opens the state and registers the protocol, before anybody can connect. */
  async start(): Promise<void> {
    if (this.#state !== 'stopped') return
    this.#state = 'starting'
    this.#starting = this.#open()
    try {
      await this.#starting
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async #open(): Promise<void> {
    const { datastore, contentRouting, logger, peerId } = this.#components
    const failed = (error: unknown) => this.#failed('state', error)
    const book = await AddressBook.open(datastore)
    await this.#assigned.restore()
    const publications = await Sequences.open(datastore, 'publication', now(), failed)
    const owner = `${this.network}/${this.id}`
    this.#published = await PublishedBefore.open(datastore, owner, publications.next() ?? 0, failed)
    const descriptors = await Sequences.open(datastore, 'descriptor', now(), failed)
    const verifier = new Verifier(this.network, now, this.#init.verifier)
    const links = new Links<StackMessage>(this.#components, {
      network: this.network,
      codec: stackCodec,
      classOf: queueClass,
      self: () => this.#self.descriptor,
      verifier,
      wanted: () => this.#stack.wanted().map(({ id }) => id),
      now,
      limits: this.#init.links,
      on: {
        message: (from, message) => this.#environment.guard(() => this.#stack.receive(from, message)),
        introduced: (descriptor) => this.#introduced(book, descriptor),
        unreachable: (id, reason) => this.#environment.guard(() => this.#stack.unreachable(id, reason)),
        slow: (id, dropped, reason) => this.#tell('peer:slow', { id, dropped, reason }),
      },
    })
    const join = new Join({
      network: this.network,
      self: peerId,
      bootstrap: this.#init.bootstrap ?? [],
      book,
      routing: this.#init.dht === false ? undefined : contentRouting,
      random: this.#environment.random.fork('join'),
      log: logger.forComponent('tendril:join'),
      options: this.#init.join,
      isAlone: () => this.#stack.contacts().length === 0,
      connect: (target) => links.connect(target),
      failed: (reason) => {
        this.#log('alone: %s', reason)
        this.#tell('join:failed', { reason })
      },
    })
    const timers = [
      setInterval(() => this.#refresh(), this.#init.refresh ?? REFRESH).unref(),
      setInterval(() => {
        book.keep(this.#stack.wanted().map(({ id }) => id))
        void book.save().catch(failed)
      }, SAVE_PERIOD).unref(),
    ]
    this.#running = { book, join, links, publications, timers, verifier }
    this.#self.start(descriptors)
    await links.start()
    this.#components.events.addEventListener('self:peer:update', this.#onSelfUpdate)
    this.#components.events.addEventListener('transport:listening', this.#onSelfUpdate)
    this.#components.events.addEventListener('peer:discovery', this.#onDiscovery)
  }

  afterStart(): void {
    if (this.#state !== 'starting' || this.#running === undefined) return
    this.#state = 'started'
    this.#left = false
    this.#environment.start()
    this.#updateSelf()
    this.#stack.start()
    this.#running.join.start()
  }

  /** Also while it starts: libp2p stops all services when one of them cannot start. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    await this.#starting?.catch(() => undefined)
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    this.#components.events.removeEventListener('self:peer:update', this.#onSelfUpdate)
    this.#components.events.removeEventListener('transport:listening', this.#onSelfUpdate)
    this.#components.events.removeEventListener('peer:discovery', this.#onDiscovery)
    for (const timer of running.timers) clearInterval(timer)
    running.join.stop()
    this.#asking.endAll()
    running.book.keep(this.#stack.wanted().map(({ id }) => id))
    this.#stack.stop()
    this.#environment.stop()
    running.verifier.stop()
    await running.links.stop()
    await running.book.save().catch((error: unknown) => this.#failed('state', error))
    await this.#published?.saved()
    await this.#assigned.saved.catch(() => undefined)
  }

  query(sql: string, { signal, timeout }: QueryOptions = {}): Promise<Answer> {
    return this.#asking.ask((done) => this.#stack.query(sql, timeout === undefined ? {} : { timeout }, done), signal)
  }

  publish(topic: string, data: Uint8Array | string, options?: PublishOptions): Receipt {
    return this.#stack.publish(topic, typeof data === 'string' ? new TextEncoder().encode(data) : data, options)
  }

  subscribe(topic: string, how: Subscriber | SubscribeOptions): () => void {
    // What nobody would ever deliver must not look as if it were on its way. Before a start it is kept until then.
    if (this.#left) throw new RangeError('This node is not running.')
    const options = typeof how === 'function' ? { onMessage: how } : how
    return this.#stack.subscribe(topic, { ...options, onMessage: this.#survived(options.onMessage) })
  }

  topics(): ReturnType<Stack['topics']> {
    return this.#stack.topics()
  }

  proofs(): ReturnType<Stack['proofs']> {
    return this.#stack.proofs()
  }

  set(name: string, value: Value): void {
    this.#assigned.set(name, value, () => {
      if (this.#state === 'started') this.#updateSelf()
    })
  }

  saved(): Promise<void> {
    return this.#assigned.saved
  }

  get(name: string): Value | undefined {
    const attributes = this.attributes()
    return Object.hasOwn(attributes, name) ? attributeOf(attributes, name) : undefined
  }

  attributes(): Attributes {
    return this.#stack.attributes()
  }

  peers(): Contact[] {
    return contactsOf(this.#stack, (id) => this.#running?.links.isConnected(id) === true)
  }

  status(): NodeStatus {
    const { addresses, attributes, position, sequence } = this.#self.descriptor
    const { join, links, book } = this.#running ?? {}
    return {
      id: this.id,
      network: this.network,
      version: VERSION,
      running: this.#state === 'started' && !this.#left,
      position,
      addresses: addresses.map((address) => `${address}/p2p/${this.id}`),
      sequence,
      ranked: attributes,
      known: book?.size ?? 0,
      clockAhead: ahead(),
      failures: this.#tally.toJSON(),
      join: join?.tally.toJSON() ?? {},
      links: links?.status(),
      ...this.#stack.status(),
    }
  }

  async leave(): Promise<void> {
    this.#left = true
    this.#running?.join.stop()
    this.#asking.endAll()
    this.#environment.guard(() => this.#stack.leave())
    this.#stack.stop() // whatever it said after its goodbye would bring it back
    await this.#running?.links.flush(GOODBYE)
  }

  readonly #onSelfUpdate = (): void => {
    if (this.#state === 'started') this.#environment.guard(() => this.#updateSelf())
  }

  readonly #onDiscovery = (event: CustomEvent<PeerInfo>): void => {
    if (this.#state !== 'started' || this.#stack.contacts().length > 0) return
    this.#running?.links.connect(event.detail.id).catch((error: unknown) => {
      this.#log('could not connect to the discovered peer %p - %e', event.detail.id, error)
    })
  }

  #introduced(book: AddressBook, descriptor: PeerDescriptor): void {
    const isNew = book.add(descriptor, now())
    // The first few at once: a node killed in its first seconds must find its network again.
    if (isNew && book.size <= FIRST_PEERS) void book.save().catch((error: unknown) => this.#failed('state', error))
    this.#environment.guard(() => this.#stack.introduce([descriptor]))
  }

  #refresh(): void {
    this.#machine.refresh()
    this.#environment.guard(() => this.#updateSelf())
  }

  /** Who has left says nothing of itself any more: it would be taken for one that came back. */
  #updateSelf(): void {
    if (this.#self.update() && !this.#left) this.#running?.links.announce()
  }

  #tell<Type extends keyof TendrilEvents>(type: Type, detail: TendrilEvents[Type]['detail']): void {
    this.safeDispatchEvent(type, { detail })
  }

  /** A subscriber may be an async function: nobody else listens to its promise, and a rejection would end the process. */
  #survived(onMessage: Subscriber): Subscriber {
    return (message) => {
      const returned: unknown = onMessage(message)
      if (returned instanceof Promise) returned.catch((error: unknown) => this.#failed('subscriber', error))
    }
  }

  /** Code of ours or of the user threw: counted, logged, survived. */
  #failed(where: string, error: unknown): void {
    this.#tally.add(where)
    this.#log.error('%s failed - %e', where, error)
  }
}

interface Running {
  readonly book: AddressBook
  readonly join: Join
  readonly links: Links<StackMessage>
  readonly publications: Sequences
  readonly timers: readonly NodeJS.Timeout[]
  readonly verifier: Verifier
}

/**
 * The tendril service of a libp2p node:
 *
 * ```ts
 * const node = await createLibp2p({ ..., services: { identify: identify(), tendril: tendril({ attributes: { region: 'eu' } }) } })
 * const { rows } = await node.services.tendril.query('SELECT count(*), avg(load) FROM nodes')
 * ```
 *
 * The node's key must be Ed25519. State is kept in the node's datastore.
 * @throws RangeError when an attribute or the network's name is none; Error when the key is of another type
 */
export function tendril(init: TendrilInit = {}): (components: TendrilComponents) => Tendril {
  return (components) => new TendrilService(components, init)
}
