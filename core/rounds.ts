import type { TokenBucket } from './bucket.ts'
import type { PeerDescriptor } from './descriptor.ts'
import type { Environment, Protocol, Timer } from './environment.ts'
import type { Exchange, MissedReason } from './exchange.ts'
import { Pace } from './pace.ts'
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
  /**
   * ms within which one peer is answered once, as soon as more than FREE offers came since this node's last round: an offer of a few bytes
   * can get kilobytes back, paid from the budget that all of this node's offers share. 0 for never.
   * @default 0.2 period: an honest peer asks once a period, give or take the jitter and what its messages were delayed
   */
  readonly pause?: number
  /**
   * Share of the budget's burst that answers leave to what this node says of its own accord: otherwise peers that are many, or use
   * many exchanges, would silence it.
   * @default 0.5
   */
  readonly reserve?: number
  /** Upper bound of a message's bytes on the wire. */
  readonly size: (message: RoundMessage<Offer, Answer>) => number
  /** The node's gossip budget in bytes, one bucket for all its exchanges. What does not fit is not said. */
  readonly budget: TokenBucket
}

type Manner<Offer, Answer> = Required<Omit<RoundsOptions<Offer, Answer>, 'budget'>>

/** The latest. */
const manners: Manner<never, never>[] = []
const MAX_MANNERS = 8

/** One object for all Rounds that have the same options: of a million simulated nodes, all. */
function mannerOf<Offer, Answer>(options: RoundsOptions<Offer, Answer>): Manner<Offer, Answer> {
  const { period, timeout = period * 0.9, pause = period * 0.2, reserve = 0.5, size } = options
  const known = manners.find(
    (one) =>
      one.period === period &&
      one.timeout === timeout &&
      one.pause === pause &&
      one.reserve === reserve &&
      one.size === size,
  )
  if (known !== undefined) return known as unknown as Manner<Offer, Answer>
  const manner = { period, timeout, pause, reserve, size }
  manners.unshift(manner as unknown as Manner<never, never>)
  manners.length = Math.min(manners.length, MAX_MANNERS)
  return manner
}

/**
 * Offers between two rounds that are answered whoever sent them: partners at random send one on average, and more than these in one
 * of a million rounds. So nothing is remembered of anybody until somebody asks too often.
 */
const FREE = 8

/** Round numbers are 31 bits, so that they are small integers to a JavaScript engine. */
const ROUNDS = 2 ** 31

/**
 * Drives an Exchange: period, jitter, timeout, correlation of answers with offers, and the gossip budget.
 *
 * Invariants: (1) at most one offer is open; (2) every offer sent ends in exactly one `absorb` or `missed` (or in
 * `stop`); one that the budget did not allow ends in neither, so `partner` and `offer` must not promise anything;
 * (3) bytes sent in any second never exceed the budget's `burst + rate`; (4) between two rounds one peer is answered FREE times and
 * then once a `pause`, whatever it sends; its other offers change nothing here.
 */
export class Rounds<Offer, Answer> implements Protocol<RoundMessage<Offer, Answer>> {
  readonly #environment: Environment<RoundMessage<Offer, Answer>>
  readonly #exchange: Exchange<Offer, Answer>
  readonly #manner: Manner<Offer, Answer>
  readonly #budget: TokenBucket
  #timer: Timer | undefined
  #round: number
  /** Whose answer is waited for; undefined when no offer is open. */
  #partner: PeerDescriptor | undefined
  /** When the offer was sent: whole ms modulo 2^32, which need no memory of their own. */
  #asked = 0
  // What happens in every round is counted in fields, the rest where reasons are names.
  #offers = 0
  #answers = 0
  #absorbed = 0
  #failures: Tally | undefined
  /** Offers that came since this node's last round. */
  #asking = 0
  /** Who was answered of late, while more than FREE came. */
  #answered: Pace | undefined

  constructor(
    environment: Environment<RoundMessage<Offer, Answer>>,
    exchange: Exchange<Offer, Answer>,
    options: RoundsOptions<Offer, Answer>,
  ) {
    this.#environment = environment
    this.#exchange = exchange
    this.#manner = mannerOf(options)
    this.#budget = options.budget
    // A restarted node must not take an answer to its former self for its own.
    this.#round = environment.random.integer(ROUNDS)
  }

  /** A copy: offers, answers, absorbed, timeout, unreachable, late, over-budget, too-often */
  get tally(): Tally {
    const all = new Tally()
    const counts = {
      offers: this.#offers,
      answers: this.#answers,
      absorbed: this.#absorbed,
      ...this.#failures?.toJSON(),
    }
    for (const [reason, count] of Object.entries(counts)) if (count > 0) all.add(reason, count)
    return all
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#manner.period, this)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#partner = undefined
  }

  /** One round, if it is running: the timer's business, or of whoever cannot wait for it. */
  turn(): void {
    if (this.#timer === undefined) return
    this.#asking = 0
    if (this.#partner !== undefined) {
      if (this.waited() < this.#manner.timeout) return
      this.miss('timeout')
    }
    const partner = this.#exchange.partner()
    if (partner === undefined) return
    this.#round = (this.#round + 1) & (ROUNDS - 1)
    const message = { kind: 'offer', round: this.#round, body: this.#exchange.offer(partner) } as const
    if (!this.pays(message)) {
      this.fail('over-budget')
      return
    }
    this.#offers++
    this.#partner = partner
    this.#asked = Math.floor(this.#environment.now()) | 0
    this.#environment.send(partner, message)
  }

  receive(from: PeerDescriptor, message: RoundMessage<Offer, Answer>): void {
    if (this.#timer === undefined) return
    if (message.kind === 'offer') this.answer(from, message.round, message.body)
    else this.absorb(from, message.round, message.body)
  }

  /** The transport says that this peer cannot be reached: its open exchange, if any, is missed now. */
  unreachable(id: string): void {
    if (this.#partner?.id === id) this.miss('unreachable')
  }

  touch(message?: RoundMessage<Offer, Answer>): number {
    const said = message?.body === undefined ? 0 : 1
    return said ^ this.#round ^ this.#asked ^ this.#absorbed ^ this.#budget.touch() ^ (this.#exchange.touch?.() ?? 0)
  }

  private answer(from: PeerDescriptor, round: number, offer: Offer): void {
    this.#asking++
    if (this.#asking > FREE && !this.mayAsk(from.id)) {
      this.fail('too-often')
      return
    }
    const body = this.#exchange.answer(from, offer)
    if (body === undefined) return
    const message = { kind: 'answer', round, body } as const
    if (this.says(from, message)) return
    const brief = this.#exchange.brief?.(body)
    if (brief === undefined || !this.says(from, { kind: 'answer', round, body: brief })) this.fail('over-budget')
  }

  private says(to: PeerDescriptor, answer: RoundMessage<Offer, Answer>): boolean {
    if (!this.pays(answer, this.#budget.burst * this.#manner.reserve)) return false
    this.#answers++
    this.#environment.send(to, answer)
    return true
  }

  private absorb(from: PeerDescriptor, round: number, answer: Answer): void {
    const partner = this.#partner
    const asked = partner !== undefined && round === this.#round && (from === partner || from.id === partner.id)
    if (!asked || this.waited() > this.#manner.timeout) {
      this.fail('late')
      return
    }
    this.#partner = undefined
    this.#absorbed++
    this.#exchange.absorb(from, answer)
  }

  /** Whole ms since the open offer was sent: as many as it is, or one or two more. */
  private waited(): number {
    return (Math.ceil(this.#environment.now()) - this.#asked) >>> 0
  }

  private miss(reason: MissedReason): void {
    const partner = this.#partner
    this.#partner = undefined
    if (partner === undefined) return
    this.fail(reason)
    this.#exchange.missed(partner, reason)
  }

  private mayAsk(id: string): boolean {
    this.#answered ??= new Pace(this.#manner.pause)
    return this.#answered.allows(id, this.#environment.now())
  }

  private pays(message: RoundMessage<Offer, Answer>, reserve = 0): boolean {
    return this.#budget.take(this.#environment.now(), this.#manner.size(message), reserve)
  }

  private fail(reason: string): void {
    this.#failures ??= new Tally()
    this.#failures.add(reason)
  }
}
