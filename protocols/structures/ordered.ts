import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Timer } from '../../core/environment.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type RoundMessage, Rounds } from '../../core/rounds.ts'
import type { Ranking } from '../../overlays/tman/ranking.ts'
import { TMan, type TManOptions } from '../../overlays/tman/tman.ts'
import type { Structure, StructureMember, StructureSurroundings } from './structure.ts'

/**
 * c and m of the paper: a structure beside the ring keeps a smaller view, because no query cuts its interval over it. The partner
 * is one of the first 8 (the paper: 10): with fewer, nodes of a tree can talk in a circle.
 */
const VIEW: Partial<TManOptions> = { view: 20, message: 20, psi: 8 }
/** ms: several rounds, as for the ring. */
const TIMEOUT = 2000
/** ms between two long links that are asked whether they live. Nobody watches them: each question may cost a connection. */
const ASKING = 10_000

export interface OrderedInit<Body> {
  readonly ranking: Ranking
  /** What the descriptor must say; nothing while this node cannot take part. */
  ranked(): Readonly<Record<string, number>>
  /** What is gossiped: T-Man itself, or an exchange that carries it. */
  exchange(tman: TMan): Exchange<Body, Body>
  /** Upper bound of a message on the wire. */
  size(message: RoundMessage<Body, Body>): number
  /** Sizes and counters of its own. */
  status?(): Readonly<Record<string, unknown>>
}

/** A structure that T-Man arranges. */
export class Ordered<Body> implements Structure<RoundMessage<Body, Body>> {
  readonly #surroundings: StructureSurroundings<RoundMessage<Body, Body>>
  readonly #init: OrderedInit<Body>
  readonly #tman: TMan
  readonly #rounds: Rounds<Body, Body>
  #timer: Timer | undefined

  constructor(surroundings: StructureSurroundings<RoundMessage<Body, Body>>, init: OrderedInit<Body>) {
    const { environment, budget, period } = surroundings
    this.#surroundings = surroundings
    this.#init = init
    this.#tman = new TMan(environment, {
      ranking: init.ranking,
      sample: (count) => surroundings.sample(count),
      admits: (peer) => surroundings.admits(peer),
      ask: (peer) => surroundings.ask(peer),
      refused: (peer) => surroundings.refused(peer),
      changed: () => surroundings.changed(),
      options: VIEW,
    })
    const exchange = init.exchange(this.#tman)
    this.#rounds = new Rounds(environment, exchange, {
      period,
      timeout: TIMEOUT,
      budget,
      size: (one) => init.size(one),
    })
  }

  start(): void {
    this.#rounds.start()
    this.#timer ??= this.#surroundings.environment.every(ASKING, () => this.#askOne())
  }

  stop(): void {
    this.#rounds.stop()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  receive(from: PeerDescriptor, message: RoundMessage<Body, Body>): void {
    this.#rounds.receive(from, message)
  }

  unreachable(id: string): void {
    this.#rounds.unreachable(id)
  }

  introduce(peers: readonly PeerDescriptor[]): void {
    this.#tman.consider(peers)
  }

  remove(id: string): void {
    this.#tman.remove(id)
  }

  members(): readonly StructureMember[] {
    const { neighbours } = this.#init.ranking
    return this.#tman.view.map((peer, i) => {
      return i < neighbours ? { peer, role: 'neighbour', kept: true } : { peer, role: 'long link', kept: false }
    })
  }

  /** A long link not heard of lately: failure detection watches the neighbours alone. */
  #askOne(): void {
    const surroundings = this.#surroundings
    const links = this.#tman.view.slice(this.#init.ranking.neighbours)
    const silent = links.filter((peer) => surroundings.admits(peer) === 'ask')
    const one = surroundings.environment.random.pick(silent)
    if (one !== undefined) surroundings.ask(one)
  }

  ranked(): Readonly<Record<string, number>> {
    return this.#init.ranked()
  }

  status(): Readonly<Record<string, unknown>> {
    const { view, quiet } = this.#tman
    const neighbours = Math.min(view.length, this.#init.ranking.neighbours)
    return {
      neighbours,
      longLinks: view.length - neighbours,
      quiet,
      ...this.#init.status?.(),
      counts: { ...this.#rounds.tally.toJSON(), ...this.#tman.tally.toJSON() },
    }
  }
}
