import type {
  ComponentLogger,
  Connection,
  Libp2pEvents,
  Logger,
  PeerId,
  PeerStore,
  Startable,
  TypedEventTarget,
} from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Codec } from '../../core/codec.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Tally } from '../../core/tally.ts'
import type { Verifier } from '../keys/verifier.ts'
import { type BufferBudget, processBuffers } from './budget.ts'
import { closeIdle, Favourites } from './connections.ts'
import { MAX_FRAME_BYTES } from './decoder.ts'
import { Dialler } from './dialler.ts'
import { FRAME, frameOf, PROTOCOL } from './frame.ts'
import { InboundRate } from './inbound.ts'
import { LINK_LIMITS, type LinkLimits } from './limits.ts'
import { Link } from './link.ts'
import { OutboundQueue, type QueueClass } from './queue.ts'
import { Reception } from './reception.ts'
import { Transmission } from './transmission.ts'

const SWEEP = 1000
const TAKEN = `this libp2p node handles ${PROTOCOL} already: it can run one tendril, and another network needs another libp2p node`

export interface LinksComponents {
  readonly peerId: PeerId
  readonly registrar: Registrar
  readonly connectionManager: ConnectionManager
  readonly peerStore: PeerStore
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly logger: ComponentLogger
}

export interface LinksStatus {
  /** Peers with a queue or a back-off, and how many of them are connected or take no bytes at the moment. */
  readonly known: number
  readonly open: number
  readonly blocked: number
  /** What waits to be sent. */
  readonly queued: { readonly messages: number; readonly bytes: number }
  /** Bytes that wait to be read by this node. */
  readonly unread: number
  /** Messages that wait for their signatures to be verified. */
  readonly verifying: number
  readonly dialsWaiting: number
  /** Messages of the protocols, without hellos, framing and encryption. */
  readonly sent: { readonly messages: number; readonly bytes: number }
  readonly received: { readonly messages: number; readonly bytes: number }
  /** Losses, refusals and drops by reason. */
  readonly reasons: Readonly<Record<string, number>>
  readonly signatures: Readonly<Record<string, number>>
}

export interface LinksEvents<Message> {
  message(from: PeerDescriptor, message: Message): void
  /** A verified descriptor of a peer that is connected now. */
  introduced(descriptor: PeerDescriptor): void
  /** A dial failed, the last connection closed, or the stream ended: once each time. */
  unreachable(id: string, reason: string): void
  /** `dropped` messages since the last report. */
  slow(id: string, dropped: number, reason: string): void
}

export interface LinksInit<Message> {
  readonly network: string
  readonly codec: Codec<Message>
  readonly classOf: (message: Message) => QueueClass
  readonly self: () => PeerDescriptor
  readonly verifier: Verifier
  /** Ids of the peers this node wants to stay connected to. */
  readonly wanted: () => readonly string[]
  /** ms since the epoch, monotonic. */
  readonly now: () => number
  readonly limits?: Partial<LinkLimits> | undefined
  readonly buffers?: BufferBudget
  readonly on: LinksEvents<Message>
}

/**
 * Messages between this node and its peers: one outbound stream a peer, opened on demand, over whichever connection there is.
 * Here is the table of links, and what is looked after once a second; what goes out is `Transmission`, what comes in `Reception`.
 *
 * Invariants: (1) `send` never throws and never waits; (2) a peer has at most one stream each way, however many connections
 * (LIBP2P trap 9); (3) no message is delivered before a valid hello of the authenticated peer, nor with an unverified claim;
 * (4) a peer that is lost is reported once, with the reason; (5) what a peer makes this node hold is bounded by the limits.
 */
export class Links<Message> implements Startable {
  /** Every loss, refusal and drop, by reason. */
  readonly tally = new Tally()
  readonly #components: LinksComponents
  readonly #init: LinksInit<Message>
  readonly #limits: LinkLimits
  readonly #log: Logger
  readonly #links = new Map<string, Link>()
  readonly #dialler: Dialler
  readonly #transmission: Transmission
  readonly #favourites: Favourites
  readonly #reception: Reception<Message>
  #topology: string | undefined
  #sweeper: NodeJS.Timeout | undefined
  #sent = { messages: 0, bytes: 0 }

  constructor(components: LinksComponents, init: LinksInit<Message>) {
    this.#components = components
    this.#init = init
    this.#limits = { ...LINK_LIMITS, ...init.limits }
    this.#log = components.logger.forComponent('tendril:links')
    this.#dialler = new Dialler(components.connectionManager, this.#limits, init.self)
    this.#favourites = new Favourites(components.peerStore)
    this.#transmission = new Transmission({
      ...init,
      dialler: this.#dialler,
      limits: this.#limits,
      tally: this.tally,
      log: this.#log,
      running: () => this.#sweeper !== undefined,
      holds: (link) => this.#links.get(link.id) === link,
      unreachable: (id, reason) => init.on.unreachable(id, reason),
      slow: (id, dropped, reason) => init.on.slow(id, dropped, reason),
    })
    this.#reception = new Reception({
      ...init,
      limits: this.#limits,
      tally: this.tally,
      log: this.#log,
      linkTo: (peerId) => (this.#sweeper === undefined ? undefined : this.#linkTo(peerId.toString(), peerId)),
      greeted: (link, descriptor) => this.#greeted(link, descriptor),
      message: init.on.message,
      disconnect: (link) => this.#disconnect(link),
    })
  }

  /** @throws Error, a sentence, when somebody else handles the protocol on this libp2p node: nothing has begun then */
  async start(): Promise<void> {
    if (this.#sweeper !== undefined) return
    await this.#favourites.forget().catch((error: unknown) => this.#log.error('old tags stay - %e', error))
    const { registrar } = this.#components
    if (registrar.getProtocols().includes(PROTOCOL)) throw new Error(TAKEN)
    this.#sweeper = setInterval(() => {
      try {
        this.#sweep()
      } catch (error) {
        this.tally.add('sweep-failed') // a bug, ours or of a layer below: no reason to end the process
        this.#log.error('looking after the links failed - %e', error)
      }
    }, SWEEP).unref()
    this.#components.events.addEventListener('peer:disconnect', this.#onDisconnect)
    this.#components.events.addEventListener('connection:open', this.#onConnection)
    await registrar.handle(PROTOCOL, (stream, connection) => this.#reception.accept(stream, connection), {
      maxInboundStreams: 4, // one is used; a peer that lost its stream may be back before we know
      maxOutboundStreams: 4,
      runOnLimitedConnection: false,
    })
    this.#topology = await registrar.register(PROTOCOL, {
      onConnect: (peerId) => this.#meet(peerId),
    })
  }

  async stop(): Promise<void> {
    if (this.#sweeper === undefined) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
    this.#reception.stop()
    this.#components.events.removeEventListener('peer:disconnect', this.#onDisconnect)
    this.#components.events.removeEventListener('connection:open', this.#onConnection)
    const { registrar } = this.#components
    if (this.#topology !== undefined) registrar.unregister(this.#topology)
    // It does so at once, and then writes that down, which a full disk refuses.
    await registrar
      .unhandle(PROTOCOL)
      .catch((error: unknown) => this.#log.error('the protocol stays listed - %e', error))
    const links = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(
      links.map(async (link) => {
        link.inbound?.abort('this node stops')
        link.queue.clear('stopped')
        await link.outbound?.writer.close()
      }),
    )
  }

  send(to: PeerDescriptor, message: Message): void {
    const refusal = this.#sweeper === undefined ? 'stopped' : to.id === this.#init.self().id ? 'to-self' : undefined
    if (refusal !== undefined) {
      this.tally.add(refusal)
      return
    }
    const frame = this.#encode(message)
    if (frame === undefined) return
    const link = this.#linkTo(to.id)
    if (link === undefined) return
    if (to.addresses.length > 0) link.addresses = to.addresses
    link.used = this.#init.now()
    link.queue.push(this.#init.classOf(message), frame)
    this.#sent.messages++
    this.#sent.bytes += frame.length
    this.#transmission.wake(link)
  }

  /** Tells all connected peers the descriptor that this node has now. */
  announce(): void {
    for (const link of this.#links.values()) link.outbound?.writer.helloAgain()
  }

  /** Connects to somebody whose id or descriptor may be unknown, and says hello. @throws Error why there is no connection */
  async connect(target: Parameters<ConnectionManager['openConnection']>[0]): Promise<void> {
    const { remotePeer } = await this.#dialler.connect(target)
    this.#meet(remotePeer)
  }

  /** Waits until everything said so far is written, at most `timeout` ms. */
  async flush(timeout: number): Promise<void> {
    const end = performance.now() + timeout
    const busy = () => [...this.#links.values()].some(({ outbound }) => outbound !== undefined && !outbound.writer.idle)
    while (busy() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  isConnected(id: string): boolean {
    return this.#links.get(id)?.up === true
  }

  /** The newest descriptor that a connected peer gave of itself. */
  descriptorOf(id: string): PeerDescriptor | undefined {
    return this.#links.get(id)?.descriptor
  }

  status(): LinksStatus {
    let open = 0
    let blocked = 0
    let messages = 0
    let bytes = 0
    let unread = 0
    for (const link of this.#links.values()) {
      if (link.up) open++
      if (link.blockedSince !== undefined) blocked++
      messages += link.queue.length
      bytes += link.queue.bytes + (link.outbound?.writer.stream.writeBufferLength ?? 0)
      unread += link.inbound?.unread ?? 0
    }
    return {
      known: this.#links.size,
      open,
      blocked,
      queued: { messages, bytes },
      unread,
      verifying: this.#init.verifier.queued,
      dialsWaiting: this.#dialler.waiting,
      sent: { ...this.#sent },
      received: this.#reception.received,
      reasons: this.tally.toJSON(),
      signatures: this.#init.verifier.tally.toJSON(),
    }
  }

  // ---- the table ----

  #linkTo(id: string, peerId?: PeerId): Link | undefined {
    const known = this.#links.get(id)
    if (known !== undefined) return known
    const now = this.#init.now()
    if (this.#links.size >= this.#limits.links && !this.#makeRoom(now)) {
      this.tally.add('too-many-links')
      return undefined
    }
    try {
      const queue: OutboundQueue = new OutboundQueue(
        this.#limits,
        this.#init.buffers ?? processBuffers,
        (cls, reason) => this.#onDropped(link, cls, reason),
      )
      const rate = new InboundRate(this.#limits)
      const link: Link = new Link(id, peerId ?? peerIdFromString(id), queue, rate, now)
      this.#links.set(id, link)
      return link
    } catch {
      this.tally.add('not-a-peer-id')
      return undefined
    }
  }

  /**
   * Forgets the idle links; if there are none, the one that has rested longest, and with it why its peer is left alone: what strangers
   * were refused for, each under a new key, must not keep this node from speaking to others. False when all are in use.
   */
  #makeRoom(now: number): boolean {
    let longest: Link | undefined
    for (const link of this.#links.values()) {
      if (link.idle(now)) this.#links.delete(link.id)
      else if (link.rests && link.used < (longest?.used ?? Number.POSITIVE_INFINITY)) longest = link
    }
    if (this.#links.size < this.#limits.links) return true
    if (longest === undefined) return false
    this.tally.add('link-forgotten')
    return this.#links.delete(longest.id)
  }

  /** There is a connection to this peer: opens our stream on it. A dial may end after this node has stopped. */
  #meet(peerId: PeerId): void {
    if (this.#sweeper === undefined) return
    const link = this.#linkTo(peerId.toString(), peerId)
    if (link !== undefined) this.#transmission.open(link)
  }

  #encode(message: Message): Uint8Array | undefined {
    const frame = frameOf(FRAME.message, this.#init.codec.encode(message))
    if (frame.length > MAX_FRAME_BYTES) {
      this.tally.add('message-too-large')
      this.#log.error('a message of %d bytes was not sent: a frame holds %d', frame.length, MAX_FRAME_BYTES)
      return undefined
    }
    return frame
  }

  // ---- what libp2p tells ----

  readonly #onConnection = ({ detail }: CustomEvent<Connection>): void => {
    const link = this.#links.get(detail.remotePeer.toString())
    if (link !== undefined) this.#dialler.connected(link, detail)
  }

  readonly #onDisconnect = ({ detail }: CustomEvent<PeerId>): void => {
    const link = this.#links.get(detail.toString())
    if (link !== undefined) this.#transmission.disconnected(link)
  }

  // ---- the peer's side ----

  #greeted(link: Link, descriptor: PeerDescriptor): void {
    // Of a link that is up, the same again on the same stream is no news. The first of each stream is: the peer is back.
    const known = link.descriptor?.sequence ?? Number.NEGATIVE_INFINITY
    if (link.up && link.inbound?.greeted && descriptor.sequence <= known) return
    link.succeeded()
    link.up = true
    link.used = this.#init.now()
    if (link.descriptor === undefined || descriptor.sequence >= link.descriptor.sequence) link.descriptor = descriptor
    if (link.addresses.length === 0) link.addresses = descriptor.addresses
    this.#transmission.open(link) // both sides learn each other's descriptor
    this.#init.on.introduced(link.descriptor)
  }

  #disconnect(link: Link): void {
    this.#components.connectionManager
      .closeConnections(link.peerId, { signal: AbortSignal.timeout(1000) })
      .catch((error: unknown) => this.#log.error('could not disconnect %s - %e', link.id, error))
  }

  // ---- once a second ----

  #onDropped(link: Link, cls: QueueClass, reason: string): void {
    this.tally.add(`${reason}-${cls}`)
    if (reason === 'queue-full' || reason === 'process-buffers-full') link.dropped++
  }

  #sweep(): void {
    const now = this.#init.now()
    const wanted = new Set(this.#init.wanted())
    for (const link of this.#links.values()) {
      link.inbound?.check()
      if (link.inbound !== undefined && !this.#init.verifier.behind(link.id)) link.inbound.release()
      this.#transmission.checkSlow(link, now)
      if (link.idle(now) && now - link.used > this.#limits.idleTimeout) this.#links.delete(link.id)
    }
    this.#favourites.set(wanted, this.#log)
    const unwanted = [...this.#links.values()].filter((link) => !wanted.has(link.id))
    const { connectionManager } = this.#components
    const crowded = connectionManager.getConnections().length > this.#limits.crowd
    closeIdle(unwanted, connectionManager, now, this.#limits.idleTimeout, crowded, this.#log)
  }
}
