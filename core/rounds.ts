import type { TokenBucket } from './bucket.ts'
import type { PeerDescriptor } from './descriptor.ts'
import type { Environment, Protocol, Timer } from './environment.ts'
import type { Exchange, MissedReason } from './exchange.ts'
import { Tally } from './tally.ts'

export type RoundMessage<Offer, Answer> =
  | { readonly kind: 'offer'; readonly round: number; readonly body: Offer }
  | { readonly kind: 'answer'; readonly round: number; readonly body: Answer }

export interface RoundsOptions<Offer, Answer> {
  /** ms between two rounds. */
  readonly period: number
  /**
   * ms within which an answer counts. Rounds that come meanwhile are skipped: with a timeout of several periods a node whose
   * partners are slow has one exchange on its way and no more, so an overloaded network is not loaded further.
   * @default 0.9 period (the shortest jittered round)
   */
  readonly timeout?: number
  /** Upper bound of a message's bytes on the wire. */
  size(message: RoundMessage<Offer, Answer>): number
  /** The node's gossip budget in bytes, one bucket for all its exchanges. What does not fit is not said. */
  readonly budget: TokenBucket
}

/**
 * Drives an Exchange: period, jitter, timeout, correlation of answers with offers, and the gossip budget.
 *
 * Invariants: (1) at most one offer is open; (2) every offer sent ends in exactly one `absorb` or `missed` (or in
 * `stop`); one that the budget did not allow ends in neither, so `partner` and `offer` must not promise anything;
 * (3) bytes sent in any second never exceed the budget's `burst + rate`.
 */
export class Rounds<Offer, Answer> implements Protocol<RoundMessage<Offer, Answer>> {
  /** offers, answers, absorbed, timeout, unreachable, late, over-budget */
  readonly tally = new Tally()
  readonly #environment: Environment<RoundMessage<Offer, Answer>>
  readonly #exchange: Exchange<Offer, Answer>
  readonly #options: RoundsOptions<Offer, Answer>
  readonly #timeout: number
  #timer: Timer | undefined
  #round: number
  #open: { readonly partner: PeerDescriptor; readonly at: number } | undefined

  constructor(
    environment: Environment<RoundMessage<Offer, Answer>>,
    exchange: Exchange<Offer, Answer>,
    options: RoundsOptions<Offer, Answer>,
  ) {
    this.#environment = environment
    this.#exchange = exchange
    this.#options = options
    // A restarted node must not take an answer to its former self for its own.
    this.#round = environment.random.integer(2 ** 31)
    this.#timeout = options.timeout ?? options.period * 0.9
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#options.period, () => this.#turn())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#open = undefined
  }

  #turn(): void {
    if (this.#open !== undefined) {
      if (this.#environment.now() - this.#open.at < this.#timeout) return
      this.#miss('timeout')
    }
    const partner = this.#exchange.partner()
    if (partner === undefined) return
    this.#round = (this.#round + 1) >>> 0
    const message = { kind: 'offer', round: this.#round, body: this.#exchange.offer(partner) } as const
    if (!this.#affords(message)) return
    this.tally.add('offers')
    this.#open = { partner, at: this.#environment.now() }
    this.#environment.send(partner, message)
  }

  receive(from: PeerDescriptor, message: RoundMessage<Offer, Answer>): void {
    if (this.#timer === undefined) return
    if (message.kind === 'offer') this.#answer(from, message.round, message.body)
    else this.#absorb(from, message.round, message.body)
  }

  /** The transport says that this peer cannot be reached: its open exchange, if any, is missed now. */
  unreachable(id: string): void {
    if (this.#open?.partner.id === id) this.#miss('unreachable')
  }

  #answer(from: PeerDescriptor, round: number, offer: Offer): void {
    const body = this.#exchange.answer(from, offer)
    if (body === undefined) return
    const message = { kind: 'answer', round, body } as const
    if (!this.#affords(message)) return
    this.tally.add('answers')
    this.#environment.send(from, message)
  }

  #absorb(from: PeerDescriptor, round: number, answer: Answer): void {
    const open = this.#open
    const inTime = open !== undefined && this.#environment.now() - open.at <= this.#timeout
    if (!inTime || round !== this.#round || from.id !== open.partner.id) {
      this.tally.add('late')
      return
    }
    this.#open = undefined
    this.tally.add('absorbed')
    this.#exchange.absorb(from, answer)
  }

  #miss(reason: MissedReason): void {
    const partner = this.#open?.partner
    this.#open = undefined
    if (partner === undefined) return
    this.tally.add(reason)
    this.#exchange.missed(partner, reason)
  }

  #affords(message: RoundMessage<Offer, Answer>): boolean {
    if (this.#options.budget.take(this.#environment.now(), this.#options.size(message))) return true
    this.tally.add('over-budget')
    return false
  }
}
