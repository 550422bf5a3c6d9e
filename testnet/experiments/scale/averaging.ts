import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { type RoundMessage, Rounds } from '../../../core/rounds.ts'
import { PushPull } from '../../../protocols/aggregation/push-pull.ts'
import { Simulation } from '../../simulator/simulation.ts'

type Message = RoundMessage<number, number>

/** ms between two rounds of a node. */
export const PERIOD = 1000
/** Bytes in any second, as in protocols/stack.ts. */
const BUDGET = 256 * 1024

const bucket = () => new TokenBucket(BUDGET * 0.75, BUDGET * 0.25)
const unlimited = new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
/** Round number and a double, tags included. */
const size = () => 16

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
    const oracle = this.simulation.random.fork('oracle')
    const peers: PeerDescriptor[] = []
    const partner = () => oracle.pick(peers)
    this.simulation.populate(nodes, (environment) => {
      const exchange = new PushPull(peers.length + 0.5, partner)
      peers.push(environment.self)
      return new Rounds(environment, exchange, { period: PERIOD, size, budget: budgets ? bucket() : unlimited })
    })
  }
}
