import type { PeerDescriptor } from '../../core/descriptor.ts'

/**
 * The part of the address space a peer sits in: what an attacker has to own more of, where keys cost nothing. /24 of IPv4,
 * /48 of IPv6, the name of a DNS address, otherwise the whole first address; the id when there is no address.
 * @param loopbackApart loopback and simulated addresses count each as a group of its own (testnets)
 */
export function addressGroup(peer: PeerDescriptor, loopbackApart = false): string {
  const address = peer.addresses[0]
  if (address === undefined) return peer.id
  const [, kind, host] = address.split('/')
  if (host === undefined) return address
  if (loopbackApart && (host.startsWith('127.') || host === '::1')) return address
  if (kind === 'ip4') return host.split('.').slice(0, 3).join('.')
  if (kind === 'ip6') return expand(host).slice(0, 3).join(':')
  return kind?.startsWith('dns') ? host : address
}

/** The eight groups of an IPv6 address, `::` written out, without leading zeros. */
function expand(host: string): string[] {
  const [head = '', tail] = host.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  return [...left, ...new Array<string>(zeros).fill('0'), ...right].map((part) => part.replace(/^0+(?=.)/, ''))
}
