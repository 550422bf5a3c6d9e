import { CLOCK_WINDOW, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import { Pace } from '../../core/pace.ts'
import type { Sign } from '../../core/signed.ts'
import { Tally } from '../../core/tally.ts'
import { Tellers } from './tellers.ts'
import { type SignedValue, signValue } from './value.ts'

export interface SlicesOptions {
  /**
   * ms for which a value counts after its owner signed it. Long: more values, a smaller error. Short: those who died or
   * changed are forgotten sooner. @default 600000 (chosen: 1024 values at a period of 5 s and up, and the dead for ten minutes)
   */
  readonly expiry: number
  /** Values remembered, the longest remembered out first. @default 1024 (chosen: a standard error of at most 1.6 %) */
  readonly memory: number
  /**
   * By how much everybody's value grows in a second: 1 for an uptime in seconds, so that a value heard a minute ago is not
   * compared with one's own of today. @default 0
   */
  readonly growth: number
  /**
   * Values of others remembered of one that told them, its own oldest out first; Infinity leaves it open. @default 15 (chosen: what one
   * answer holds)
   */
  readonly places: number
}

/** Values in an answer: the node's own and those that others told it themselves. */
export const MAX_VALUES = 16

export const SLICES_DEFAULTS: SlicesOptions = { expiry: 600_000, memory: 1024, growth: 0, places: MAX_VALUES - 1 }

export interface SlicesInit {
  /** What is ranked; values of other attributes are refused. */
  readonly attribute: string
  /** This node's value now; undefined when it has none, and then it has no rank either. */
  value(): number | undefined
  /** Random peers, from peer sampling: the estimate is as unbiased as they are. */
  sample(count: number): readonly PeerDescriptor[]
  /** Left out, signatures are empty, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
  readonly options?: Partial<SlicesOptions> | undefined
}

/** Where a node stands among all that have the attribute. */
export interface Estimate {
  /** The share of nodes below this one, in (0, 1): 0.9 means that nine of ten have less. */
  readonly rank: number
  /** Standard error of `rank`, as far as the samples are random. */
  readonly error: number
  /** Other nodes' values that it rests on. */
  readonly values: number
}

/** ms within which a peer is answered once. */
const ASK_INTERVAL = 400
/** A value that has not changed is signed anew that often within `expiry`, one that changes at most so often, in ms. */
const RENEWALS = 8
const MIN_REISSUE = 1000
/** Standard errors within which an answer is not certain. */
const DOUBT = 2

/**
 * Which quantile of an attribute am I in? The ranking method (Fernandez et al., Distributed Slicing in Dynamic Systems; Sliver,
 * Gramoli et al.): a node's rank is the share of the values it has seen that are smaller than its own. Each peer counts once,
 * until its value expires; equal values are put in order by id. Unlike the ordering method, which swaps random numbers and
 * keeps their unevenness for ever, the error falls with every value seen.
 *
 * Departures, against liars: values are signed by their owners, so nobody can change another's value or keep the dead counted; values
 * come from the answers of partners that this node chose itself, so pushing harder is worth nothing; an answer passes on only what the
 * partner heard first hand, so a partner that tells of high values alone is not repeated by everybody; and of one partner's words about
 * others no more are remembered than one answer holds, since keys cost nothing: with fresh ones in every answer one liar among a hundred
 * shifted ranks by .6 (now by .14). What is left: a liar that this node asks has its own voice and `places` more, of peers that it
 * chose or made up. That is a share of the values of about its share of the partners, f, while most partners tell of others than the
 * rest, and a shift of the rank of at most about 2 f; in a network of few nodes it is (1 + places) a liar over all values.
 * `error`, and so `certain`, says nothing of this.
 *
 * Invariants: (1) every peer counts once, this node never; (2) no value counts `expiry` after it was signed, as the clocks of
 * both say; (3) at most `memory` values are held, of them `places` a teller, and
 * MAX_VALUES sent.
 */
export class Slices implements Exchange<null, readonly SignedValue[]> {
  /** asked-too-often, other-attribute, expired, from-the-future, told-too-many: requests and values that were refused, or pushed out. */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #init: SlicesInit
  readonly #options: SlicesOptions
  readonly #remembered = new Map<string, SignedValue>()
  /** Those of them whose owner itself told its value. */
  readonly #firstHand = new Set<string>()
  /** Who told of the others. */
  readonly #tellers: Tellers
  /** No value remembered was issued before. */
  #oldest = Number.POSITIVE_INFINITY
  readonly #pace = new Pace(ASK_INTERVAL)
  #own: SignedValue | undefined

  /** @throws RangeError when an expiry or a memory is not positive, a growth not finite, or places below 1 */
  constructor(environment: Surroundings, init: SlicesInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...SLICES_DEFAULTS, ...init.options }
    const { expiry, memory, growth, places } = this.#options
    if (!(expiry > 0) || !(memory >= 1) || !Number.isFinite(growth) || !(places >= 1)) {
      const given = `${expiry}, ${memory}, ${growth}, ${places}`
      throw new RangeError(`slices need an expiry and a memory above 0, a finite growth and places, got ${given}`)
    }
    this.#tellers = new Tellers(places)
  }

  /** Undefined while this node has no value itself. */
  estimate(): Estimate | undefined {
    const own = this.#init.value()
    if (own === undefined) return undefined
    this.#forget()
    const { id } = this.#environment.self
    const now = this.#environment.now()
    let below = 0
    for (const other of this.#remembered.values()) {
      const value = other.value + this.#grown(now - other.issued)
      if (value < own || (value === own && other.id < id)) below++
    }
    const values = this.#remembered.size
    // The middle of the node's own place: exact once all are known, and neither 0 nor 1 before that.
    const rank = (below + 0.5) / (values + 1)
    return { rank, error: Math.sqrt((rank * (1 - rank)) / (values + 1)), values }
  }

  /**
   * In which of `count` equal slices this node is, 0 for the lowest values. `certain` when no other lies within two
   * standard errors.
   * @throws RangeError when count is not a positive integer
   */
  slice(count: number): { readonly slice: number; readonly certain: boolean } | undefined {
    if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`slices are a positive number, got ${count}`)
    const estimate = this.estimate()
    if (estimate === undefined) return undefined
    const { rank, error } = estimate
    const of = (share: number) => Math.min(count - 1, Math.max(0, Math.floor(share * count)))
    return { slice: of(rank), certain: of(rank - DOUBT * error) === of(rank + DOUBT * error) }
  }

  /** Whether this node is among the highest `share` of all: 0.1 for the top 10 %. @throws RangeError when share is not in [0, 1] */
  top(share: number): { readonly inside: boolean; readonly certain: boolean } | undefined {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`a share is between 0 and 1, got ${share}`)
    const estimate = this.estimate()
    if (estimate === undefined) return undefined
    const { rank, error } = estimate
    return { inside: rank >= 1 - share, certain: Math.abs(rank - (1 - share)) >= DOUBT * error }
  }

  /** It died or left: its value no longer counts. */
  remove(id: string): void {
    this.#remembered.delete(id)
    this.#firstHand.delete(id)
    this.#tellers.remove(id)
  }

  partner(): PeerDescriptor | undefined {
    this.#forget()
    return this.#init.sample(1)[0]
  }

  offer(_partner: PeerDescriptor): null {
    return null
  }

  answer(from: PeerDescriptor, _offer: null): readonly SignedValue[] | undefined {
    if (!this.#pace.allows(from.id, this.#environment.now())) {
      this.tally.add('asked-too-often')
      return undefined
    }
    this.#forget()
    const own = this.#signed()
    const others = [...this.#firstHand].filter((id) => id !== from.id)
    const passedOn = this.#environment.random
      .sample(others, MAX_VALUES - 1)
      .map((id) => this.#remembered.get(id) as SignedValue)
    return own === undefined ? passedOn : [own, ...passedOn]
  }

  absorb(from: PeerDescriptor, answer: readonly SignedValue[]): void {
    const now = this.#environment.now()
    for (const signed of answer.slice(0, MAX_VALUES)) {
      const { id, attribute, issued } = signed
      if (id === this.#environment.self.id) continue
      if (attribute !== this.#init.attribute) this.tally.add('other-attribute')
      else if (issued <= now - this.#options.expiry) this.tally.add('expired')
      else if (issued > now + CLOCK_WINDOW) this.tally.add('from-the-future')
      else this.#remember(signed, from.id)
    }
  }

  /** A partner that does not answer tells nothing; what it said before counts until it expires. */
  missed(_partner: PeerDescriptor, _reason: MissedReason): void {}

  #remember(signed: SignedValue, teller: string): void {
    const { id, issued } = signed
    if (id === teller) {
      this.#firstHand.add(id)
      this.#tellers.remove(id)
    } else if (!this.#remembered.has(id)) {
      const crowdedOut = this.#tellers.add(id, teller)
      if (crowdedOut !== undefined) {
        this.tally.add('told-too-many')
        this.remove(crowdedOut)
      }
    }
    if (issued > (this.#remembered.get(id)?.issued ?? -1)) {
      this.#remembered.delete(id)
      this.#remembered.set(id, signed)
      this.#oldest = Math.min(this.#oldest, issued)
    }
    if (this.#remembered.size > this.#options.memory) this.remove(this.#remembered.keys().next().value as string)
  }

  #forget(): void {
    const since = this.#environment.now() - this.#options.expiry
    if (this.#oldest > since) return
    this.#oldest = Number.POSITIVE_INFINITY
    for (const [id, { issued }] of this.#remembered) {
      if (issued <= since) this.remove(id)
      else this.#oldest = Math.min(this.#oldest, issued)
    }
  }

  /** This node's value, signed anew when it changed or is getting old. */
  #signed(): SignedValue | undefined {
    const value = this.#init.value()
    if (value === undefined) {
      this.#own = undefined
      return undefined
    }
    const issued = this.#environment.now()
    const { attribute, sign } = this.#init
    if (this.#own === undefined || this.#isOutdated(this.#own, value, issued)) {
      this.#own = signValue({ id: this.#environment.self.id, attribute, value, issued }, sign)
    }
    return this.#own
  }

  #isOutdated(own: SignedValue, value: number, now: number): boolean {
    const age = now - own.issued
    if (age >= this.#options.expiry / RENEWALS) return true
    // An uptime in whole seconds is up to one growth off what it was expected to be.
    return age >= MIN_REISSUE && Math.abs(value - own.value - this.#grown(age)) > Math.abs(this.#options.growth)
  }

  #grown(ms: number): number {
    return (this.#options.growth * ms) / 1000
  }
}
