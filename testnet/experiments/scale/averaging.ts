import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Random } from '../../../core/random.ts'
import { type RoundMessage, Rounds } from '../../../core/rounds.ts'
import { PushPull } from '../../../protocols/aggregation/push-pull.ts'
import { Simulation } from '../../simulator/simulation.ts'

type Message = RoundMessage<number, number>

/** ms between two rounds of a node. */
export const PERIOD = 1000
/** Bytes in any second, as in protocols/options.ts. */
const BUDGET = 256 * 1024

const bucket = () => new TokenBucket(BUDGET * 0.75, BUDGET * 0.25)
const unlimited = new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
/** Round number and a double, tags included. */
const size = () => 16

/** Partners that the oracle draws at a time. */
const TOGETHER = 64

/**
 * Any node with the same probability. Drawn by the dozen and looked at in one loop, so that their memory is fetched together: a
 * peer sampling service would have them in its view, in the node's own memory.
 */
class Oracle {
  readonly #peers: readonly PeerDescriptor[]
  readonly #random: Random
  readonly #indices = new Int32Array(TOGETHER)
  #drawn: (PeerDescriptor | undefined)[] = []
  #left = 0
  /** Keeps the reads from being optimised away. */
  seen = 0

  constructor(peers: readonly PeerDescriptor[], random: Random) {
    this.#peers = peers
    this.#random = random
  }

  next(): PeerDescriptor | undefined {
    if (this.#left === 0) this.#draw()
    return this.#drawn[TOGETHER - this.#left--]
  }

  #draw(): void {
    const indices = this.#indices
    const drawn = new Array<PeerDescriptor | undefined>(TOGETHER)
    for (let i = 0; i < TOGETHER; i++) indices[i] = this.#random.integer(this.#peers.length)
    for (let i = 0; i < TOGETHER; i++) drawn[i] = this.#peers[indices[i] as number]
    for (let i = 0; i < TOGETHER; i++) if (drawn[i]?.sequence === 1) this.seen++
    this.#drawn = drawn
    this.#left = TOGETHER
  }
}

/**
 * Push-pull averaging over random contacts: nothing a protocol does costs less, so this measures the simulator and Rounds. Peer
 * sampling is an oracle, as the papers' authors assume it. The node with index i holds i + 1/2.
 *
 * @param budgets whether each node has a gossip budget of its own; otherwise all share one without a limit
 */
export class AveragingNetwork {
  readonly simulation: Simulation<Message, Rounds<number, number>>

  constructor(seed: number, nodes: number, budgets: boolean) {
    this.simulation = new Simulation({ seed })
    const peers: PeerDescriptor[] = []
    const oracle = new Oracle(peers, this.simulation.random.fork('oracle'))
    const partner = () => oracle.next()
    this.simulation.populate(nodes, (environment) => {
      const exchange = new PushPull(peers.length + 0.5, partner)
      peers.push(environment.self)
      return new Rounds(environment, exchange, { period: PERIOD, size, budget: budgets ? bucket() : unlimited })
    })
  }
}
