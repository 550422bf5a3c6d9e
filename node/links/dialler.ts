import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import { dialable } from './connections.ts'
import { PROTOCOL } from './frame.ts'
import type { LinkLimits } from './limits.ts'
import type { Link } from './link.ts'
import { Slots } from './slots.ts'

type Target = Parameters<ConnectionManager['openConnection']>[0]

/**
 * Connections to peers, and the streams that this node opens on them: over the connection that the peer's own stream came over last,
 * else over any that is there, whoever dialled it, else over one that is dialled.
 *
 * Invariants: (1) at most `parallelDials` dials are under way; a dial's time runs from its own beginning, not from when it was
 * asked for; (2) of two nodes that dial each other at once, one gives up at most.
 */
export class Dialler {
  readonly #connectionManager: ConnectionManager
  readonly #limits: LinkLimits
  readonly #self: () => PeerDescriptor
  readonly #dials: Slots

  constructor(connectionManager: ConnectionManager, limits: LinkLimits, self: () => PeerDescriptor) {
    this.#connectionManager = connectionManager
    this.#limits = limits
    this.#self = self
    this.#dials = new Slots(limits.parallelDials, limits.waitingDials)
  }

  /** Dials that wait for their turn. */
  get waiting(): number {
    return this.#dials.waiting
  }

  /** An open connection to this peer that carries our streams. */
  connectionTo(peerId: PeerId): Connection | undefined {
    return this.#connectionManager.getConnections(peerId).find(carriesOurs)
  }

  /** Connects to somebody whose id may be unknown. @throws TooMany, and Error why there is no connection */
  connect(target: Target): Promise<Connection> {
    return this.#dials.run(() => {
      const signal = AbortSignal.timeout(this.#limits.dialTimeout) // the wait for its turn is not the dial's
      return this.#connectionManager.openConnection(target, { signal })
    })
  }

  /** A new stream to this peer. @throws TooMany, and Error why there is none */
  async open(link: Link): Promise<{ readonly stream: Stream; readonly connection: Connection }> {
    const { via } = link
    const theirs = via !== undefined && carriesOurs(via) ? via : this.connectionTo(link.peerId)
    const connection = theirs ?? (await this.#dials.run(() => this.#dial(link)))
    const signal = AbortSignal.timeout(this.#limits.dialTimeout)
    return { stream: await connection.newStream([PROTOCOL], { signal }), connection }
  }

  /**
   * There is a new connection to this peer. Nodes that hear of each other at once dial each other at once (LIBP2P trap 9). The one
   * with the higher id gives up its dial when it is connected the other way, not by a relay: half the handshakes saved, and they
   * cannot both give up.
   */
  connected(link: Link, { direction, limits }: Connection): void {
    if (direction !== 'inbound' || limits !== undefined || this.#self().id < link.id) return
    link.dialling?.abort(new Error('connected the other way round'))
  }

  async #dial(link: Link): Promise<Connection> {
    const meanwhile = this.connectionTo(link.peerId) // it may have dialled us while this waited for its turn
    if (meanwhile !== undefined) return meanwhile
    const addresses = dialable(link.addresses, link.id)
    link.dialling = new AbortController()
    try {
      const signal = AbortSignal.any([link.dialling.signal, AbortSignal.timeout(this.#limits.dialTimeout)])
      const target = addresses.length > 0 ? addresses : link.peerId
      return await this.#connectionManager.openConnection(target, { signal })
    } catch (error) {
      const theirs = this.connectionTo(link.peerId)
      if (theirs === undefined) throw error
      return theirs
    } finally {
      link.dialling = undefined
    }
  }
}

/** Open, and not limited as those over relays are. */
function carriesOurs({ status, limits }: Connection): boolean {
  return status === 'open' && limits === undefined
}
