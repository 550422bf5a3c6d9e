import { Random } from '../../../core/random.ts'
import { transmissionFailure } from '../../../protocols/broadcast/reliable/tree.ts'
import { type Spread, stepGossip } from '../../baselines/step-gossip.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { leastOf, round, rowsOf } from './rows.ts'
import { type Rates, uniformRates } from './steps.ts'
import { randomGraph, type Topology } from './topology.ts'
import { draw, optimal } from './trees.ts'

const NODES = 100
const CONNECTIVITIES = { quick: [2, 6, 12, 20], full: [2, 4, 6, 8, 10, 12, 14, 16, 18, 20] }
const RUNS = { quick: { reliability: 0.99, runs: 1000 }, full: { reliability: 0.999, runs: 20_000 } }
const FAILING = [
  { process: 0, link: 0.01 },
  { process: 0, link: 0.03 },
  { process: 0, link: 0.05 },
  { process: 0.01, link: 0 },
  { process: 0.03, link: 0 },
  { process: 0.05, link: 0 },
]
/** Steps after which nobody sends any more. */
const HORIZON = 300

export const experiment: Experiment = {
  name: 'mrt-ratio',
  title: 'messages of a typical gossip algorithm over ours at the same reliability: the more links, the more it wastes',
  source:
    'Garbinato, Pedone, Schmidt (DSN 2004): the comparison with a reference gossip algorithm. The half of the paper that defines it was not at hand: see testnet/baselines/step-gossip.ts',
  run(trial) {
    const connectivities = trial.quick ? CONNECTIVITIES.quick : CONNECTIVITIES.full
    const cases = trial.quick ? FAILING.filter(({ process, link }) => process + link === 0.03) : FAILING
    const curves = cases.map((failing, i) => {
      const points = connectivities.map((connectivity, j) => {
        const { process, link } = failing
        trial.progress(
          (i + j / connectivities.length) / cases.length,
          `P = ${process}, L = ${link}, ${connectivity} links`,
        )
        return compared(connectivity, failing, trial)
      })
      return { ...failing, points }
    })
    return {
      rows: curves.flatMap((curve) => rowsOfCurve(curve, trial.quick ? RUNS.quick : RUNS.full)),
      tables: [
        {
          name: 'ratio',
          columns: [
            'P',
            'L',
            'connectivity',
            'steps',
            'gossip',
            'gossip_acks',
            'ours',
            'ours_acked',
            'ours_acks',
            'ratio',
          ],
          rows: curves.flatMap(({ process, link, points }) =>
            points.map((one) => {
              const { connectivity, steps, gossip, gossipAcks, ours, acked, acks, ratio } = one
              return [process, link, connectivity, steps, gossip, gossipAcks, ours, acked, acks, ratio]
            }),
          ),
        },
      ],
      figures: [
        {
          name: 'ratio',
          svg: drawn({
            title: `Messages: gossip / maximum reliability tree, K = ${(trial.quick ? RUNS.quick : RUNS.full).reliability}`,
            x: { label: 'links a process' },
            y: { label: 'ratio', from: 0 },
            series: curves.map(({ process, link, points }) => ({
              name: process > 0 ? `P = ${process}` : `L = ${link}`,
              points: points.map(({ connectivity, ratio }): [number, number] => [connectivity, ratio]),
            })),
          }),
        },
      ],
    }
  },
}

interface Compared {
  readonly connectivity: number
  readonly steps: number
  readonly gossip: number
  readonly gossipAcks: number
  /** The plan's messages. */
  readonly ours: number
  /** What is sent of them when acknowledgements stop copies. */
  readonly acked: number
  readonly acks: number
  readonly delivered: number
  readonly ratio: number
}

function compared(connectivity: number, { process, link }: (typeof FAILING)[number], { quick, seed }: Trial): Compared {
  const { reliability, runs } = quick ? RUNS.quick : RUNS.full
  const random = new Random(seed).fork(`ratio ${connectivity} ${process} ${link}`)
  const topology = randomGraph(NODES, connectivity, random)
  const rates = uniformRates(topology, process, link)
  const plan = optimal(topology, rates, reliability)
  const { copies, acknowledgements, delivered } = draw(plan, runs, true, random)
  const { steps, messages, acks } = gossiped(topology, rates, reliability, runs, random)
  return {
    connectivity,
    steps,
    gossip: messages,
    gossipAcks: acks,
    ours: plan.total,
    acked: copies,
    acks: acknowledgements,
    delivered,
    ratio: messages / plan.total,
  }
}

/** As many steps as reach everybody with probability K, and what they cost, by trying. */
function gossiped({ nodes, links }: Topology, rates: Rates, reliability: number, runs: number, random: Random) {
  const lossy = links.map(([a, b], i) => {
    const [atA, atB] = [rates.processes[a] as number, rates.processes[b] as number]
    return { a, b, failure: transmissionFailure(atA, rates.links[i] as number, atB) }
  })
  const spreads: Spread[] = []
  for (let run = 0; run < runs; run++) spreads.push(stepGossip({ nodes, links: lossy }, 0, random, HORIZON))
  const completed = spreads.map(({ complete }) => complete ?? HORIZON).sort((a, b) => a - b)
  const steps = completed[Math.ceil(reliability * runs) - 1] ?? HORIZON
  const mean = (of: (spread: Spread) => readonly number[]) => {
    return spreads.reduce((sum, spread) => sum + (of(spread)[steps - 1] ?? of(spread).at(-1) ?? 0), 0) / runs
  }
  return { steps, messages: mean(({ copies }) => copies), acks: mean((spread) => spread.acknowledgements) }
}

interface Curve {
  readonly process: number
  readonly link: number
  readonly points: readonly Compared[]
}

function rowsOfCurve({ process, link, points }: Curve, { reliability, runs }: (typeof RUNS)['full']): Row[] {
  const row = rowsOf(`P = ${process}, L = ${link}`)
  const ratios = points.map(({ ratio }) => ratio)
  const grows = ratios.every((ratio, i) => i === 0 || ratio > (ratios[i - 1] as number))
  const first = points[0] as Compared
  const last = points.at(-1) as Compared
  const delivered = Math.min(...points.map((one) => one.delivered))
  const least = leastOf(reliability, runs)
  return [
    row('ratio grows with connectivity', 'yes', grows ? 'yes' : 'no', grows),
    row(
      `ratio at ${first.connectivity} and ${last.connectivity} links`,
      null,
      `${round(first.ratio)}, ${round(last.ratio)}`,
    ),
    row(
      `messages at ${last.connectivity} links: gossip, ours, ours acknowledged`,
      null,
      `${round(last.gossip, 0)}, ${last.ours}, ${round(last.acked, 0)}`,
    ),
    row(
      'ours, acknowledged: reached everybody, least of the connectivities',
      `>= ${reliability} (3 sigma of ${runs} runs: ${round(least, 5)})`,
      delivered,
      delivered >= least,
    ),
  ]
}
