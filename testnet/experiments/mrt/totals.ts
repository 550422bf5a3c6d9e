import { Random } from '../../../core/random.ts'
import { loadOf } from '../../observers/load.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { BUDGET, Members } from './members.ts'
import { leastOf, round, rowsOf } from './rows.ts'
import { uniformRates } from './steps.ts'
import { randomGraph } from './topology.ts'
import { draw, optimal } from './trees.ts'

/** PAPERS section 6: fewest messages for 99 tree links, by K and by what fails. */
const TOTALS = [
  { reliability: 0.99, totals: [198, 289, 317, 274, 351, 395] },
  { reliability: 0.999, totals: [288, 361, 393, 297, 415, 494] },
  { reliability: 0.9999, totals: [297, 396, 484, 386, 493, 593] },
]
const FAILING = [
  { process: 0, link: 0.01 },
  { process: 0, link: 0.03 },
  { process: 0, link: 0.05 },
  { process: 0.01, link: 0 },
  { process: 0.03, link: 0 },
  { process: 0.05, link: 0 },
]
const NODES = 100
const CONNECTIVITY = 6
/** Broadcasts of each plan that are drawn directly. */
const DRAWN = { quick: 10_000, full: 100_000 }

/** Of the real protocol over the simulator. */
const REAL = { reliability: 0.99, process: 0.01, link: 0.03, warmup: 300, broadcasts: { quick: 200, full: 2000 } }

export const experiment: Experiment = {
  name: 'mrt-totals',
  title:
    'fewest messages for a given reliability: the optimal totals, and that broadcasts reach everybody as often as they promise',
  source: 'Garbinato, Pedone, Schmidt (DSN 2004): optimal totals for 99 tree links, calculated',
  run(trial) {
    const exact = TOTALS.flatMap(({ reliability, totals }, i) => {
      trial.progress((0.5 * i) / TOTALS.length, `broadcasts at K = ${reliability}`)
      return totals.map((total, j) => planned(reliability, FAILING[j] as (typeof FAILING)[number], total, trial))
    })
    trial.progress(0.5, 'the protocol over the simulator, copies stopped by acknowledgements')
    const stopped = real(true, trial)
    trial.progress(0.75, 'the protocol over the simulator, all copies')
    const all = real(false, trial)
    return {
      rows: [...exact.flatMap(({ rows }) => rows), ...differing(trial), ...stopped, ...all],
      tables: [
        {
          name: 'totals',
          columns: ['K', 'P', 'L', 'paper', 'total', 'delivered', 'copies_acknowledged', 'acknowledgements'],
          rows: exact.map(({ cells }) => cells),
        },
      ],
      figures: [{ name: 'totals', svg: figure(exact) }],
    }
  },
}

interface Planned {
  readonly rows: readonly Row[]
  readonly cells: readonly number[]
}

function planned(
  reliability: number,
  { process, link }: (typeof FAILING)[number],
  total: number,
  { quick, seed }: Trial,
): Planned {
  const random = new Random(seed).fork(`totals ${reliability} ${process} ${link}`)
  const topology = randomGraph(NODES, CONNECTIVITY, random)
  const plan = optimal(topology, uniformRates(topology, process, link), reliability)
  const runs = quick ? DRAWN.quick : DRAWN.full
  const plain = draw(plan, runs, false, random)
  const stopped = draw(plan, runs, true, random)
  const row = rowsOf(`K = ${reliability}, P = ${process}, L = ${link}`)
  const least = leastOf(reliability, runs)
  const reaches = `>= ${reliability} (3 sigma of ${runs} runs: ${round(least, 5)})`
  return {
    rows: [
      row('messages, optimal', total, plan.total, plan.total === total),
      row('broadcasts that reached everybody, drawn', reaches, plain.delivered, plain.delivered >= least),
      row('the same, acknowledgements stop copies', reaches, stopped.delivered, stopped.delivered >= least),
      row('messages then', `< ${total}`, round(stopped.copies, 1), stopped.copies < total),
    ],
    cells: [reliability, process, link, total, plan.total, plain.delivered, stopped.copies, stopped.acknowledgements],
  }
}

/** Departure (the paper's future work): processes and links that all differ, P up to 10 %, L up to 20 %. */
function differing({ quick, seed }: Trial): Row[] {
  const reliability = 0.999
  const random = new Random(seed).fork('differing')
  const topology = randomGraph(NODES, CONNECTIVITY, random)
  const rates = {
    processes: Array.from({ length: NODES }, () => 0.1 * random.float() ** 2),
    links: topology.links.map(() => 0.2 * random.float()),
  }
  const plan = optimal(topology, rates, reliability)
  const { failures, sizes } = plan.tree
  let same = 1
  while (failures.reduce((reach, failure, i) => (i === 0 ? 1 : reach * (1 - failure ** same)), 1) < reliability) same++
  const runs = quick ? DRAWN.quick : DRAWN.full
  const { delivered, copies } = draw(plan, runs, true, random)
  const least = leastOf(reliability, runs)
  const alike = same * (sizes.length - 1)
  const row = rowsOf(`K = ${reliability}, all P (to 10 %) and L (to 20 %) differ`)
  return [
    row('messages, optimal', `< ${alike} (as many copies over every link)`, plan.total, plan.total < alike),
    row(
      'broadcasts that reached everybody, acknowledged, drawn',
      `>= ${reliability} (3 sigma of ${runs} runs: ${round(least, 5)})`,
      delivered,
      delivered >= least,
    ),
    row('messages then', `< ${plan.total}`, round(copies, 1), copies < plan.total),
  ]
}

/** The protocol learns the network from its heartbeats, and members publish. */
function real(acknowledge: boolean, { quick, seed }: Trial): Row[] {
  const { reliability, process, link, warmup } = REAL
  const topology = randomGraph(NODES, CONNECTIVITY, new Random(seed).fork('real'))
  const rates = uniformRates(topology, process, link)
  const members = new Members(topology, rates, { reliability, acknowledge }, seed)
  const { simulation } = members
  simulation.run(warmup * 1000)
  const idle = loadOf(simulation.nodes, warmup)
  const plans = simulation.nodes.map(({ protocol }) => protocol.plan().total)
  const broadcasts = quick ? REAL.broadcasts.quick : REAL.broadcasts.full
  const published: string[] = []
  for (let i = 0; i < broadcasts; i++) {
    published.push(members.publish())
    simulation.run(250)
  }
  simulation.run(20_000)
  const delivered = published.filter((id) => members.reached(id) === NODES).length / broadcasts
  const copies = members.sum('sent') / broadcasts
  const best = optimal(topology, rates, reliability).total
  const least = leastOf(reliability, broadcasts)
  const row = rowsOf(
    `protocol over the simulator, P = ${process}, L = ${link}, ${acknowledge ? 'acknowledged' : 'all copies'}`,
  )
  const bytes = BUDGET.rate + BUDGET.burst
  const { messagesPerRound: messages, bytesPerRound } = idle
  return [
    row(
      `of ${broadcasts} broadcasts, reached everybody`,
      `>= ${reliability} (3 sigma: ${round(least, 4)})`,
      round(delivered, 4),
      delivered >= least,
    ),
    row(
      'messages a broadcast',
      acknowledge ? `< ${best} (optimal without acknowledgements)` : `within 10 % of ${best} (optimal)`,
      round(copies, 1),
      acknowledge ? copies < best : Math.abs(copies - best) <= 0.1 * best,
    ),
    row('acknowledgements a broadcast', null, round(members.sum('acknowledgements') / broadcasts, 1)),
    row('messages that a member would plan, least and most', null, `${Math.min(...plans)}, ${Math.max(...plans)}`),
    row('messages a node and second without broadcasts, mean / max', null, pair(messages, 1)),
    row('bytes a node and second without broadcasts, mean / max', null, pair(bytesPerRound, 0)),
    row('gossip bytes in one second, most of any node', `<= ${bytes}`, idle.mostBytes, idle.mostBytes <= bytes),
  ]
}

function pair({ mean, max }: { mean: number; max: number }, digits: number): string {
  return `${mean.toFixed(digits)} / ${max.toFixed(digits)}`
}

function figure(plans: readonly Planned[]): string {
  const points = (column: number) => plans.map(({ cells }, i): [number, number] => [i + 1, cells[column] as number])
  return drawn({
    title: 'Messages of a broadcast to 100 processes',
    x: { label: 'case (K = .99, .999, .9999; L, then P, = .01, .03, .05)' },
    y: { label: 'messages', from: 0 },
    series: [
      { name: 'optimal', points: points(3), style: 'reference' },
      { name: 'planned', points: points(4), style: 'dots' },
      { name: 'acknowledged', points: points(6) },
    ],
  })
}
