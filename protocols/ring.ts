import type { TokenBucket } from '../core/bucket.ts'
import type { PeerDescriptor } from '../core/descriptor.ts'
import type { Environment, Timer } from '../core/environment.ts'
import { Rounds } from '../core/rounds.ts'
import { type SamplingMessage, samplingCodec } from '../overlays/sampling/codec.ts'
import type { Aged } from '../overlays/sampling/held.ts'
import { Sampling } from '../overlays/sampling/sampling.ts'
import { type TManMessage, tmanCodec } from '../overlays/tman/codec.ts'
import { ringRanking, sides } from '../overlays/tman/ring.ts'
import { TMan } from '../overlays/tman/tman.ts'
import { Gone } from './membership/gone.ts'
import type { StackOptions } from './options.ts'

export interface RingInit {
  /** As failure detection says: whether a peer may be known here. */
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no'
  /** Finds out whether the peer lives. True when that counts against what T-Man may ask. */
  ask(peer: PeerDescriptor): boolean
  /** Others offer a peer that is not admitted and would be a neighbour. */
  refused(peer: PeerDescriptor): void
  /** Whether many contacts fell silent of late. */
  alarmed(): boolean
  /** The view's members changed. */
  changed(): void
  readonly budget: TokenBucket
  readonly options: Pick<StackOptions, 'samplingPeriod' | 'tmanPeriod'> &
    Partial<Pick<StackOptions, 'sampling' | 'tman'>>
}

/** What a node sends and gets for it, by channel. */
type RingMessage =
  | { readonly channel: 'sampling'; readonly message: SamplingMessage }
  | { readonly channel: 'tman'; readonly message: TManMessage }

/**
 * ms: several rounds, so that a node waits for slow partners instead of loading a busy machine with what comes too late. A random partner has
 * to be connected to first.
 */
const SAMPLING_TIMEOUT = 6000
const TMAN_TIMEOUT = 2000
/**
 * ms from a change of the view to the next exchange while many contacts are silent: whoever came nearest knows who is nearer still, and a
 * round is many round trips (measured, 90 % of 10^4 dead: the ring is closed after 10 rounds instead of 11).
 */
const HURRY = 100

/**
 * A node's place among all others: peer sampling's random peers, which T-Man sorts into the ring, and the rounds of both. Samples
 * feed T-Man; when its ring has come to rest fewer of them are needed, and sampling slows down.
 *
 * Invariant: whoever leaves the view by death, or in an alarm, is among `gone` while the ring closes over it (bounded: see Gone).
 */
export class Ring {
  readonly #environment: Environment<TManMessage>
  readonly #init: RingInit
  readonly #sampling: Sampling
  readonly #samplingRounds: Rounds<readonly Aged[], readonly Aged[]>
  readonly #tman: TMan
  readonly #tmanRounds: Rounds<readonly PeerDescriptor[], readonly PeerDescriptor[]>
  readonly #gone = new Gone()
  #hurry: Timer | undefined

  constructor(
    environments: { sampling: Environment<SamplingMessage>; tman: Environment<TManMessage> },
    init: RingInit,
  ) {
    const { options, budget } = init
    this.#environment = environments.tman
    this.#init = init
    this.#sampling = new Sampling(environments.sampling, {
      usable: (peer) => init.admits(peer) !== 'no',
      quiet: () => this.#tman.quiet && this.view.length > 0,
      ...(options.sampling && { options: options.sampling }),
    })
    this.#samplingRounds = new Rounds(environments.sampling, this.#sampling, {
      period: options.samplingPeriod,
      timeout: SAMPLING_TIMEOUT,
      budget,
      size: samplingCodec.size,
    })
    this.#tman = new TMan(environments.tman, {
      ranking: ringRanking(),
      sample: (count) => this.sample(count),
      admits: (peer) => init.admits(peer),
      ask: (peer) => init.ask(peer),
      refused: (peer) => init.refused(peer),
      changed: () => {
        init.changed()
        this.#hasten()
      },
      ...(options.tman && { options: options.tman }),
    })
    this.#tmanRounds = new Rounds(environments.tman, this.#tman, {
      period: options.tmanPeriod,
      timeout: TMAN_TIMEOUT,
      budget,
      size: tmanCodec.size,
    })
  }

  start(): void {
    this.#samplingRounds.start()
    this.#tmanRounds.start()
  }

  stop(): void {
    this.#hurry?.cancel()
    this.#hurry = undefined
    this.#samplingRounds.stop()
    this.#tmanRounds.stop()
  }

  receive(from: PeerDescriptor, { channel, message }: RingMessage): void {
    if (channel === 'sampling') this.#samplingRounds.receive(from, message)
    else this.#tmanRounds.receive(from, message)
  }

  /** No answer of this peer will come: an exchange that waits for it ends. */
  unreachable(id: string): void {
    this.#samplingRounds.unreachable(id)
    this.#tmanRounds.unreachable(id)
  }

  /** Peers learnt elsewhere; their descriptors are verified. */
  introduce(peers: readonly PeerDescriptor[]): void {
    this.#sampling.introduce(peers)
    this.#tman.consider(peers)
  }

  /** It may be admitted now: perhaps it belongs into the view. */
  consider(peer: PeerDescriptor): void {
    this.#tman.consider([peer])
  }

  /** It answered for itself. */
  met(peer: PeerDescriptor): void {
    this.#sampling.met(peer)
  }

  /** It died or left. */
  remove(peer: PeerDescriptor): void {
    if (this.view.some(({ id }) => id === peer.id)) this.#gone.add(peer, this.#environment.now())
    this.#sampling.remove(peer.id)
    this.#tman.remove(peer.id)
  }

  /** In an alarm: the ring closes without those that are not admitted any more, at once. */
  close(): void {
    for (const contact of this.view)
      if (this.#init.admits(contact) === 'no') this.#gone.add(contact, this.#environment.now())
    this.#tman.consider([])
    // The exchange that waited for one of them is over: the next one does not wait for its round.
    this.#tmanRounds.turn()
  }

  /** The contacts, the nearest neighbours first. */
  get view(): readonly PeerDescriptor[] {
    return this.#tman.view
  }

  /** Whether this node has found its place. */
  get settled(): boolean {
    return this.#tman.settled
  }

  /** The nearest first. */
  neighbours(): { successors: PeerDescriptor[]; predecessors: PeerDescriptor[] } {
    return sides(this.#environment.self, this.view)
  }

  /** Random peers. */
  sample(count: number): PeerDescriptor[] {
    return this.#sampling.sample(count)
  }

  /** Contacts that died or fell silent lately, over which the ring may not have closed yet. */
  gone(): readonly PeerDescriptor[] {
    return this.#gone.lately(this.#environment.now())
  }

  status() {
    return {
      sampling: { view: this.#sampling.view.length, counts: merged(this.#samplingRounds.tally, this.#sampling.tally) },
      tman: { view: this.view.length, counts: merged(this.#tmanRounds.tally, this.#tman.tally) },
    }
  }

  /** In an alarm the next exchange does not wait for its round: one every HURRY ms at most, and none while one is open. */
  #hasten(): void {
    if (this.#hurry !== undefined || !this.#init.alarmed()) return
    this.#hurry = this.#environment.after(HURRY, () => {
      this.#hurry = undefined
      this.#tmanRounds.turn()
    })
  }
}

function merged(...tallies: { toJSON(): Record<string, number> }[]): Record<string, number> {
  return Object.assign({}, ...tallies.map((tally) => tally.toJSON()))
}
