import type { Protocol } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import type { RoundMessage } from '../../../core/rounds.ts'
import { type Flow, FlowUpdating } from '../../../protocols/aggregation/flow-updating.ts'
import { PushPull } from '../../../protocols/aggregation/push-pull.ts'
import { PUSH_SUM_BYTES, PushSum, type PushSumMessage } from '../../../protocols/aggregation/push-sum.ts'
import { type TransferAnswer, type TransferOffer, Transfers } from '../../../protocols/aggregation/transfers.ts'
import { randomGraph } from '../../observers/graph.ts'
import type { Row } from '../experiment.ts'
import { bucket, Crowd, CYCLE, Gossiper } from './crowd.ts'

/** A crowd that averages one value a node, by whatever protocol. */
export interface Averaging {
  readonly live: readonly { readonly index: number }[]
  /** Of the live nodes, in the order of `live`. */
  estimates(): number[]
  cycle(): void
  kill(count: number): void
  add(): void
  loadRows(of: string): Row[]
  /** The own value of the node born in this place changes by that much: where the protocol can take it in. */
  change?(index: number, difference: number): void
}

export interface Setting {
  readonly nodes: number
  readonly seed: number
  /** @default 0 */
  readonly loss?: number
  /** Own value of the node born in this place. */
  value(index: number): number
}

/** A double, the round, the kind, framing. */
const SCALAR = 20
/** The component the nodes average. */
const KEY = 1

export function pushPull({ value, ...setting }: Setting): Averaging {
  type Message = RoundMessage<number, number>
  const size = () => SCALAR
  const crowd = new Crowd<Message, Gossiper<number, number, PushPull>>({
    ...setting,
    size,
    make: (environment, index, partner) => new Gossiper(environment, new PushPull(value(index), partner), size),
  })
  return averaging(crowd, ({ exchange }) => exchange.value)
}

export function pushSum({ value, ...setting }: Setting): Averaging {
  const crowd = new Crowd<PushSumMessage, PushSum>({
    ...setting,
    size: () => PUSH_SUM_BYTES,
    make: (environment, index, partner) =>
      new PushSum(environment, { value: value(index), partner, period: CYCLE, budget: bucket(16 * 1024) }),
  })
  return averaging(crowd, (node) => node.value)
}

/** Over a fixed random graph with 20 links a node on average: flows belong to links that stay. */
export function flowUpdating({ value, ...setting }: Setting): Averaging {
  type Message = RoundMessage<Flow, Flow>
  const graph = randomGraph(setting.nodes, 10, new Random(setting.seed).fork('graph'))
  const links: number[][] = Array.from({ length: setting.nodes }, (_, i) => [...graph.out(i)])
  for (let i = 0; i < setting.nodes; i++) for (const to of graph.out(i)) links[to]?.push(i)
  const size = () => SCALAR + 8
  const crowd: Crowd<Message, Gossiper<Flow, Flow, FlowUpdating>> = new Crowd({
    ...setting,
    size,
    make: (environment, index) => {
      const partner = () => crowd.simulation.nodes[environment.random.pick(links[index] ?? []) ?? index]?.self
      return new Gossiper<Flow, Flow, FlowUpdating>(environment, new FlowUpdating(value(index), partner), size)
    },
  })
  return {
    ...averaging(crowd, ({ exchange }) => exchange.estimate),
    change(index, difference) {
      const { exchange } = (crowd.simulation.nodes[index] as (typeof crowd.simulation.nodes)[number]).protocol
      exchange.value += difference
    },
  }
}

export function transfers({ value, ...setting }: Setting): Averaging {
  type Message = RoundMessage<TransferOffer, TransferAnswer>
  const size = ({ kind }: Message) => (kind === 'offer' ? SCALAR + 10 : SCALAR + 6)
  const crowd = new Crowd<Message, Gossiper<TransferOffer, TransferAnswer, Transfers>>({
    ...setting,
    size,
    make: (environment, index, partner) => {
      const exchange = new Transfers(environment, { partner })
      exchange.add(KEY, value(index))
      return new Gossiper(environment, exchange, size)
    },
  })
  return {
    ...averaging(crowd, ({ exchange }) => exchange.value(KEY)),
    change(index, difference) {
      crowd.simulation.nodes[index]?.protocol.exchange.add(KEY, difference)
    },
  }
}

function averaging<M, P extends Protocol<M>>(crowd: Crowd<M, P>, estimate: (protocol: P) => number): Averaging {
  return {
    live: crowd.live,
    estimates: () => crowd.live.map(({ protocol }) => estimate(protocol)),
    cycle: () => crowd.cycle(),
    kill: (count) => crowd.kill(count),
    add: () => crowd.add(),
    loadRows: (of) => crowd.loadRows(of),
  }
}
