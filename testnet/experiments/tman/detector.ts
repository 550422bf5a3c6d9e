import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'

export type PingMessage = { readonly kind: 'ping' } | { readonly kind: 'pong' }

/** ms between two pings of one probe, and how many stay unanswered before a peer is taken for dead. */
const WAIT = 300
const TRIES = 6
/** Probes under way at once. */
const MAX_PROBES = 64
/** The dead that are remembered and refused; the oldest are forgotten first. */
const MAX_GONE = 512

interface Probe {
  readonly peer: PeerDescriptor
  tries: number
  timer: Timer
}

/**
 * Failure detection as these experiments assume it: who answers none of six pings in 1.8 s is dead, is refused from then on,
 * and is heard of again only by speaking up. At 20 % loss a living peer is mistaken for dead in one of 460 probes.
 */
export class Detector {
  readonly #environment: Environment<PingMessage>
  readonly #dead: (id: string) => void
  readonly #probes = new Map<string, Probe>()
  readonly #gone = new Set<string>()

  constructor(environment: Environment<PingMessage>, dead: (id: string) => void) {
    this.#environment = environment
    this.#dead = dead
  }

  isGone(id: string): boolean {
    return this.#gone.has(id)
  }

  /** False when that is being done already, or too much else is. */
  probe(peer: PeerDescriptor): boolean {
    if (this.#probes.has(peer.id) || this.#gone.has(peer.id) || this.#probes.size >= MAX_PROBES) return false
    const probe: Probe = { peer, tries: 0, timer: { cancel: () => {} } }
    this.#probes.set(peer.id, probe)
    this.#try(probe)
    return true
  }

  /** Whatever the peer said, it lives. */
  heard(id: string): void {
    this.#probes.get(id)?.timer.cancel()
    this.#probes.delete(id)
    this.#gone.delete(id)
  }

  receive(from: PeerDescriptor, message: PingMessage): void {
    if (message.kind === 'ping') this.#environment.send(from, { kind: 'pong' })
  }

  #try(probe: Probe): void {
    const { id } = probe.peer
    if (probe.tries++ < TRIES) {
      this.#environment.send(probe.peer, { kind: 'ping' })
      probe.timer = this.#environment.after(WAIT, () => this.#try(probe))
      return
    }
    this.#probes.delete(id)
    this.#gone.add(id)
    if (this.#gone.size > MAX_GONE) this.#gone.delete(this.#gone.values().next().value as string)
    this.#dead(id)
  }
}
