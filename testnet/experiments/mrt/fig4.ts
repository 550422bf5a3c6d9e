import { Random } from '../../../core/random.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { converge } from './convergence.ts'
import { loadRows, round, rowsOf } from './rows.ts'
import { type Learner, OURS, PAPER, Steps, uniformRates } from './steps.ts'
import { randomTree, ring, type Topology } from './topology.ts'

const SIZES = {
  quick: { nodes: [120, 240], trees: 2 },
  full: { nodes: [100, 120, 140, 160, 180, 200, 220, 240], trees: 30 },
}
const LIMIT = 3000
/** The paper's ring at 240 processes, read off the text: "to ~250". */
const PAPER_RING = { nodes: 240, messages: 250 }
/** Of the network with failures, in which estimates take longer than news. */
const FAILING = { process: 0.03, link: 0.03, nodes: 60, trees: 2 }

export const experiment: Experiment = {
  name: 'mrt-fig4',
  title:
    'heartbeats a link until all is known, by the number of processes: linear on a ring, almost constant on a random tree',
  source:
    'Garbinato, Pedone, Schmidt (DSN 2004), Fig. 4: ring linear in N, to about 250 messages a link; random tree almost constant. The failure rates stand in the half of the paper that was not at hand: none here',
  run(trial) {
    const { nodes, trees } = trial.quick ? SIZES.quick : SIZES.full
    const points = nodes.map((size, i) => {
      trial.progress(i / (nodes.length + 2), `${size} processes`)
      return {
        nodes: size,
        ring: mean([ring(size)], PAPER, 0, 0, trial),
        tree: mean(forest(size, trees, trial), PAPER, 0, 0, trial),
      }
    })
    trial.progress(nodes.length / (nodes.length + 2), 'with failures')
    return {
      rows: [...shapes(points), ...failing(trial), ...load(nodes.at(-1) ?? 0, trial)],
      tables: [
        {
          name: 'fig4',
          columns: ['nodes', 'ring', 'tree'],
          rows: points.map((one) => [one.nodes, one.ring, one.tree]),
        },
      ],
      figures: [
        {
          name: 'fig4',
          svg: drawn({
            title: 'Scalability of the adaptive algorithm',
            x: { label: 'processes' },
            y: { label: 'messages a link', from: 0 },
            series: [
              { name: 'ring', points: points.map((one): [number, number] => [one.nodes, one.ring]) },
              { name: 'random tree', points: points.map((one): [number, number] => [one.nodes, one.tree]) },
              {
                name: 'N (ring: the way of news)',
                points: points.map((one): [number, number] => [one.nodes, one.nodes]),
                style: 'reference',
              },
            ],
          }),
        },
      ],
    }
  },
}

interface Point {
  readonly nodes: number
  readonly ring: number
  readonly tree: number
}

function forest(nodes: number, trees: number, { seed }: Trial): Topology[] {
  return Array.from({ length: trees }, (_, i) => randomTree(nodes, new Random(seed).fork(`tree ${nodes} ${i}`)))
}

/** Messages a link, over these networks; Infinity when one did not converge. */
function mean(
  topologies: readonly Topology[],
  learner: Learner,
  process: number,
  link: number,
  { seed }: Trial,
): number {
  const messages = topologies.map((topology) => {
    return (
      converge(new Steps(topology, uniformRates(topology, process, link), learner, seed), seed, LIMIT) ??
      Number.POSITIVE_INFINITY
    )
  })
  return messages.reduce((sum, value) => sum + value, 0) / messages.length
}

function shapes(points: readonly Point[]): Row[] {
  const first = points[0] as Point
  const last = points.at(-1) as Point
  const row = rowsOf(`N = ${first.nodes}-${last.nodes}, nothing fails`)
  const perProcess = points.map(({ nodes, ring: messages }) => messages / nodes)
  const linear = Math.max(...perProcess) / Math.min(...perProcess)
  const slope = (last.tree - first.tree) / (last.ring - first.ring)
  const { nodes, messages } = PAPER_RING
  const near = Math.abs(last.ring - messages) <= 0.15 * messages
  return [
    row(`ring of ${nodes}: messages a link`, `${messages} +- 15 %`, round(last.ring, 0), last.nodes === nodes && near),
    row('ring: messages a link and process, most / least over N', '<= 1.05 (linear)', round(linear, 3), linear <= 1.05),
    row(
      'random tree: what it takes more with N, over what the ring takes more',
      '<= 0.1 (almost constant)',
      round(slope, 3),
      slope <= 0.1,
    ),
    row(
      `random tree of ${first.nodes}, ${last.nodes}: messages a link`,
      null,
      `${round(first.tree, 0)}, ${round(last.tree, 0)}`,
    ),
    row(
      `random tree of ${last.nodes}: messages a link`,
      `< ring's ${round(last.ring, 0)}`,
      round(last.tree, 0),
      last.tree < last.ring,
    ),
  ]
}

function failing(trial: Trial): Row[] {
  const { process, link, nodes, trees } = FAILING
  return [
    { name: 'ring', networks: [ring(nodes)] },
    { name: 'random trees', networks: forest(nodes, trees, trial) },
  ].flatMap(({ name, networks }) => {
    const paper = mean(networks, PAPER, process, link, trial)
    const ours = mean(networks, OURS, process, link, trial)
    const row = rowsOf(`${name} of ${nodes}, P = ${process}, L = ${link}`)
    return [
      row('messages a link: intervals, Beta', null, `${round(paper, 0)}, ${round(ours, 0)}`),
      row('Beta / intervals', '<= 0.5', round(ours / paper), ours <= 0.5 * paper),
    ]
  })
}

function load(nodes: number, { seed }: Trial): Row[] {
  const topology = ring(nodes)
  const steps = new Steps(topology, uniformRates(topology, 0, 0), PAPER, seed)
  for (let i = 0; i < nodes; i++) steps.step()
  return loadRows(`heartbeats with all reports, ring of ${nodes}`, steps.carried, steps.steps)
}
