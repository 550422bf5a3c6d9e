import type { Connection, Logger, PeerStore } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import { peerIdFromString } from '@libp2p/peer-id'
import { isPrivate } from '@libp2p/utils'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { PROTOCOL } from './frame.ts'
import type { Link } from './link.ts'

const TAG = 'tendril'

/**
 * Tags the peers that this node wants, so that libp2p closes other connections first when there are too many.
 *
 * Departure: not libp2p's KEEP_ALIVE tag, which redials each of them on its own schedule and after a restart (LIBP2P trap 8);
 * whom to dial again is for the membership and the address book to decide.
 */
export class Favourites {
  readonly #peerStore: PeerStore
  #tagged = new Set<string>()

  constructor(peerStore: PeerStore) {
    this.#peerStore = peerStore
  }

  /** Those that an earlier run tagged are no favourites any more: libp2p writes its tags down, and nobody would ever take them away. */
  async forget(): Promise<void> {
    for (const { id, tags } of await this.#peerStore.all()) {
      if (tags.has(TAG)) await this.#peerStore.merge(id, { tags: { [TAG]: undefined } })
    }
  }

  set(wanted: ReadonlySet<string>, log: Logger): void {
    const tag = (id: string, value: { value: number } | undefined) => {
      this.#peerStore.merge(peerIdFromString(id), { tags: { [TAG]: value } }).catch((error: unknown) => {
        log.error('could not tag %s - %e', id, error)
      })
    }
    for (const id of this.#tagged) if (!wanted.has(id)) tag(id, undefined)
    for (const id of wanted) if (!this.#tagged.has(id)) tag(id, { value: 100 })
    this.#tagged = new Set(wanted)
  }
}

/**
 * Closes the connections to these peers that carried no message for a while: soon those that this node dialled, later those
 * that the peer dialled unless the node is crowded, and never one that another protocol uses.
 */
export function closeIdle(
  links: readonly Link[],
  connectionManager: ConnectionManager,
  now: number,
  idleTimeout: number,
  crowded: boolean,
  log: Logger,
): void {
  for (const link of links) {
    if (link.opening || link.queue.length > 0 || now - link.used <= idleTimeout) continue
    for (const connection of connectionManager.getConnections(link.peerId)) {
      const patience = connection.direction === 'outbound' || crowded ? idleTimeout : 3 * idleTimeout
      if (now - link.used <= patience || !isOurs(connection)) continue
      link.up = false // by our wish: nobody is told that the peer is lost
      log('closing the idle connection to %s', link.id)
      const writer = link.outbound?.connection === connection ? link.outbound.writer : undefined
      link.outbound = writer === undefined ? link.outbound : undefined
      Promise.resolve(writer?.close())
        .then(() => connection.close({ signal: AbortSignal.timeout(1000) }))
        .catch((error: Error) => connection.abort(error))
    }
  }
}

function isOurs(connection: Connection): boolean {
  return connection.streams.length > 0 && connection.streams.every(({ protocol }) => protocol === PROTOCOL)
}

/**
 * The addresses that can be dialled to reach exactly this peer; what does not parse, or names another one, is left out. So are the
 * private ones of a peer that has a public one: strangers must not send this node knocking at doors of its own network (LIMITS).
 */
export function dialable(addresses: readonly string[], id: string): Multiaddr[] {
  const found: Multiaddr[] = []
  for (const text of addresses) {
    try {
      const address = multiaddr(text)
      const named = address.getComponents().findLast(({ code }) => code === CODE_P2P)?.value
      if (named === undefined) found.push(address.encapsulate(`/p2p/${id}`))
      else if (named === id) found.push(address)
    } catch {
      // Peers write what they like into their descriptors.
    }
  }
  const open = found.filter((address) => !isPrivate(address))
  return open.length > 0 ? open : found
}
