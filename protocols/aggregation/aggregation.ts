import type { Value } from '../../core/attributes.ts'
import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Rounds } from '../../core/rounds.ts'
import { readAlone } from './alone.ts'
import { type AggregationMessage, aggregationCodec } from './codec.ts'
import { type Aggregates, readStanding, sizesOf } from './reading.ts'
import type { SizeEstimate } from './size/estimate.ts'
import type { Way } from './size/network-size.ts'
import type { Neighbours } from './size/ring.ts'
import { Standing, type StandingAnswer, type StandingOffer, type StandingOptions } from './standing.ts'

export interface AggregationOptions extends StandingOptions {
  /** ms between two rounds. @default 1000 */
  readonly period: number
  /** Rounds after which a new epoch is believed; until then the last result of the one before is told. @default 20 (the variance is down by 10 decades) */
  readonly settle: number
}

export interface AggregationInit {
  /** Live peers that cost no new connection: the node's contacts. */
  partners(): readonly PeerDescriptor[]
  /** Whether this node is the whole network, as far as it can tell. @default when it has no partners */
  alone?(): boolean
  /** What this node has now; what is not a number is nothing. */
  attributes(): Readonly<Record<string, Value>>
  /** Attributes that are averaged, at most 16. */
  readonly names: readonly string[]
  /** On the ring, nearest first. @default none, and the size comes from leaders and extrema only */
  neighbours?(): Neighbours
  /** The node's gossip budget. */
  readonly budget: TokenBucket
  readonly options?: Partial<AggregationOptions>
}

const DEFAULTS = { period: 1000, settle: 20 }
/** Deaths among the contacts that are remembered: more make no difference. */
const MAX_DOWN = 64

/**
 * Gossip aggregation as a node runs it all the time: averages, sums, extremes, quantiles of its attributes and the size of the network, at
 * a constant cost of two small messages a period, to be read at any moment without asking anybody.
 *
 * Honest-only, unless ranges are stated: a node that lies about its estimate moves everybody's (see `Samples` for the defended way).
 */
export class Aggregation implements Protocol<AggregationMessage> {
  readonly #environment: Environment<AggregationMessage>
  readonly #init: AggregationInit
  readonly #settle: number
  readonly #period: number
  readonly #length: number
  readonly #standing: Standing
  readonly #rounds: Rounds<StandingOffer, StandingAnswer>
  /** When contacts died. */
  #down: readonly number[] = []
  /** When this node last noticed, or was told, that a node came or went; at first, when it started. */
  #changedAt: number
  /** Of the epoch before, until the present one has settled. */
  #previous: { readonly aggregates: Aggregates; readonly at: number } | undefined

  /** @throws RangeError when more than 16 attributes are to be averaged */
  constructor(environment: Environment<AggregationMessage>, init: AggregationInit) {
    this.#environment = environment
    this.#init = init
    const options = { ...DEFAULTS, ...init.options }
    this.#settle = options.settle
    this.#changedAt = environment.now()
    // The papers' 30 cycles, unless said otherwise.
    const length = init.options?.length ?? 30 * options.period
    this.#period = options.period
    this.#length = length
    const { partners, attributes, names } = init
    this.#standing = new Standing(environment, {
      partners,
      attributes,
      names,
      ...(init.neighbours && { neighbours: init.neighbours }),
      size: () => this.#ofGossip().size?.value,
      ended: () => this.#keep(),
      options: { patience: 15 * options.period, memory: 60 * options.period, ...init.options, length },
    })
    this.#rounds = new Rounds(environment, this.#standing, {
      period: options.period,
      budget: init.budget,
      size: aggregationCodec.size,
    })
  }

  start(): void {
    this.#rounds.start()
  }

  stop(): void {
    this.#rounds.stop()
  }

  receive(from: PeerDescriptor, message: AggregationMessage): void {
    this.#rounds.receive(from, message)
  }

  /** The transport lost a peer. It may come back, and an open transfer with it is taken up again. */
  unreachable(id: string): void {
    this.#rounds.unreachable(id)
  }

  /** Failure detection buried a peer: the next epoch begins without it. */
  peerDown(id: string): void {
    this.#standing.peerDown(id)
    this.#changedAt = this.#environment.now()
    this.#down = [...this.#recentlyDown(), this.#environment.now()].slice(-MAX_DOWN)
  }

  /** What is known now, at no cost. Fields are missing as long as nothing is known of them. */
  read(): Aggregates {
    const { partners, alone, attributes, names, options } = this.#init
    if (!(alone?.() ?? partners().length === 0)) return this.#ofGossip()
    return readAlone({
      attributes: attributes(),
      names,
      quantiles: options?.quantiles ?? [],
      epoch: this.#standing.epoch,
    })
  }

  /** Not what a node that is still alone says: a hundred that start together would all lead an instance of COUNT. */
  #ofGossip(): Aggregates {
    const now = this.#environment.now()
    if (this.#previous !== undefined && !this.#hasSettled()) {
      return aged(this.#previous.aggregates, now - this.#previous.at)
    }
    return this.#now()
  }

  /** The size of the network, as each way of finding out has it in the running epoch. `read` makes one of them. */
  sizes(): Readonly<Partial<Record<Way, SizeEstimate>>> {
    return sizesOf(this.#standing, this.#context(1))
  }

  /** Whether `read` tells of an epoch that had the time to settle. Before the first one has, it tells what there is. */
  get settled(): boolean {
    return this.#previous !== undefined || this.#hasSettled()
  }

  status() {
    const { epoch, epochs, transfers, rounds } = this.#standing
    return {
      epoch,
      rounds,
      components: transfers.keys.length,
      counts: { ...this.#rounds.tally.toJSON(), ...transfers.tally.toJSON(), ...epochs.tally.toJSON() },
    }
  }

  /** @param lasting by how much longer than until now this is going to be told @default 1 */
  #now(lasting = 1): Aggregates {
    return readStanding(this.#standing, this.#context(lasting))
  }

  #context(lasting: number) {
    const { names, options, neighbours } = this.#init
    return {
      names,
      quantiles: options?.quantiles ?? [],
      now: this.#environment.now(),
      churn: Math.min(1, lasting * Math.max(this.#standing.turnover, this.#shareDown()) + this.#unseen()),
      ...(neighbours && { around: { self: this.#environment.self, neighbours: neighbours() } }),
    }
  }

  /** An epoch ends: its result is told until the next one has settled. */
  #keep(): void {
    if (!this.#hasSettled()) return
    // It is told until the next epoch has settled, and the network goes on changing.
    const lasting = 1 + (this.#settle * this.#period) / this.#length
    this.#changedAt = this.#environment.now() // somebody saw a change, or the epoch would go on
    this.#previous = { aggregates: this.#now(lasting), at: this.#environment.now() }
  }

  #hasSettled(): boolean {
    return this.#standing.epoch > 0 && this.#standing.rounds >= this.#settle
  }

  /**
   * Share of the nodes that may have come or gone without a trace here yet. Who saw nothing happen to k peers for a time T may say,
   * with 95 %, that less than 3/k of all nodes changed in it (the rule of three); of that, what fell into the time that news takes
   * to get here. So what is stated gets narrower as the network stays quiet.
   */
  #unseen(): number {
    const news = this.#settle * this.#period
    const quiet = Math.max(news, this.#environment.now() - this.#changedAt)
    return ((3 / Math.max(1, this.#init.partners().length)) * news) / quiet
  }

  #shareDown(): number {
    return this.#recentlyDown().length / Math.max(1, this.#init.partners().length)
  }

  /** Within the last two epochs' time: that much may be missing from what is told. */
  #recentlyDown(): readonly number[] {
    const since = this.#environment.now() - 2 * this.#length
    return this.#down.filter((at) => at > since)
  }
}

function aged(aggregates: Aggregates, ms: number): Aggregates {
  const older = <R extends { readonly ageMs: number }>(reading: R): R => ({ ...reading, ageMs: reading.ageMs + ms })
  const all = <R extends { readonly ageMs: number }>(readings: Readonly<Record<string, R>>) =>
    Object.fromEntries(Object.entries(readings).map(([name, reading]) => [name, older(reading)]))
  const { size, averages, sums, counts } = aggregates
  const readings = { averages: all(averages), sums: all(sums), counts: all(counts) }
  return { ...aggregates, ...(size && { size: older(size) }), ...readings }
}
