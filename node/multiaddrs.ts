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

/**
 * libp2p's own errors do not say which option they are about.
 * @throws RangeError, a sentence that names option and address
 */
export function checkMultiaddrs(option: string, addresses: readonly string[] = []): void {
  const wrong = addresses.findIndex((address) => !isMultiaddr(address))
  if (wrong >= 0) throw new RangeError(`${option}[${wrong}] ${notMultiaddr(addresses[wrong])}`)
}
