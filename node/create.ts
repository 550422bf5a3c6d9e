import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { bootstrap } from '@libp2p/bootstrap'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { isPrivate } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import type { LevelDatastore } from 'datastore-level'
import { createLibp2p, type Libp2p } from 'libp2p'
import { Admission } from './admission.ts'
import { CONNECTION_LIMITS, type ConnectionLimits } from './connection-limits.ts'
import { othersOf } from './join.ts'
import type { LinkLimits } from './links/limits.ts'
import { checkMultiaddrs } from './multiaddrs.ts'
import { tendril } from './service.ts'
import { explained, openDataFolder } from './state/folder.ts'
import { ownKey } from './state/own-key.ts'
import type { Tendril, TendrilInit } from './tendril.ts'

/** All nodes, of whatever network, share this DHT; each network has its own key in it. */
export const DHT_PROTOCOL = '/tendril/kad/1.0.0'
/** What a stream may have on its way: bounds what this process holds for a peer that it does not read at the moment. */
const STREAM_WINDOW = 256 * 1024
/** ms that the host's own stop of the libp2p node is waited for. */
const LONGEST_STOP = 10_000

export interface NodeConfig extends Omit<TendrilInit, 'dht'> {
  /** Folder of the key, the address book, attributes and reservations. Without one the node forgets itself when it ends. */
  readonly data?: string
  /** Ed25519; instead of the one in the data folder. */
  readonly privateKey?: PrivateKey
  /** Multiaddrs. @default ['/ip4/0.0.0.0/tcp/0'] */
  readonly listen?: readonly string[]
  /** Multiaddrs to tell others instead of those it listens on. @default [] */
  readonly announce?: readonly string[]
  readonly dht?: {
    /** @default true */
    readonly enabled?: boolean
    /**
     * A server keeps records for others and must be reachable. Auto: server when it is announced or has no public bootstrap
     * address (a first node, a LAN), client otherwise. @default 'auto'
     */
    readonly mode?: 'auto' | 'client' | 'server'
  }
  readonly limits?: Partial<ConnectionLimits>
}

/** For many nodes on one machine: loopback is not one place, and all may come at once. */
export const TESTNET_LIMITS = { loopbackExempt: true, inboundPerSecond: 1000, inboundPending: 1000 } as const

export interface TendrilNode {
  readonly libp2p: Libp2p
  readonly tendril: Tendril
  /** Multiaddrs with the id: what others pass as `bootstrap`. */
  readonly addresses: readonly string[]
  /** Addresses it knew to join through when it started: configured and remembered nodes. */
  readonly known: number
  /** Inbound connections that were not taken, by reason; those refused for their rate are counted by libp2p. */
  refusedConnections(): Readonly<Record<string, number>>
  /** Stops everything and closes the data folder. It says no goodbye: see `tendril.leave`. */
  stop(): Promise<void>
}

/**
 * Starts a node: TCP, noise, yamux, identify, bootstrap, a DHT of its own, and the tendril service.
 *
 * @throws DataFolderError when the data folder cannot be used, RangeError for wrong attributes or names, for addresses that are no
 * multiaddrs and for such to listen on that are not TCP, an UnsupportedListenAddressesError when it cannot listen anywhere
 */
export async function createNode(config: NodeConfig = {}): Promise<TendrilNode> {
  for (const option of ['listen', 'announce', 'bootstrap'] as const) checkMultiaddrs(option, config[option])
  const folder = config.data === undefined ? undefined : await openDataFolder(config.data)
  const datastore = folder ?? new MemoryDatastore()
  let libp2p: Libp2p<{ tendril: Tendril }> | undefined
  const admission = new Admission(config.limits ?? {}, () => libp2p?.getConnections() ?? [])
  try {
    const privateKey = config.privateKey ?? (await keyOf(config, folder))
    libp2p = await createLibp2p({
      ...networking(config),
      start: false,
      datastore,
      privateKey,
      connectionGater: admission,
      services: {
        identify: identify({ runOnConnectionOpen: needsIdentify(config) }),
        ...(dhtServices(config) as object),
        tendril: tendril({ ...config, links: linksOf(config), dht: config.dht?.enabled !== false }),
      },
    })
    await libp2p.start()
  } catch (error) {
    await libp2p?.stop()
    await folder?.close()
    // Damage that shows only when it is read.
    const corrupt = (error as { code?: unknown }).code === 'LEVEL_CORRUPTION'
    throw corrupt && config.data !== undefined ? explained(resolve(config.data), error) : error
  }
  const started = libp2p
  const service = started.services.tendril
  let stopped: Promise<void> | undefined
  const stop = async () => {
    try {
      await stopWhole(started)
    } finally {
      await folder?.close()
    }
  }
  return {
    libp2p: started,
    tendril: service,
    addresses: started.getMultiaddrs().map(String),
    known: othersOf(config.bootstrap ?? [], started.peerId).length + service.status().known,
    refusedConnections: () => admission.tally.toJSON(),
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

/**
 * libp2p's own stop returns at once while its host is already stopping it, or starts it again; and what it writes into a store that
 * was closed meanwhile ends the process. Not for ever: a stop that failed never says so.
 */
async function stopWhole(libp2p: Libp2p): Promise<void> {
  const end = performance.now() + LONGEST_STOP
  while (['starting', 'stopping'].includes(libp2p.status) && performance.now() < end) await sleep(10)
  await libp2p.stop()
}

function keyOf({ data }: NodeConfig, store: LevelDatastore | undefined): Promise<PrivateKey> {
  return data === undefined || store === undefined ? generateKeyPair('Ed25519') : ownKey(data, store)
}

function networking(config: NodeConfig) {
  const { announce = [], listen = ['/ip4/0.0.0.0/tcp/0'], limits = {} } = config
  const { connections, inboundPerSecond, inboundPending } = { ...CONNECTION_LIMITS, ...limits }
  const list = [...(config.bootstrap ?? [])]
  return {
    addresses: { listen: [...listen], announce: [...announce] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW } })],
    ...(list.length > 0 && { peerDiscovery: [bootstrap({ list, timeout: 0 })] }),
    connectionManager: {
      maxConnections: connections,
      inboundConnectionThreshold: inboundPerSecond,
      maxIncomingPendingConnections: inboundPending,
    },
    // Membership watches the contacts; this is for connections of the DHT whose other end vanished. It closes a
    // connection on the first failure (LIBP2P trap 10), so it takes its time, and rests where connections end visibly.
    connectionMonitor: { enabled: limits.loopbackExempt !== true, pingInterval: 60_000 },
  }
}

/**
 * Peers say in their hello what this node has to know of them. What identify adds is for the DHT, and for nodes that learn
 * from others under which address they are seen; nodes of a testnet save that third stream of every connection.
 */
function needsIdentify({ dht, limits }: NodeConfig): boolean {
  return dht?.enabled !== false || limits?.loopbackExempt !== true
}

/** Nodes that share a machine share its processors: with few handshakes at a time, each is over before it times out. */
function linksOf({ limits, links }: NodeConfig): Partial<LinkLimits> {
  return { ...(limits?.loopbackExempt === true && { parallelDials: 2 }), ...links }
}

function dhtServices({ announce = [], bootstrap: known = [], dht = {} }: NodeConfig) {
  if (dht.enabled === false) return {}
  const onInternet = known.some((address) => !isPrivate(multiaddr(address)))
  const client = dht.mode === 'client' || (dht.mode !== 'server' && onInternet && announce.length === 0)
  return {
    ping: ping(),
    dht: kadDHT({
      protocol: DHT_PROTOCOL,
      clientMode: client,
      peerInfoMapper: onInternet ? removePrivateAddressesMapper : passthroughMapper,
    }),
  }
}
