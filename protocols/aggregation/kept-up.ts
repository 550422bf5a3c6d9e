import type { Attributes } from '../../core/attributes.ts'
import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import type { Sign } from '../../core/signed.ts'
import { Tally } from '../../core/tally.ts'
import { Aggregation, type AggregationOptions } from './aggregation.ts'
import type { AggregationMessage } from './codec.ts'
import { DefendedAggregation, type DefendedOptions } from './defended.ts'
import type { Aggregates } from './reading.ts'
import type { SamplesMessage } from './samples-codec.ts'
import type { Neighbours } from './size/ring.ts'

/**
 * How attributes are kept up, the same on all nodes. `honest-only`: exact, and a single liar moves them as far as `ranges` lets it, by offers or by answers: a range's width past either end.
 * `defended`: trimmed means of signed samples, for networks that strangers can join.
 */
export type GossipMode = 'honest-only' | 'defended'

export interface KeptUpInit {
  readonly mode: GossipMode
  /** Attributes that are averaged, at most 16. */
  readonly names: readonly string[]
  /** Attributes with lists of the largest and smallest, and of the different texts: from signed samples in either mode. */
  readonly tops: readonly string[]
  readonly unions: readonly string[]
  /** Live peers that cost no new connection. */
  partners(): readonly PeerDescriptor[]
  /** Whether this node is the whole network, as far as it can tell. */
  alone(): boolean
  /** On the ring, nearest first. */
  neighbours(): Neighbours
  attributes(): Attributes
  readonly sign: Sign | undefined
  readonly budget: TokenBucket
  readonly aggregation: Partial<AggregationOptions>
  readonly defended: Partial<DefendedOptions>
}

/** What a node sends and gets for it, by channel. */
type KeptUpMessage =
  | { readonly channel: 'aggregation'; readonly message: AggregationMessage }
  | { readonly channel: 'samples'; readonly message: SamplesMessage }

/** What gossip keeps up on a node: queries WITH GOSSIP and `network_size` are answered from it, at any moment and at no cost. */
export class KeptUp {
  readonly #mode: GossipMode
  readonly #names: readonly string[]
  /** One of the two at least. */
  readonly #honest: Aggregation | undefined
  readonly #defended: DefendedAggregation | undefined
  /** other-mode: of a node that is set otherwise than this one. */
  readonly #tally = new Tally()

  /** @throws RangeError, a sentence, when more is wanted than the limits allow */
  constructor(
    environments: { aggregation(): Environment<AggregationMessage>; samples(): Environment<SamplesMessage> },
    { mode, names, tops, unions, ...init }: KeptUpInit,
  ) {
    const { partners, alone, neighbours, attributes, sign, budget } = init
    this.#mode = mode
    this.#names = names
    if (mode === 'honest-only') {
      const found = { names, partners, alone, neighbours, attributes, budget, options: init.aggregation }
      this.#honest = new Aggregation(environments.aggregation(), found)
    }
    if (mode === 'defended' || tops.length + unions.length > 0) {
      const averaged = mode === 'defended' ? names : []
      const signed = {
        names: averaged,
        tops,
        unions,
        partners,
        alone,
        neighbours,
        attributes,
        sign,
        budget,
        options: init.defended,
      }
      this.#defended = new DefendedAggregation(environments.samples(), signed)
    }
  }

  start(): void {
    this.#honest?.start()
    this.#defended?.start()
  }

  stop(): void {
    this.#honest?.stop()
    this.#defended?.stop()
  }

  receive(from: PeerDescriptor, { channel, message }: KeptUpMessage): void {
    if (channel === 'aggregation' && this.#honest !== undefined) this.#honest.receive(from, message)
    else if (channel === 'samples' && this.#defended !== undefined) this.#defended.receive(from, message)
    else this.#tally.add('other-mode')
  }

  unreachable(id: string): void {
    this.#honest?.unreachable(id)
    this.#defended?.unreachable(id)
  }

  peerDown(id: string): void {
    this.#honest?.peerDown(id)
    this.#defended?.peerDown(id)
  }

  /** Averages, sums, counts, extremes and the network's size. */
  figures(): Aggregates {
    return (this.#honest ?? (this.#defended as DefendedAggregation)).read()
  }

  /** All that a query WITH GOSSIP can be answered from. */
  known() {
    const liars = this.#mode === 'defended' ? (this.#defended?.liars ?? 0) : 0
    return { figures: this.figures(), names: this.#names, lists: this.#defended?.lists(), liars }
  }

  status() {
    const { counts, ...honest } = this.#honest?.status() ?? { counts: {} }
    return {
      mode: this.#mode,
      ...honest,
      counts: { ...counts, ...this.#tally.toJSON() },
      defended: this.#defended?.status(),
    }
  }
}
