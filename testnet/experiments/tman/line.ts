import type { Random } from '../../../core/random.ts'
import { lineRanking } from '../../../overlays/tman/line.ts'
import type { Ranking } from '../../../overlays/tman/ranking.ts'
import { components } from '../../observers/graph.ts'
import { drawn, type Series } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { type Course, curveOf, follow, slowest, written } from './course.ts'
import { chain, inOrder } from './links.ts'
import { loadRows } from './load-rows.ts'
import { type Member, PAPER, TManNetwork } from './network.ts'
import { byValue, distanceRanking } from './plain.ts'

const ATTRIBUTE = 'load'
const EXPONENTS = { quick: [10], full: [10, 12, 14] }
const SEEDS = 3
const LIMIT = 60
/** Cycles that the control gets: far beyond those in which the line is complete. */
const CONTROL = 40

/** How the values of the attribute lie. Only their order counts: uniform ones and the power law, in the same order, give the same run. */
const VALUES: Readonly<Record<string, (random: Random, index: number) => number>> = {
  uniform: (random) => random.float(),
  // Pareto with exponent 1: no mean, and the largest as large as all others together.
  'power law': (random) => 1 / (1 - random.float()),
  clustered: (random) => random.integer(8) * 1e6 + random.float(),
  'ten values': (random) => random.integer(10),
}

export const experiment: Experiment = {
  name: 'tman-line',
  title:
    'T-Man sorts nodes by an attribute: uneven, clustered and equal values, beside plain distance as the paper ranks',
  source:
    'T-Man (Jelasity, Babaoglu): sorted line; the partition of clustered values and the cure: models run by this project',
  run(trial) {
    const exponents = trial.quick ? EXPONENTS.quick : EXPONENTS.full
    const plans = exponents.flatMap((exponent) => Object.keys(VALUES).map((values) => ({ exponent, values })))
    const lines = plans.map((plan, i) => {
      trial.progress((0.9 * i) / plans.length, `2^${plan.exponent}, ${plan.values}`)
      return sorted(plan, trial)
    })
    trial.progress(0.9, 'plain distance')
    const control = plainly(exponents[0] as number, trial)
    return {
      rows: [...lines.flatMap(({ rows }) => rows), ...control.rows],
      tables: [
        {
          name: 'missing',
          columns: ['size', 'values', 'seed', 'cycle', 'missing', 'links'],
          rows: lines.flatMap(({ exponent, values, courses }) => {
            return courses.flatMap((course, i) => {
              return course.missing.map((left, cycle) => [
                2 ** exponent,
                values,
                trial.seed + i,
                cycle,
                left,
                course.links,
              ])
            })
          }),
        },
      ],
      figures: [
        figure(
          lines.filter(({ exponent }) => exponent === exponents.at(-1)),
          control.course,
        ),
      ],
    }
  },
}

interface Plan {
  readonly exponent: number
  readonly values: string
}

interface Line extends Plan {
  readonly courses: readonly Course[]
  readonly rows: readonly Row[]
}

function network({ exponent, values }: Plan, ranking: Ranking, seed: number): TManNetwork {
  const shownBy = VALUES[values] as (typeof VALUES)[string]
  const attributes = (index: number, random: Random) => ({ [ATTRIBUTE]: shownBy(random, index) })
  return new TManNetwork({ nodes: 2 ** exponent, seed, ranking, attributes })
}

function sorted(plan: Plan, { seed }: Trial): Line {
  const name = `line 2^${plan.exponent}, ${plan.values}, c = 20`
  const courses: Course[] = []
  const loads: Row[] = []
  let most = 0
  let pieces = 0
  for (let i = 0; i < SEEDS; i++) {
    const one = network(plan, lineRanking(ATTRIBUTE), seed + i)
    courses.push(follow(one, chain(inOrder(one.members, byValue(ATTRIBUTE)), false), LIMIT, () => {}))
    most = Math.max(most, one.mostDescriptors)
    pieces = Math.max(pieces, partsOf(one.members).length)
    if (i === 0) loads.push(...loadRows(name, one.simulation.nodes, (courses[0] as Course).missing.length - 1))
  }
  const cycles = slowest(courses)
  const message = PAPER.message ?? 0
  const rows: Row[] = [
    {
      case: name,
      metric: 'cycles to 50/90/99/99.9/100 %, slowest of 3 seeds',
      reference: 'all reached',
      measured: written(cycles),
      ok: !cycles.includes(undefined),
    },
    { case: name, metric: 'components, most of 3 seeds', reference: 1, measured: pieces, ok: pieces === 1 },
    {
      case: name,
      metric: 'descriptors in a message, most',
      reference: `<= ${message}`,
      measured: most,
      ok: most <= message,
    },
    ...loads,
  ]
  return { ...plan, courses, rows }
}

/** The control: ranked by plain distance, clustered values fall apart and never come together again. */
function plainly(exponent: number, { seed }: Trial): { course: Course; rows: Row[] } {
  const name = `line 2^${exponent}, clustered, plain distance (control)`
  const one = network({ exponent, values: 'clustered' }, distanceRanking(ATTRIBUTE), seed)
  const course = follow(one, chain(inOrder(one.members, byValue(ATTRIBUTE)), false), CONTROL, () => {})
  const parts = partsOf(one.members).length
  const left = course.missing.at(-1) ?? 0
  return {
    course,
    rows: [
      { case: name, metric: `components after ${CONTROL} cycles`, reference: '> 1', measured: parts, ok: parts > 1 },
      { case: name, metric: `missing links after ${CONTROL} cycles`, reference: '> 0', measured: left, ok: left > 0 },
    ],
  }
}

function partsOf(members: readonly Member[]): number[] {
  const indices = new Map(members.map(({ self }, i) => [self.id, i]))
  return components({
    nodes: members.length,
    out: (node) => (members[node] as Member).tman.view.map(({ id }) => indices.get(id) as number),
  })
}

function figure(lines: readonly Line[], control: Course) {
  const series: Series[] = lines.map(({ values, courses }) => curveOf(values, courses[0] as Course))
  const reference: Series = { ...curveOf('plain distance, clustered', control), style: 'reference' }
  const size = lines[0]?.exponent
  return {
    name: 'tman-line',
    svg: drawn({
      title: `T-Man sorted line of 2^${size} nodes, c = 20: missing target links`,
      x: { label: 'cycle', from: 0 },
      y: { label: 'missing links', scale: 'log' },
      series: [...series, reference],
    }),
  }
}
