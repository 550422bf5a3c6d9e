import { multiaddr } from '@multiformats/multiaddr'

export function isMultiaddr(address: string): boolean {
  try {
    multiaddr(address)
    return true
  } catch {
    return false
  }
}

/** The end of a sentence that begins with the option. */
export function notMultiaddr(address: unknown): string {
  return `${JSON.stringify(address)} is not a multiaddr: write it like /ip4/192.0.2.1/tcp/4001`
}

/** Whether a node can listen there: TCP is the one transport. libp2p leaves other addresses out without a word as long as one is left. */
export function isListenable(address: string): boolean {
  const [host, transport, ...rest] = multiaddr(address).getComponents()
  if (host?.name === 'unix') return true
  return transport?.name === 'tcp' && rest.every(({ name }) => name === 'p2p')
}

/** The end of a sentence that begins with the option. */
export function notListenable(address: unknown): string {
  return `${JSON.stringify(address)} is not listened on: tendril takes /tcp only, like /ip4/0.0.0.0/tcp/4001`
}

/**
 * libp2p's own errors do not say which option they are about.
 * @throws RangeError, a sentence that names option and address
 */
export function checkMultiaddrs(option: string, addresses: readonly string[] = []): void {
  const wrong = addresses.findIndex((address) => !isMultiaddr(address))
  if (wrong >= 0) throw new RangeError(`${option}[${wrong}] ${notMultiaddr(addresses[wrong])}`)
  const strange = option === 'listen' ? addresses.findIndex((address) => !isListenable(address)) : -1
  if (strange >= 0) throw new RangeError(`${option}[${strange}] ${notListenable(addresses[strange])}`)
}
