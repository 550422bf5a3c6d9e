import { TokenBucket } from '../../../core/bucket.ts'
import { CLOCK_WINDOW } from '../../../core/descriptor.ts'
import { Bounded } from './bounded.ts'
import type { Question } from './messages.ts'

export interface AdmissionLimits {
  /** Queries per second that one origin may ask of this node. @default 1 (LIMITS) */
  readonly rate: number
  /** Queries that one origin may ask at once. @default 5 (LIMITS) */
  readonly burst: number
  /**
   * Delegations of one query that this node works on, all together: one when nothing goes wrong, a dozen at a few nodes with half
   * of them dead. The question is signed by its origin, but anybody who saw it can delegate it. @default 64 (measured)
   */
  readonly perQuery: number
  /**
   * Of these, how many one delegator has: what it wastes is its own share, and the honest ones get through. With 8, of 200 nodes half
   * of which are dead, honest delegators were refused and 2 % fewer answered; with 16 none. @default 16 (measured)
   */
  readonly perDelegator: number
  /** Delegations this node works on at once. @default 256 (LIMITS) */
  readonly active: number
  /** Of these, how many one sender has: a single one keeps nobody busy. @default 64, a quarter of `active` */
  readonly perSender: number
}

/** Origins whose rate is remembered; the longest unused go first. */
const MAX_ORIGINS = 1024
/** How much faster than itself an origin may seem to others: latencies differ, and a restart forgets what was asked before. */
const LENIENCE = 2
/** Queries remembered, with their delegations here, so that these count once against the origin's rate. */
const MAX_QUERIES = 4096
/** ms after which a question is too old to be asked again, here and by anybody who kept it. */
export const MEMORY = 2 * CLOCK_WINDOW
const NOBODY: readonly string[] = []

/**
 * Who may have this node work, and how much. Each limit has its reason, which the refusal carries.
 *
 * Invariants: (1) what is remembered is bounded, whoever sends what; (2) nobody uses up what another one has: a delegator not the
 * delegations of a query, a sender not the node, and who sends a question back not the rate of its origin.
 */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #origins = new Bounded<TokenBucket>(MAX_ORIGINS, MEMORY)
  /** Of each query who delegated it here, once for each delegation. */
  readonly #queries = new Bounded<readonly string[]>(MAX_QUERIES, MEMORY)
  /** Who delegated what is worked on now; made with the first one, as of a million simulated nodes few work at a time. */
  #working: Map<string, number> | undefined
  #active = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** Whether this node's own rate lets it ask now. */
  allows(self: string, now: number): boolean {
    return this.#take(self, this.#limits.rate, this.#limits.burst, now)
  }

  /** This node's own question: it has been counted, and is not once more should somebody delegate it back. */
  know(question: Question, now: number): void {
    this.#queries.set(queryId(question), NOBODY, now)
  }

  /** Why a sender's delegation of this question is refused; undefined if it is not, and then it is counted. */
  refusal(sender: string, question: Question, now: number): string | undefined {
    const { rate, burst, perQuery, perDelegator, active, perSender } = this.#limits
    if (Math.abs(now - question.issued) > CLOCK_WINDOW) return 'expired or wrong clock'
    if (this.#active >= active) return 'busy'
    if ((this.#working?.get(sender) ?? 0) >= perSender) return 'busy for this sender'
    const id = queryId(question)
    const known = this.#queries.get(id)
    const worked = known ?? NOBODY
    const mine = worked.filter((delegator) => delegator === sender).length
    if (worked.length >= perQuery || mine >= perDelegator) return 'delegated too often'
    if (known === undefined && !this.#take(question.origin, rate * LENIENCE, burst * LENIENCE, now)) {
      return 'rate of the origin'
    }
    this.#queries.set(id, [...worked, sender], now)
    return undefined
  }

  /** What was let in is worked on, until it ends. */
  begin(sender: string): void {
    this.#active++
    this.#working ??= new Map()
    this.#working.set(sender, (this.#working.get(sender) ?? 0) + 1)
  }

  end(sender: string): void {
    this.#active--
    const left = (this.#working?.get(sender) ?? 0) - 1
    if (left > 0) this.#working?.set(sender, left)
    else this.#working?.delete(sender)
  }

  /** Nothing is worked on any more. What was asked before is still known. */
  endAll(): void {
    this.#active = 0
    this.#working = undefined
  }

  #take(origin: string, rate: number, burst: number, now: number): boolean {
    const bucket = this.#origins.get(origin) ?? new TokenBucket(rate, burst)
    this.#origins.set(origin, bucket, now)
    return bucket.take(now)
  }
}

export function queryId({ origin, number }: Question): string {
  return `${origin}/${number}`
}
