import { Random } from '../../../core/random.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Figure, Row, Trial } from '../experiment.ts'
import { type Change, changed, changeRows } from './change.ts'
import { converge } from './convergence.ts'
import { loadRows, round, rowsOf } from './rows.ts'
import { type Learner, OURS, PAPER, Steps, uniformRates } from './steps.ts'
import { randomGraph } from './topology.ts'

const SIZES = {
  quick: { nodes: 30, connectivities: [2, 10], rates: [0, 0.03] },
  full: { nodes: 100, connectivities: [2, 4, 6, 8, 10, 12, 14, 16, 18, 20], rates: [0, 0.01, 0.03, 0.05] },
}
/** Steps after which it is given up. */
const LIMIT = 3000
/** The paper's axis ends there. */
const AXIS = 1000

export const experiment: Experiment = {
  name: 'mrt-fig3',
  title: 'heartbeats a link until all processes know how reliable all others are, by connectivity; and after a change',
  source:
    'Garbinato, Pedone, Schmidt (DSN 2004), Fig. 3 (axis to 1000 messages a link); its curves and its criterion of convergence were not at hand. Beta counters: a target of this project',
  run(trial) {
    const { connectivities, rates } = trial.quick ? SIZES.quick : SIZES.full
    const curves = [true, false].flatMap((processes) => rates.map((rate) => ({ processes, rate })))
    const measured = curves.map((curve, i) => ({
      ...curve,
      points: connectivities.map((connectivity, j) => {
        const name = nameOf(curve)
        trial.progress(
          (0.9 * (i + j / connectivities.length)) / curves.length,
          `${name}, ${connectivity} links a process`,
        )
        return point(curve, connectivity, trial)
      }),
    }))
    trial.progress(0.9, 'reliabilities that change')
    const changes = [changed(PAPER, trial), changed(OURS, trial)] as const
    return {
      rows: [...measured.flatMap(rowsOfCurve), ...overall(measured), ...load(trial), ...changeRows(...changes)],
      tables: [
        {
          name: 'fig3',
          columns: ['P', 'L', 'connectivity', 'paper', 'ours'],
          rows: measured.flatMap(({ processes, rate, points }) =>
            points.map(({ connectivity, paper, ours }) => {
              return [processes ? rate : 0, processes ? 0 : rate, connectivity, paper ?? null, ours ?? null]
            }),
          ),
        },
      ],
      figures: [
        figure('a', 'reliable links', measured, true),
        figure('b', 'reliable processes', measured, false),
        course(changes),
      ],
    }
  },
}

interface Point {
  readonly connectivity: number
  /** Messages a link; undefined when it did not converge. */
  readonly paper: number | undefined
  readonly ours: number | undefined
}

interface Curve {
  /** Whether it is the processes that fail, or the links. */
  readonly processes: boolean
  readonly rate: number
}

interface Measured extends Curve {
  readonly points: readonly Point[]
}

function network({ processes, rate }: Curve, connectivity: number, learner: Learner, { quick, seed }: Trial): Steps {
  const { nodes } = quick ? SIZES.quick : SIZES.full
  const topology = randomGraph(nodes, connectivity, new Random(seed).fork(`graph ${connectivity}`))
  return new Steps(topology, uniformRates(topology, processes ? rate : 0, processes ? 0 : rate), learner, seed)
}

function point(curve: Curve, connectivity: number, trial: Trial): Point {
  const paper = converge(network(curve, connectivity, PAPER, trial), trial.seed, LIMIT)
  const ours = converge(network(curve, connectivity, OURS, trial), trial.seed, LIMIT)
  return { connectivity, paper, ours }
}

function nameOf({ processes, rate }: Curve): string {
  return processes ? `P = ${rate}, reliable links` : `L = ${rate}, reliable processes`
}

function rowsOfCurve(curve: Measured): Row[] {
  const row = rowsOf(nameOf(curve))
  const list = (of: (point: Point) => number | undefined) => {
    return curve.points.map((one) => `${one.connectivity}: ${round(of(one) ?? Number.NaN, 0)}`).join(', ')
  }
  const most = Math.max(...curve.points.map(({ paper }) => paper ?? Number.POSITIVE_INFINITY))
  const share = shareOf(curve.points)
  return [
    row(
      "the paper's intervals: messages a link, by connectivity",
      `<= ${AXIS} (the axis)`,
      list(({ paper }) => paper),
      most <= AXIS,
    ),
    row(
      'Beta counters: messages a link, by connectivity',
      null,
      list(({ ours }) => ours),
    ),
    row('Beta / intervals, over the curve', '<= 0.5', round(share), share <= 0.5),
  ]
}

/** Messages of ours over the paper's, summed. */
function shareOf(points: readonly Point[]): number {
  const sum = (of: (point: Point) => number | undefined) => {
    return points.reduce((total, one) => total + (of(one) ?? Number.POSITIVE_INFINITY), 0)
  }
  return sum(({ ours }) => ours) / sum(({ paper }) => paper)
}

function overall(curves: readonly Measured[]): Row[] {
  const row = rowsOf('all curves')
  const share = shareOf(curves.flatMap(({ points }) => points))
  const ordered = [true, false].every((processes) => {
    const rates = curves.filter((curve) => curve.processes === processes)
    const sums = rates.map(({ points }) => points.reduce((sum, { paper }) => sum + (paper ?? 0), 0))
    return sums.every((sum, i) => i === 0 || sum > (sums[i - 1] as number))
  })
  return [
    row('Beta / intervals, over both figures', '<= 0.5', round(share), share <= 0.5),
    row('intervals: the more fails, the longer it takes', 'yes', ordered ? 'yes' : 'no', ordered),
  ]
}

/** What heartbeats that carry everything cost. */
function load(trial: Trial): Row[] {
  const { connectivities } = trial.quick ? SIZES.quick : SIZES.full
  return [connectivities[0], connectivities.at(-1)].flatMap((connectivity = 2) => {
    const steps = network({ processes: false, rate: 0.01 }, connectivity, OURS, trial)
    for (let i = 0; i < 100; i++) steps.step()
    return loadRows(`heartbeats with all reports, ${connectivity} links a process`, steps.carried, steps.steps)
  })
}

function figure(letter: string, what: string, curves: readonly Measured[], processes: boolean): Figure {
  const points = (measured: Measured, of: (point: Point) => number | undefined) => {
    return measured.points.map((one): [number, number] => [one.connectivity, of(one) ?? Number.NaN])
  }
  const shown = curves.filter((curve) => curve.processes === processes)
  const name = (rate: number) => `${processes ? 'P' : 'L'} = ${rate}`
  return {
    name: `fig3${letter}`,
    svg: drawn({
      title: `Convergence with ${what}`,
      x: { label: 'links a process' },
      y: { label: 'messages a link', from: 0, to: AXIS },
      series: [
        ...shown.map((one) => ({
          name: `${name(one.rate)}, intervals`,
          points: points(one, ({ paper }) => paper),
          style: 'reference' as const,
        })),
        ...shown.map((one) => ({ name: `${name(one.rate)}, Beta`, points: points(one, ({ ours }) => ours) })),
      ],
    }),
  }
}

function course([paper, ours]: readonly [Change, Change]): Figure {
  return {
    name: 'change',
    svg: drawn({
      title: 'Links change from L = .01 to .10 at step 0',
      x: { label: 'heartbeats since the change', scale: 'log' },
      y: { label: 'mean error of what is believed of them', from: 0 },
      series: [
        { name: 'intervals', points: paper.course, style: 'reference' },
        { name: 'Beta, forgetting', points: ours.course },
      ],
    }),
  }
}
