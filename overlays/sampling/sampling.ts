import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import { Tally } from '../../core/tally.ts'
import { AgedView } from './aged-view.ts'
import { addressGroup } from './groups.ts'
import type { Aged, Heard, Known } from './held.ts'
import { RankedView } from './ranked-view.ts'

export interface SamplingOptions {
  /** c, entries of the gossip view: seats of the ranked one. @default 30 (paper) */
  readonly view: number
  /** Without slots: H, how many of the oldest a merge drops. @default 8 (chosen: between Newscast's c/2 and Cyclon's 0) */
  readonly heal: number
  /** Without slots: S, how many of those just sent a merge drops. @default 7 (chosen: H + S = c/2) */
  readonly swap: number
  /** Without slots: whether the partner is the oldest entry (Cyclon) instead of any. @default false */
  readonly oldest: boolean
  /**
   * Min-hash slots beside the view, which samples are drawn from; 0 for the view of the paper, ruled by age.
   * @default 64 (LIMITS; measured against 20 % attackers pushing 10x)
   */
  readonly slots: number
  /** ms within which one peer may push once. @default 800 */
  readonly pushInterval: number
  /** A quiet node gossips in one of this many rounds. @default 8 (chosen: a random partner costs a connection) */
  readonly keepAlive: number
  /**
   * Whether second-hand descriptors are passed on, and are believed when a peer pushes them: the plain protocol of the paper,
   * which a few liars fill with peers that do not exist. @default false; experiments set it
   */
  readonly hearsay: boolean
  /** Loopback addresses are groups of their own. @default false; testnets set it */
  readonly loopbackApart: boolean
}

export const SAMPLING_DEFAULTS: SamplingOptions = {
  view: 30,
  heal: 8,
  swap: 7,
  oldest: false,
  slots: 64,
  pushInterval: 800,
  keepAlive: 8,
  hearsay: false,
  loopbackApart: false,
}

export interface SamplingInit {
  /** False for peers known to be gone. @default always true */
  usable?(peer: PeerDescriptor): boolean
  /** Whether the structures built on the samples have come to rest. @default never */
  quiet?(): boolean
  readonly options?: Partial<SamplingOptions>
}

/** LIMITS: at most 30 descriptors an exchange. */
export const MAX_SAMPLE = 30
/** Entries of a brief answer (chosen, as T-Man's). */
const BRIEF = 5
/** Entries of the table that holds when each peer last pushed: twice the connections that a node has (LIMITS). */
const MAX_PUSHERS = 256
/**
 * Peer sampling: the exchange of Jelasity et al. (ACM TOCS 2007; PAPERS section 2), and two rules of whom to know. With
 * `slots` (the default) nobody is known for being young or often told of (`RankedView`); without them, and with `hearsay`, the
 * paper's protocol runs unchanged, with c, H and S (`AgedView`).
 *
 * Departures, against liars: a push tells of the pusher alone, a list is believed only from a partner that this node chose
 * (Brahms); and a peer is passed on only after it spoke to this node (LIMITS: contacted before it is passed on). Peers that
 * do not exist, pushed and told of by 2 % of the nodes, fill 67 % of the paper's views, and 4 % of ours.
 *
 * Invariants: (1) the view never holds this node itself, nor an id twice; (2) one push a peer and interval counts;
 * (3) no message tells or takes more than MAX_SAMPLE descriptors.
 */
export class Sampling implements Exchange<readonly Aged[], readonly Aged[]> {
  /** push-rate, stale: descriptors and pushes that were refused. */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #options: SamplingOptions
  readonly #usable: (peer: PeerDescriptor) => boolean
  readonly #known: Known
  /** Peer -> time of its last push; at most MAX_PUSHERS, oldest out first. */
  readonly #pushed = new Map<string, number>()
  readonly #quiet: () => boolean
  #told: readonly Aged[] = []
  #round = 0

  constructor(environment: Surroundings, init: SamplingInit = {}) {
    this.#environment = environment
    const options = { ...SAMPLING_DEFAULTS, ...init.options }
    this.#options = options
    const usable = init.usable ?? (() => true)
    this.#usable = (peer) => usable(peer) && isFresh(peer, environment.now())
    this.#quiet = init.quiet ?? (() => false)
    const groupOf = (peer: PeerDescriptor) => addressGroup(peer, options.loopbackApart)
    const { random } = environment
    this.#known = options.slots === 0 ? new AgedView(random, options) : new RankedView(random, { ...options, groupOf })
  }

  get view(): readonly Aged[] {
    return this.#known.view
  }

  /** Peers learnt otherwise: bootstrap, address book, DHT, a link's hello. */
  introduce(peers: readonly PeerDescriptor[]): void {
    this.#hear(
      peers.map((peer) => ({ peer, age: 0, firstHand: false })),
      [],
    )
  }

  /** A peer answered this node, which had asked it by some other protocol. */
  met(peer: PeerDescriptor): void {
    this.#hear([{ peer, age: 0, firstHand: true }], [])
  }

  remove(id: string): void {
    this.#known.remove(id)
  }

  /** `count` different peers at random. */
  sample(count: number): PeerDescriptor[] {
    return this.#known.sample(count, this.#usable)
  }

  partner(): PeerDescriptor | undefined {
    this.#round++
    if (this.#quiet() && this.#round % this.#options.keepAlive !== 0) return undefined
    this.#known.turn()
    return this.#known.partner(this.#usable)
  }

  offer(partner: PeerDescriptor): readonly Aged[] {
    this.#told = this.#options.hearsay ? this.#tell(partner) : []
    return this.#buffer(this.#told)
  }

  answer(from: PeerDescriptor, offer: readonly Aged[]): readonly Aged[] | undefined {
    if (!this.#mayPush(from.id)) {
      this.tally.add('push-rate')
      return undefined
    }
    const told = this.#tell(from)
    if (this.#options.hearsay) this.#hear(heard(from, offer), told)
    else if (this.#usable(from)) this.#known.pushed(from)
    return this.#buffer(told)
  }

  /** This node and a few of those that were chosen. */
  brief(answer: readonly Aged[]): readonly Aged[] {
    return answer.slice(0, BRIEF)
  }

  absorb(from: PeerDescriptor, answer: readonly Aged[]): void {
    this.#hear(heard(from, answer), this.#told)
  }

  /** A live peer that merely lost a message comes back when it speaks again. */
  missed(partner: PeerDescriptor, _reason: MissedReason): void {
    this.#known.missed(partner.id)
  }

  /** Self with age 0, then what was chosen. */
  #buffer(told: readonly Aged[]): readonly Aged[] {
    const { self } = this.#environment
    return [{ id: self.id, peer: self, age: 0 }, ...told]
  }

  #tell(partner: PeerDescriptor): readonly Aged[] {
    const { slots, view } = this.#options
    return this.#known.tell(partner, (slots === 0 ? Math.min(MAX_SAMPLE, Math.floor(view / 2)) : MAX_SAMPLE) - 1)
  }

  #hear(words: readonly Heard[], told: readonly Aged[]): void {
    const { id } = this.#environment.self
    const now = this.#environment.now()
    const acceptable = words.filter(({ peer }) => {
      const fresh = isFresh(peer, now)
      if (!fresh) this.tally.add('stale')
      return fresh && peer.id !== id && this.#usable(peer)
    })
    this.#known.hear(acceptable, told)
  }

  #mayPush(id: string): boolean {
    const now = this.#environment.now()
    const last = this.#pushed.get(id)
    if (last !== undefined && now - last < this.#options.pushInterval) return false
    this.#pushed.delete(id)
    this.#pushed.set(id, now)
    if (this.#pushed.size > MAX_PUSHERS) this.#pushed.delete(this.#pushed.keys().next().value as string)
    return true
  }
}

/** A partner's word, its own entry first. */
function heard(from: PeerDescriptor, told: readonly Aged[]): Heard[] {
  const others = told.slice(0, MAX_SAMPLE).map(({ peer, age }) => ({ peer, age, firstHand: false }))
  return [{ peer: from, age: 0, firstHand: true }, ...others]
}
