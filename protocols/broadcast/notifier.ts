import type { Tally } from '../../core/tally.ts'
import { type Equivocation, Equivocations } from './equivocation.ts'
import { type Limited, Named } from './limited.ts'
import type { BroadcastOptions } from './options.ts'
import type { Missed } from './order.ts'
import type { Publication } from './publication.ts'

export interface BroadcastEvents {
  /** Publications of `from` that this node is not going to deliver. */
  missed?(missed: Missed & { readonly from: string; readonly topic: string }): void
  /** Somebody signed two publications under one number; told once a publisher. */
  equivocation?(proof: Equivocation): void
  /** Somebody publishes more than its rate, and is held to it; told at most once a minute of each, and of 256 in a minute. */
  limited?(limited: Limited): void
  /** A subscriber threw; the other subscribers were served. */
  subscriberThrew?(error: unknown, topic: string): void
  /** One of these callbacks threw. Everything goes on as if it had not been called. */
  callbackThrew?(error: unknown): void
}

/**
 * What the user of this node is told, through the callbacks given with it. That a publisher lies, or sends too much, is told no
 * more often than the events say, however often it does so.
 *
 * Invariant: what any of them throws goes to `callbackThrew`, and not to whoever had something to tell: it must not leave a
 * publisher's order half way between two states.
 */
export class Notifier {
  readonly proofs = new Equivocations()
  readonly #named = new Named()
  readonly #on: BroadcastEvents
  readonly #options: Pick<BroadcastOptions, 'rate' | 'burst'>
  readonly #tally: Tally

  /** @param tally counts subscriber-threw and callback-threw */
  constructor(on: BroadcastEvents, options: Pick<BroadcastOptions, 'rate' | 'burst'>, tally: Tally) {
    this.#on = on
    this.#options = options
    this.#tally = tally
  }

  missed(missed: Missed & { readonly from: string; readonly topic: string }): void {
    this.#tell(() => this.#on.missed?.(missed))
  }

  /** Two publications under one number, both signed by their publisher. */
  equivocation(first: Publication, second: Publication): void {
    const proof = this.proofs.add(first, second)
    if (proof !== undefined) this.#tell(() => this.#on.equivocation?.(proof))
  }

  /** Something of this publisher was refused because it sends more than its rate. */
  limited(topic: string, from: string, now: number): void {
    if (!this.#named.name(from, now)) return
    const { rate, burst } = this.#options
    const reason = `it sends more than ${rate} messages a second and ${burst} at once; what is beyond that is refused`
    this.#tell(() => this.#on.limited?.({ topic, from, reason }))
  }

  subscriberThrew(error: unknown, topic: string): void {
    this.#tally.add('subscriber-threw')
    this.#tell(() => this.#on.subscriberThrew?.(error, topic))
  }

  #tell(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#tally.add('callback-threw')
      this.#on.callbackThrew?.(error)
    }
  }
}
