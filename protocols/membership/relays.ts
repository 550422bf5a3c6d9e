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
/** Requests of this node's own that are open. */
const MAX_ASKED = 256

interface Relay {
  readonly requester: PeerDescriptor
  readonly nonce: number
  readonly target: string
  timer: Timer | undefined
}

/** Both sides of the indirect probe: the pings this node does for others, and those that others do for it. */
export class Relays {
  readonly #environment: Environment<MembershipMessage>
  readonly #timeout: number
  readonly #ping: (peer: PeerDescriptor) => void
  readonly #refuses: (target: PeerDescriptor) => boolean
  readonly #tally: Tally
  readonly #allowance = new TokenBucket(RELAYS_PER_SECOND, RELAYS_PER_SECOND)
  #relays: Relay[] = []
  /** Nonce -> who was asked about whom; at most MAX_ASKED, oldest out. */
  readonly #asked = new Map<number, { helper: string; target: string }>()
  /** Peer asked about -> helpers whose result is outstanding. */
  readonly #outstanding = new Map<string, number>()

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
    this.#asked.clear()
    this.#outstanding.clear()
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

  asked(nonce: number, helper: string, target: string, helpers: number): void {
    this.#asked.set(nonce, { helper, target })
    this.#outstanding.set(target, helpers)
    if (this.#asked.size <= MAX_ASKED) return
    const [oldest, { target: about }] = this.#asked.entries().next().value as [number, { target: string }]
    this.#asked.delete(oldest)
    this.#outstanding.delete(about)
  }

  /** A helper's result came in: whom it is about, and whether it was the last of the helpers. */
  result(helper: string, nonce: number): { id: string; allFailed: boolean } | undefined {
    const asked = this.#asked.get(nonce)
    if (asked?.helper !== helper) return undefined
    this.#asked.delete(nonce)
    const id = asked.target
    const left = (this.#outstanding.get(id) ?? 1) - 1
    if (left > 0) this.#outstanding.set(id, left)
    else this.#outstanding.delete(id)
    return { id, allFailed: left <= 0 }
  }

  #finish(relay: Relay, alive: boolean): void {
    relay.timer?.cancel()
    this.#relays = this.#relays.filter((other) => other !== relay)
    this.#environment.send(relay.requester, { kind: 'result', nonce: relay.nonce, alive })
  }
}
