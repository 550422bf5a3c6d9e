import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { getNetConfig, isNetworkAddress } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { Tally } from '../core/tally.ts'
import { CONNECTION_LIMITS, type ConnectionLimits } from './connection-limits.ts'

/**
 * Decides which inbound connections are taken, so that nobody fills this node's with those of one place. Asked twice for each:
 * before the handshake, which is cheap, and after it, when those that shook hands meanwhile count too.
 */
export class Admission implements ConnectionGater {
  /** Refused connections by reason. */
  readonly tally = new Tally()
  readonly #limits: ConnectionLimits
  readonly #connections: () => readonly Connection[]

  constructor(limits: Partial<ConnectionLimits>, connections: () => readonly Connection[]) {
    this.#limits = { ...CONNECTION_LIMITS, ...limits }
    this.#connections = connections
  }

  denyInboundConnection(connection: MultiaddrConnection): boolean {
    return this.#refused(connection.remoteAddr, undefined)
  }

  denyInboundUpgradedConnection(peerId: PeerId, connection: MultiaddrConnection): boolean {
    return this.#refused(connection.remoteAddr, peerId)
  }

  #refused(address: Multiaddr, peerId: PeerId | undefined): boolean {
    const reason = this.refusal(address, peerId)
    if (reason !== undefined) this.tally.add(reason)
    return reason !== undefined
  }

  /** Why a connection from there is not taken, as a slug; undefined when it is. */
  refusal(address: Multiaddr, peerId: PeerId | undefined): string | undefined {
    const connections = this.#connections()
    const { inbound, perPeer, loopbackExempt } = this.#limits
    const fromOutside = connections.filter(({ direction }) => direction === 'inbound')
    if (fromOutside.length >= inbound) return 'inbound-full'
    if (peerId !== undefined && count(connections, ({ remotePeer }) => remotePeer.equals(peerId)) >= perPeer) {
      return 'peer-full'
    }
    const bytes = addressBytes(address)
    if (bytes === undefined || (loopbackExempt && isLoopback(bytes))) return undefined
    const others = fromOutside.map(({ remoteAddr }) => addressBytes(remoteAddr))
    for (const [bits, limit, reason] of this.#groups(bytes)) {
      if (count(others, (other) => samePrefix(bytes, other, bits)) >= limit) return reason
    }
    return undefined
  }

  #groups(bytes: readonly number[]): readonly (readonly [bits: number, limit: number, reason: string])[] {
    const { perIp4, perIp4Net24, perIp6Net56, perIp6Net48 } = this.#limits
    return bytes.length === 4
      ? [
          [32, perIp4, 'address-full'],
          [24, perIp4Net24, 'net-full'],
        ]
      : [
          [56, perIp6Net56, 'address-full'],
          [48, perIp6Net48, 'net-full'],
        ]
  }
}

function count<T>(items: readonly T[], test: (item: T) => boolean): number {
  return items.reduce((sum, item) => sum + (test(item) ? 1 : 0), 0)
}

function samePrefix(a: readonly number[], b: readonly number[] | undefined, bits: number): boolean {
  return b !== undefined && a.length === b.length && a.slice(0, bits / 8).every((byte, i) => byte === b[i])
}

function isLoopback(bytes: readonly number[]): boolean {
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0))
}

/** The 4 or 16 bytes of the IP address; IPv4 inside IPv6 is IPv4. Undefined for what is no IP address. */
function addressBytes(address: Multiaddr): readonly number[] | undefined {
  if (!isNetworkAddress(address)) return undefined
  const { host, type } = getNetConfig(address)
  if (type === 'ip4') return host.split('.').map(Number)
  if (type !== 'ip6') return undefined
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1]
  if (mapped !== undefined) return mapped.split('.').map(Number)
  const [head = '', tail] = (host.split('%')[0] ?? '').split('::')
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  const [before, after] = [words(head), words(tail ?? '')]
  const zeros = Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0)
  return [...before, ...zeros, ...after].flatMap((word) => [word >> 8, word & 0xff])
}
