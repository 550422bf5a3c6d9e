import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import type { MembershipMessage } from './messages.ts'
import type { Rumors } from './rumors.ts'

/** Pings that wait for an answer; beyond, the oldest are given up. */
const MAX_PINGS = 256

/** Whom this node has pinged, by nonce: an answer counts once, and from nobody else. */
export class Pings {
  readonly #environment: Pick<Environment<MembershipMessage>, 'now' | 'send'>
  readonly #rumors: Rumors
  readonly #open = new Map<number, { readonly id: string; readonly at: number }>()
  #nonce = 0

  /** @param rumors told with every ping */
  constructor(environment: Pick<Environment<MembershipMessage>, 'now' | 'send'>, rumors: Rumors) {
    this.#environment = environment
    this.#rumors = rumors
  }

  /** The number of a message that is to be answered, be it no ping: none is used twice. */
  nonce(): number {
    this.#nonce++
    return this.#nonce
  }

  send(peer: PeerDescriptor): void {
    const nonce = this.nonce()
    this.#open.set(nonce, { id: peer.id, at: this.#environment.now() })
    if (this.#open.size > MAX_PINGS) this.#open.delete(this.#open.keys().next().value as number)
    this.#environment.send(peer, { kind: 'ping', nonce, dead: this.#rumors.told })
  }

  /** When the ping that this answers was sent; undefined if none was. */
  answered(nonce: number, id: string): number | undefined {
    const ping = this.#open.get(nonce)
    if (ping?.id !== id) return undefined
    this.#open.delete(nonce)
    return ping.at
  }

  /** Whether a ping to this peer that was sent after `since` is not answered. */
  waits(peer: string, since: number): boolean {
    for (const { id, at } of this.#open.values()) if (id === peer && at > since) return true
    return false
  }

  clear(): void {
    this.#open.clear()
  }
}
