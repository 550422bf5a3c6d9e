import { isPrivate } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { CODE_P2P } from '@multiformats/multiaddr'
import { describe, MAX_ADDRESSES, type PeerDescriptor } from '../core/descriptor.ts'
import type { Sign } from '../core/signed.ts'

/** A descriptor is worthless after 24 h; it is made anew long before. */
const RENEW = 8 * 3600 * 1000

/** This node's own descriptor, signed anew when its addresses change and every eight hours. */
export class Self {
  readonly #id: string
  readonly #sign: Sign
  readonly #now: () => number
  readonly #addresses: () => readonly Multiaddr[]
  #sequences: { next(): number | undefined } | undefined
  #descriptor: PeerDescriptor

  constructor(id: string, sign: Sign, now: () => number, addresses: () => readonly Multiaddr[]) {
    this.#id = id
    this.#sign = sign
    this.#now = now
    this.#addresses = addresses
    this.#descriptor = describe({ id, addresses: [], sequence: 0, issued: now() }, sign) // nobody sees this one
  }

  get descriptor(): PeerDescriptor {
    return this.#descriptor
  }

  /** From now on descriptors have numbers, and can be shown. */
  start(sequences: { next(): number | undefined }): void {
    this.#sequences = sequences
    this.#renew(this.#wanted())
  }

  /** Makes a new descriptor if one is due. @returns whether it did */
  update(): boolean {
    if (this.#sequences === undefined) return false
    const wanted = this.#wanted()
    const { addresses, issued } = this.#descriptor
    const same = wanted.length === addresses.length && wanted.every((address, i) => address === addresses[i])
    if (same && this.#now() - issued < RENEW) return false
    return this.#renew(wanted)
  }

  #renew(addresses: readonly string[]): boolean {
    const sequence = this.#sequences?.next()
    if (sequence === undefined) return false // none reserved at the moment: the next update tries again
    this.#descriptor = describe({ id: this.#id, addresses, sequence, issued: this.#now() }, this.#sign)
    return true
  }

  #wanted(): string[] {
    return chosen(this.#addresses())
  }
}

/** At most 4 addresses without the id: those that most peers can use first. */
export function chosen(addresses: readonly Multiaddr[]): string[] {
  const ranked = addresses.map((address) => ({
    text: address.decapsulateCode(CODE_P2P).toString(),
    rank: rankOf(address),
  }))
  const unique = ranked.filter(({ text }, i) => text !== '' && ranked.findIndex((other) => other.text === text) === i)
  return unique
    .sort((a, b) => a.rank - b.rank)
    .slice(0, MAX_ADDRESSES)
    .map(({ text }) => text)
}

function rankOf(address: Multiaddr): number {
  const host = address.getComponents()[0]?.value ?? ''
  if (host.startsWith('127.') || host === '::1') return 2
  return isPrivate(address) ? 1 : 0
}
