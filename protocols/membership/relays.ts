import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Timer } from '../../core/environment.ts'
import type { Tally } from '../../core/tally.ts'
import type { MembershipMessage } from './messages.ts'

/** Pings that this node does for others at once. */
const MAX_RELAYS = 64
/**
 * What all others together may ask, so that nobody can use this node to knock at a third one's door. One of them can take it
 * all: the rest then go without an indirect probe, and suspicion decides.
 */
const RELAYS_PER_SECOND = 20

interface Relay {
  readonly requester: PeerDescriptor
  readonly nonce: number
  readonly target: string
  timer: Timer | undefined
}

/** One side of the indirect probe: the pings this node does for others. The other side is Requests. */
export class Relays {
  readonly #environment: Environment<MembershipMessage>
  readonly #timeout: number
  readonly #ping: (peer: PeerDescriptor) => void
  readonly #refuses: (target: PeerDescriptor) => boolean
  readonly #tally: Tally
  readonly #allowance = new TokenBucket(RELAYS_PER_SECOND, RELAYS_PER_SECOND)
  #relays: Relay[] = []

  /**
   * @param timeout ms after which a target that this node pinged for another counts as silent
   * @param init.refuses whether this node cannot tell: it is too slow itself, or would have to connect to the target first
   */
  constructor(
    environment: Environment<MembershipMessage>,
    timeout: number,
    init: { ping(peer: PeerDescriptor): void; refuses(target: PeerDescriptor): boolean; tally: Tally },
  ) {
    this.#environment = environment
    this.#timeout = timeout * 0.8
    this.#ping = init.ping
    this.#refuses = init.refuses
    this.#tally = init.tally
  }

  clear(): void {
    for (const { timer } of this.#relays) timer?.cancel()
    this.#relays = []
  }

  /** Another node wants to know whether `target` lives. */
  request(requester: PeerDescriptor, nonce: number, target: PeerDescriptor): void {
    if (this.#refuses(target) || this.#relays.length >= MAX_RELAYS || !this.#allowance.take(this.#environment.now())) {
      this.#tally.add('relay-refused')
      this.#environment.send(requester, { kind: 'result', nonce, alive: false })
      return
    }
    this.#tally.add('relayed')
    const relay: Relay = { requester, nonce, target: target.id, timer: undefined }
    relay.timer = this.#environment.after(this.#timeout, () => this.#finish(relay, false))
    this.#relays.push(relay)
    this.#ping(target)
  }

  /** Somebody spoke: whoever asked about it is told. */
  heard(id: string): void {
    for (const relay of this.#relays.filter(({ target }) => target === id)) this.#finish(relay, true)
  }

  /** The transport cannot reach it: whoever asked about it is told. */
  unreachable(id: string): void {
    for (const relay of this.#relays.filter(({ target }) => target === id)) this.#finish(relay, false)
  }

  #finish(relay: Relay, alive: boolean): void {
    relay.timer?.cancel()
    this.#relays = this.#relays.filter((other) => other !== relay)
    this.#environment.send(relay.requester, { kind: 'result', nonce: relay.nonce, alive })
  }
}
