import type { PeerDescriptor } from '../../core/descriptor.ts'

/**
 * The part of the address space a peer sits in: what an attacker has to own more of, where keys cost nothing. /24 of IPv4
 * (also when it is written as IPv6), /48 of IPv6, the last two labels of a DNS name, otherwise the whole first address; the
 * id when there is no address.
 *
 * The address is what the peer says of itself: whoever lists a made-up one first and a real one second is counted where it
 * says. What it is really connected from is for the transport's own limits.
 * @param loopbackApart loopback and simulated addresses count each as a group of its own (testnets)
 */
export function addressGroup(peer: Pick<PeerDescriptor, 'id' | 'addresses'>, loopbackApart = false): string {
  const address = peer.addresses[0]
  if (address === undefined) return peer.id
  const parts = address.split('/').slice(1)
  const [kind, host] = parts[0] === 'ip6zone' ? parts.slice(2) : parts
  if (host === undefined) return address
  if (loopbackApart && (host.startsWith('127.') || host === '::1')) return address
  if (kind === 'ip4') return network24(host)
  if (kind === 'ip6') return host.includes('.') ? network24(host.slice(host.lastIndexOf(':') + 1)) : network48(host)
  // A wildcard DNS record gives one machine any number of names.
  return kind?.startsWith('dns') ? host.toLowerCase().split('.').slice(-2).join('.') : address
}

function network24(host: string): string {
  return host.split('.').slice(0, 3).join('.')
}

/** The first three groups of an IPv6 address, `::` written out, without leading zeros. */
function network48(host: string): string {
  const [head = '', tail] = host.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right]
  return groups
    .slice(0, 3)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
