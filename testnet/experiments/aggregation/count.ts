import { clockwise, SPACE } from '../../../core/position.ts'
import type { RoundMessage } from '../../../core/rounds.ts'
import { PushPullVector } from '../../../protocols/aggregation/push-pull.ts'
import { trimmedCount } from '../../../protocols/aggregation/size/count.ts'
import { type TransferAnswer, type TransferOffer, Transfers } from '../../../protocols/aggregation/transfers.ts'
import { drawn } from '../chart.ts'
import type { Result, Row, Trial } from '../experiment.ts'
import { Crowd, Gossiper, moments } from './crowd.ts'

/** COUNT at the paper's setting: every epoch starts anew, each of the instances with a leader of its own that has 1 where the others have 0. */
export interface CountSetting {
  readonly trial: Trial
  /** What PAPERS section 3 gives for N = 10^4, by the number of instances: the lowest and highest estimate of ten epochs. */
  readonly papers: Readonly<Record<number, readonly [number, number]>>
  readonly disturbance: string
  /** @default 0 */
  readonly loss?: number
  /** How much wider than the paper's push-pull the range of transfers may be: they are immune to loss, not to the death of who has much. */
  readonly slack: number
  /** Share of the nodes that die silently every cycle, replaced by others who wait for the next epoch. @default 0 */
  readonly churn?: number
}

const INSTANCES = [1, 5, 20, 49] as const
const MOST = 49
const EPOCHS = 10
const CYCLES = 30
const BUDGET = 64 * 1024

/** What a deviation of the estimate may be at most where each node starts with its arc of the ring, as a share of N. */
const ARCS_WITHIN = 0.02

type Contender = 'push-pull' | 'transfers'

/**
 * Ten epochs of 30 cycles, by push-pull as in the paper and by transfers. The estimates with 1, 5 and 20 instances come from the first of
 * the 49; each estimate is the mean over all nodes that took part to the end.
 */
export function counts(setting: CountSetting): Result {
  const { trial, papers, disturbance } = setting
  const nodes = trial.quick ? 1000 : 10_000
  const rows: Row[] = []
  const table: (string | number)[][] = []
  const ranges: Record<Contender, [number, number][]> = { 'push-pull': [], transfers: [] }
  for (const contender of ['push-pull', 'transfers'] as const) {
    const estimates: Record<number, number[]> = {}
    let load: Row[] = []
    const byArcs: number[] = []
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const share = (contender === 'push-pull' ? 0 : 0.5) + epoch / EPOCHS / 2
      trial.progress(share, `${contender}, epoch ${epoch + 1} of ${EPOCHS}`)
      const run = contender === 'push-pull' ? byPushPull : byTransfers
      const { averages, loadRows } = run(setting, nodes, trial.seed * 1000 + epoch)
      if (contender === 'transfers') byArcs.push(moments(averages.map((values) => 1 / (values[MOST] as number))).mean)
      for (const instances of INSTANCES) {
        const each = averages.map((values) => trimmedCount(values.slice(0, instances)))
        const estimate = moments(each).mean
        estimates[instances] = [...(estimates[instances] ?? []), estimate]
        table.push([contender, instances, epoch, estimate])
      }
      if (epoch === EPOCHS - 1) load = loadRows(`COUNT by ${contender}, ${MOST} instances, ${disturbance}`)
    }
    for (const instances of INSTANCES) {
      const all = estimates[instances] as number[]
      const range: [number, number] = [Math.min(...all), Math.max(...all)]
      ranges[contender].push(range)
      rows.push(rowOf(contender, instances, range, papers[instances] as readonly [number, number], nodes, setting))
    }
    if (contender === 'transfers') {
      for (const [epoch, estimate] of byArcs.entries()) table.push(['transfers of arcs', 1, epoch, estimate])
      rows.push(arcRow([Math.min(...byArcs), Math.max(...byArcs)], nodes, disturbance))
    }
    rows.push(...load)
  }
  const ends = (contender: Contender): [number, number][] =>
    INSTANCES.flatMap((instances, i) =>
      (ranges[contender][i] ?? []).map((end): [number, number] => [instances, end / nodes]),
    )
  const svg = drawn({
    title: `COUNT, ${disturbance}, N = ${nodes}: lowest and highest of ${EPOCHS} epochs`,
    x: { label: 'instances' },
    y: { label: 'estimate / N' },
    series: [
      {
        name: 'truth',
        style: 'reference',
        points: [
          [1, 1],
          [MOST, 1],
        ],
      },
      {
        name: 'paper',
        style: 'dots',
        points: INSTANCES.flatMap((t) => (papers[t] ?? []).map((end): [number, number] => [t, end / 10_000])),
      },
      { name: 'push-pull here', style: 'dots', points: ends('push-pull') },
      { name: 'transfers', style: 'dots', points: ends('transfers') },
    ],
  })
  return {
    rows,
    tables: [{ name: 'estimates', columns: ['protocol', 'instances', 'epoch', 'estimate'], rows: table }],
    figures: [{ name: 'range', svg }],
  }
}

/**
 * Ten epochs are a small sample of a distribution with heavy tails, so push-pull is the paper's when its range is not wider than
 * twice theirs and does contain the truth, give or take a tenth.
 */
function rowOf(
  contender: Contender,
  instances: number,
  [low, high]: readonly [number, number],
  paper: readonly [number, number],
  nodes: number,
  setting: CountSetting,
): Row {
  const width = (high - low) / nodes
  const theirs = (paper[1] - paper[0]) / 10_000
  const slack = contender === 'push-pull' ? 2 : setting.slack
  const { disturbance } = setting
  const near = low / nodes < 1.1 && high / nodes > 0.9
  const scaled = paper.map((end) => Math.round((end * nodes) / 10_000)).join('-')
  return {
    case: `COUNT by ${contender}, t = ${instances}, ${disturbance}, N = ${nodes}`,
    metric: `range of the estimate over ${EPOCHS} epochs`,
    reference:
      contender === 'push-pull'
        ? `paper ${scaled}, width within 2 times`
        : `paper's push-pull ${scaled}, ${slack === 1 ? 'no wider' : `width within ${slack} times`}`,
    measured: `${Math.round(low)}-${Math.round(high)}`,
    ok: near && width <= slack * theirs,
  }
}

/** Instead of one node with 1, everybody with its arc of the ring: nobody's death takes much along. */
function arcRow([low, high]: readonly [number, number], nodes: number, disturbance: string): Row {
  return {
    case: `size by transfers of arcs of the ring, one component, ${disturbance}, N = ${nodes}`,
    metric: `range of the estimate over ${EPOCHS} epochs`,
    reference: `N within ${ARCS_WITHIN * 100} %`,
    measured: `${low.toFixed(1)}-${high.toFixed(1)}`,
    ok: low >= nodes * (1 - ARCS_WITHIN) && high <= nodes * (1 + ARCS_WITHIN),
  }
}

interface Epoch {
  /** Of each node that took part to the end: its estimate of the average of every instance. */
  readonly averages: readonly (readonly number[])[]
  loadRows(of: string): Row[]
}

/** Leaders are the first nodes: partners are random, so it does not matter which. */
function startOf(index: number): readonly number[] {
  return Array.from({ length: MOST }, (_, instance) => (instance === index ? 1 : 0))
}

function byPushPull({ loss = 0, churn = 0 }: CountSetting, nodes: number, seed: number): Epoch {
  type Body = readonly number[]
  const size = ({ body }: RoundMessage<Body, Body>) => 16 + body.length * 8
  const crowd: Crowd<RoundMessage<Body, Body>, Gossiper<Body, Body, PushPullVector>> = new Crowd({
    nodes,
    seed,
    loss,
    size,
    budget: BUDGET,
    make: (environment, index, partner) => {
      // Nobody exchanges anything with one who waits: its vector has no components.
      const waiting = index >= nodes
      const exchange = new PushPullVector(waiting ? [] : startOf(index), waiting ? () => undefined : partner)
      return new Gossiper(environment, exchange, size, BUDGET)
    },
  })
  live(crowd, churn * nodes)
  const averages = crowd.live.filter(({ index }) => index < nodes).map(({ protocol }) => protocol.exchange.values)
  return { averages, loadRows: (of) => crowd.loadRows(of) }
}

function byTransfers({ loss = 0, churn = 0 }: CountSetting, nodes: number, seed: number): Epoch {
  type Message = RoundMessage<TransferOffer, TransferAnswer>
  const size = ({ body }: Message) => ('keys' in body ? 24 + body.keys.length * 12 : 20 + body.deltas.length * 8)
  const crowd: Crowd<Message, Gossiper<TransferOffer, TransferAnswer, Transfers>> = new Crowd({
    nodes,
    seed,
    loss,
    size,
    budget: BUDGET,
    make: (environment, index, partner) => {
      const waiting = index >= nodes
      const exchange = waiting ? new Waiting(environment) : new Transfers(environment, { partner })
      if (!waiting) for (const [instance, value] of startOf(index).entries()) exchange.add(instance, value)
      return new Gossiper(environment, exchange, size, BUDGET)
    },
  })
  const ring = [...crowd.live].sort((a, b) => a.self.position - b.self.position)
  for (const [at, { self, protocol }] of ring.entries()) {
    const next = ring[(at + 1) % ring.length]?.self ?? self
    protocol.exchange.add(MOST, clockwise(self.position, next.position) / SPACE)
  }
  live(crowd, churn * nodes)
  const averages = crowd.live.filter(({ index }) => index < nodes).map(({ protocol }) => protocol.exchange.values)
  return { averages, loadRows: (of) => crowd.loadRows(of) }
}

/** Declines, as `Standing` does for one who waits for the next epoch: an answer without deltas closes the other's transfer. */
class Waiting extends Transfers {
  constructor(environment: ConstructorParameters<typeof Transfers>[0]) {
    super(environment, { partner: () => undefined })
  }

  override answer(_from: unknown, { id }: TransferOffer): TransferAnswer {
    return { id, deltas: [] }
  }
}

function live(crowd: { cycle(): void; kill(count: number): void; add(): void }, turnover: number): void {
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    crowd.cycle()
    if (turnover === 0) continue
    crowd.kill(turnover)
    for (let i = 0; i < turnover; i++) crowd.add()
  }
}
