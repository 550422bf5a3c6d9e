import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Rounds } from '../../core/rounds.ts'
import { type TManMessage, tmanCodec } from '../../overlays/tman/codec.ts'
import type { Ranking } from '../../overlays/tman/ranking.ts'
import { TMan, type TManOptions } from '../../overlays/tman/tman.ts'
import type { Structure, StructureMember, StructureSurroundings } from './structure.ts'

/** c and m of the paper: a structure beside the ring keeps a smaller view, because no query cuts its interval over it. */
const VIEW: Partial<TManOptions> = { view: 20, message: 20 }
/** ms: several rounds, as for the ring. */
const TIMEOUT = 2000

/** A structure that T-Man arranges. */
export class Ordered implements Structure<TManMessage> {
  readonly #ranking: Ranking
  readonly #ranked: () => Readonly<Record<string, number>>
  readonly #tman: TMan
  readonly #rounds: Rounds<readonly PeerDescriptor[], readonly PeerDescriptor[]>

  /** @param ranked what the descriptor must say; nothing when this node cannot take part */
  constructor(
    surroundings: StructureSurroundings<TManMessage>,
    ranking: Ranking,
    ranked: () => Readonly<Record<string, number>>,
  ) {
    const { environment, budget, period } = surroundings
    this.#ranking = ranking
    this.#ranked = ranked
    this.#tman = new TMan(environment, {
      ranking,
      sample: (count) => surroundings.sample(count),
      admits: (peer) => surroundings.admits(peer),
      ask: (peer) => surroundings.ask(peer),
      changed: () => surroundings.changed(),
      options: { ...VIEW, ...surroundings.tman },
    })
    this.#rounds = new Rounds(environment, this.#tman, { period, timeout: TIMEOUT, budget, size: tmanCodec.size })
  }

  start(): void {
    this.#rounds.start()
  }

  stop(): void {
    this.#rounds.stop()
  }

  receive(from: PeerDescriptor, message: TManMessage): void {
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
    const { neighbours } = this.#ranking
    return this.#tman.view.map((peer, i) => {
      return i < neighbours ? { peer, role: 'neighbour', kept: true } : { peer, role: 'long link', kept: false }
    })
  }

  ranked(): Readonly<Record<string, number>> {
    return this.#ranked()
  }

  status() {
    const { view, quiet } = this.#tman
    const neighbours = Math.min(view.length, this.#ranking.neighbours)
    return {
      neighbours,
      longLinks: view.length - neighbours,
      settled: quiet,
      counts: { ...this.#rounds.tally.toJSON(), ...this.#tman.tally.toJSON() },
    }
  }
}
