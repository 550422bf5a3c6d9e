import type { Connection, PeerId } from '@libp2p/interface'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Inbound, InboundRate } from './inbound.ts'
import type { Outbound } from './outbound.ts'
import type { OutboundQueue } from './queue.ts'

const FIRST_BACKOFF = 1000
const LONGEST_BACKOFF = 60_000
const MALFORMED_WINDOW = 60_000
/** How long a peer that refused this node, or that this node refused, is left alone. */
export const REFUSED_PAUSE = 60_000

/** What this node holds for one peer: a queue, at most one stream each way, and how the peer behaved. */
export class Link {
  readonly id: string
  readonly peerId: PeerId
  readonly queue: OutboundQueue
  readonly rate: InboundRate
  /** The newest that the peer said in a hello. */
  descriptor: PeerDescriptor | undefined
  /** Where to dial it: of whoever wanted to send to it last. */
  addresses: readonly string[] = []
  outbound: { readonly writer: Outbound; readonly connection: Connection } | undefined
  inbound: Inbound | undefined
  /** What the peer's stream came over last. */
  via: Connection | undefined
  /** A stream is being opened, after a dial if need be. */
  opening = false
  /** Gives up the dial that is under way. */
  dialling: AbortController | undefined
  /** There was a stream since the peer was last reported unreachable. */
  up = false
  /** When a message last went either way, ms. */
  used: number
  /** Since when its stream takes no bytes. */
  blockedSince: number | undefined
  /** Messages dropped since the peer was last reported slow. */
  dropped = 0
  slowReported = Number.NEGATIVE_INFINITY
  /** Its streams are refused until then: it sent too much that was malformed. */
  bannedUntil = Number.NEGATIVE_INFINITY
  /** Why no stream is opened before `retryAt`. */
  #retry: { readonly at: number; readonly reason: string } | undefined
  #failures = 0
  #malformed: number[] = []

  constructor(id: string, peerId: PeerId, queue: OutboundQueue, rate: InboundRate, now: number) {
    this.id = id
    this.peerId = peerId
    this.queue = queue
    this.rate = rate
    this.used = now
  }

  /** Why this peer is not to be bothered now; undefined when it may be. */
  avoided(now: number): string | undefined {
    return this.#retry !== undefined && now < this.#retry.at ? this.#retry.reason : undefined
  }

  /** The next attempt waits 1 s, then twice as long each time, up to a minute; never less than `atLeast`. */
  failed(now: number, reason: string, atLeast = 0): void {
    const wait = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** Math.min(this.#failures++, 10))
    this.#retry = { at: now + Math.max(wait, atLeast), reason }
  }

  succeeded(): void {
    this.#failures = 0
    this.#retry = undefined
  }

  /** Counts one malformed frame. Returns how many there were in the last minute. */
  malformed(now: number): number {
    this.#malformed = this.#malformed.filter((at) => at > now - MALFORMED_WINDOW)
    this.#malformed.push(now)
    return this.#malformed.length
  }

  /** Nothing goes either way, or is about to. */
  get rests(): boolean {
    return this.outbound === undefined && this.inbound === undefined && !this.opening && this.queue.length === 0
  }

  /** Nothing here is worth keeping. */
  idle(now: number): boolean {
    return this.rests && this.avoided(now) === undefined && this.#malformed.every((at) => at <= now - MALFORMED_WINDOW)
  }
}
