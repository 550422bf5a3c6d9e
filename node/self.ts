import { isPrivate } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { CODE_P2P } from '@multiformats/multiaddr'
import { describe, MAX_ADDRESS_LENGTH, MAX_ADDRESSES, type PeerDescriptor } from '../core/descriptor.ts'
import type { Sign } from '../core/signed.ts'

/** A descriptor is worthless after 24 h; it is made anew long before. */
const RENEW = 8 * 3600 * 1000

/**
 * Each new descriptor costs a signature, and the whole network passes it on: what changed by less than a tenth waits, and even the
 * rest is not told more often than twice a minute.
 */
const CHANGE = 0.1
const SOONEST = 30_000
/** By then every change is told, however small. */
const LATEST = 5 * 60_000

/**
 * This node's own descriptor, signed anew when its addresses change or which attributes it is ranked by, when these have
 * changed enough, and every eight hours.
 */
export class Self {
  readonly #id: string
  readonly #sign: Sign
  readonly #now: () => number
  readonly #addresses: () => readonly Multiaddr[]
  readonly #ranked: () => Readonly<Record<string, number>>
  #sequences: { next(): number | undefined } | undefined
  #descriptor: PeerDescriptor

  /** @param ranked the numbers that structures sort this node by, as they are now */
  constructor(
    id: string,
    sign: Sign,
    now: () => number,
    addresses: () => readonly Multiaddr[],
    ranked: () => Readonly<Record<string, number>> = () => ({}),
  ) {
    this.#id = id
    this.#sign = sign
    this.#now = now
    this.#addresses = addresses
    this.#ranked = ranked
    this.#descriptor = describe({ id, addresses: [], sequence: 0, issued: now() }, sign) // nobody sees this one
  }

  get descriptor(): PeerDescriptor {
    return this.#descriptor
  }

  /** From now on descriptors have numbers, and can be shown. */
  start(sequences: { next(): number | undefined }): void {
    this.#sequences = sequences
    this.#renew(this.#wanted(), this.#ranked())
  }

  /** Makes a new descriptor if one is due. @returns whether it did */
  update(): boolean {
    if (this.#sequences === undefined) return false
    const wanted = this.#wanted()
    const ranked = this.#ranked()
    const { addresses, attributes, issued } = this.#descriptor
    const age = this.#now() - issued
    const same = wanted.length === addresses.length && wanted.every((address, i) => address === addresses[i])
    if (same && age < RENEW && !isWorthTelling(attributes, ranked, age)) return false
    return this.#renew(wanted, ranked)
  }

  #renew(addresses: readonly string[], attributes: Readonly<Record<string, number>>): boolean {
    const sequence = this.#sequences?.next()
    if (sequence === undefined) return false // none reserved at the moment: the next update tries again
    this.#descriptor = describe({ id: this.#id, addresses, attributes, sequence, issued: this.#now() }, this.#sign)
    return true
  }

  #wanted(): string[] {
    return chosen(this.#addresses())
  }
}

/** Whether others should hear of these attributes instead of those that they were told `age` ms ago. */
function isWorthTelling(
  told: Readonly<Record<string, number>>,
  ranked: Readonly<Record<string, number>>,
  age: number,
): boolean {
  const names = Object.keys(ranked)
  // Which structures it is in: at once.
  if (names.length !== Object.keys(told).length || names.some((name) => !Object.hasOwn(told, name))) return true
  if (age < SOONEST) return false
  return names.some((name) => {
    const change = Math.abs((ranked[name] as number) - (told[name] as number))
    return age < LATEST ? change > CHANGE * Math.abs(told[name] as number) : change > 0
  })
}

/** At most 4 addresses without the id, none longer than a descriptor takes: those that most peers can use first. */
export function chosen(addresses: readonly Multiaddr[]): string[] {
  const ranked = addresses.map((address) => ({
    text: address.decapsulateCode(CODE_P2P).toString(),
    rank: rankOf(address),
  }))
  const fitting = ranked.filter(({ text }) => text !== '' && text.length <= MAX_ADDRESS_LENGTH)
  const unique = fitting.filter(({ text }, i) => fitting.findIndex((other) => other.text === text) === i)
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
