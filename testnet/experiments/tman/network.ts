import { TokenBucket } from '../../../core/bucket.ts'
import { descriptorSize, type PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import type { Random } from '../../../core/random.ts'
import { Rounds } from '../../../core/rounds.ts'
import type { TManMessage } from '../../../overlays/tman/codec.ts'
import type { Ranking } from '../../../overlays/tman/ranking.ts'
import { TMan, type TManOptions } from '../../../overlays/tman/tman.ts'
import type { Latency } from '../../simulator/latency.ts'
import { Simulation } from '../../simulator/simulation.ts'

export type TManRounds = Rounds<readonly PeerDescriptor[], readonly PeerDescriptor[]>

/** ms between two rounds of a node: one cycle of the papers. */
export const CYCLE = 1000

/** The node's gossip budget as in protocols/options.ts: bytes in any second. */
export const BUDGET = 256 * 1024

/** As protocols/stack.ts makes it. */
export function gossipBudget(): TokenBucket {
  return new TokenBucket(BUDGET * 0.75, BUDGET * 0.25)
}

/** c = 20 as in the tables of PAPERS section 1: view and message, this node's own descriptor included. Nobody falls quiet. */
export const PAPER: Partial<TManOptions> = { view: 20, message: 20, quietAfter: Number.POSITIVE_INFINITY }

export interface NetworkInit {
  readonly nodes: number
  readonly seed: number
  readonly ranking: Ranking
  /** @default PAPER */
  readonly options?: Partial<TManOptions>
  /** Ranked attributes of the node with this index. @default none */
  attributes?(index: number, random: Random): Readonly<Record<string, number>>
  /** @default 0 */
  readonly loss?: number
  /** @default uniform between 10 and 50 ms */
  readonly latency?: number | Latency
}

/** What is measured of a node. */
export interface Member {
  readonly self: PeerDescriptor
  readonly tman: TMan
}

/**
 * T-Man alone on the simulator, event by event through Rounds. Peer sampling is an oracle: uniformly random nodes, as the
 * papers' authors assume it. Every view starts with random peers, as many as it holds.
 */
export class TManNetwork {
  readonly simulation: Simulation<TManMessage, TManRounds>
  readonly members: readonly Member[]
  /** The most that any message carried. */
  mostDescriptors = 0
  readonly #peers: PeerDescriptor[] = []
  readonly #random: Random

  constructor(init: NetworkInit) {
    const { nodes, seed, ranking, options = PAPER, attributes, loss = 0, latency } = init
    // Every descriptor is counted as if it were as large as the largest.
    let each = 0
    const size = ({ body }: TManMessage) => {
      if (body.length > this.mostDescriptors) this.mostDescriptors = body.length
      return 16 + body.length * each
    }
    const codec = { encode: unused, decode: unused, size }
    this.simulation = new Simulation({ seed, loss, codec, ...(latency !== undefined && { latency }) })
    this.#random = this.simulation.random.fork('oracle')
    const values = this.simulation.random.fork('attributes')
    const sample = (count: number) => this.sample(count)
    const members: Member[] = []
    this.members = members
    for (let i = 0; i < nodes; i++) {
      const named = attributes === undefined ? {} : { attributes: attributes(i, values) }
      this.simulation.add({ ...named, start: false }, (environment: Environment<TManMessage>) => {
        const tman = new TMan(environment, { ranking, sample, options })
        members.push({ self: environment.self, tman })
        this.#peers.push(environment.self)
        each = Math.max(each, descriptorSize(environment.self) + 4)
        return new Rounds(environment, tman, { period: CYCLE, budget: gossipBudget(), size })
      })
    }
    for (const { tman } of members) tman.consider(this.sample(options.view ?? 20))
    for (const { protocol } of this.simulation.nodes) protocol.start()
  }

  /** Any nodes at all, each as likely as any other. */
  sample(count: number): PeerDescriptor[] {
    const peers = new Array<PeerDescriptor>(count)
    for (let i = 0; i < count; i++) peers[i] = this.#peers[this.#random.integer(this.#peers.length)] as PeerDescriptor
    return peers
  }

  cycle(): void {
    this.simulation.run(CYCLE)
  }
}

/** Messages stay objects in these experiments. */
export function unused(): never {
  throw new Error('no message is encoded')
}
