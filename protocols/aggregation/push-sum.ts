import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'

/** Half of what the sender had. */
export interface PushSumMessage {
  readonly sum: number
  readonly weight: number
}

/** Two doubles and the framing around them. */
export const PUSH_SUM_BYTES = 24

interface PushSumInit {
  readonly value: number
  partner(): PeerDescriptor | undefined
  /** ms between two pushes. */
  readonly period: number
  readonly budget: TokenBucket
}

/**
 * Push-sum (Kempe, Dobra, Gehrke, FOCS 2003): every round a node sends half of its sum and weight to somebody, and keeps the
 * other half; the average is sum / weight. About 0.52 a cycle. Honest-only; a lost message takes its half along.
 *
 * Not an Exchange: nothing is answered, and the half must leave this node when, and only when, the message really leaves. An
 * Exchange makes its offer before the budget is asked and is not told of a refusal.
 *
 * Invariant: without loss, the sums (and the weights) of all nodes and of what is under way add up to a constant.
 */
export class PushSum implements Protocol<PushSumMessage> {
  readonly #environment: Environment<PushSumMessage>
  readonly #init: PushSumInit
  #sum: number
  #weight = 1
  #timer: Timer | undefined

  constructor(environment: Environment<PushSumMessage>, init: PushSumInit) {
    this.#environment = environment
    this.#init = init
    this.#sum = init.value
  }

  get value(): number {
    return this.#sum / this.#weight
  }

  get mass(): PushSumMessage {
    return { sum: this.#sum, weight: this.#weight }
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#init.period, () => this.#push())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  receive(_from: PeerDescriptor, { sum, weight }: PushSumMessage): void {
    if (this.#timer === undefined || !Number.isFinite(sum) || !(weight > 0)) return
    this.#sum += sum
    this.#weight += weight
  }

  #push(): void {
    const partner = this.#init.partner()
    if (partner === undefined || !this.#init.budget.take(this.#environment.now(), PUSH_SUM_BYTES)) return
    this.#sum /= 2
    this.#weight /= 2
    this.#environment.send(partner, this.mass)
  }
}
