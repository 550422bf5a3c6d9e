import { Random } from '../../../core/random.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { loadRows, round, rowsOf } from './rows.ts'
import { BUDGET, type Method, PERIOD, Sliced } from './sliced.ts'

const SLICES = [10, 100]
const SIZES = { quick: { nodes: 1000, cycles: 75 }, full: { nodes: 10_000, cycles: 120 } }
/** Cycles between two looks at all nodes. */
const LOOK = 5
/** Mean of sqrt(q (1 - q)) over all ranks q, and the mean deviation of a normal distribution in standard deviations. */
const MEAN_SPREAD = Math.PI / 8
const MEAN_DEVIATION = Math.sqrt(2 / Math.PI)

interface Case {
  readonly name: string
  readonly values: (random: Random, i: number) => number
  /** Share of nodes that leave and join in a cycle, the lowest and the highest. */
  readonly churn: number
  /** ms */
  readonly expiry: number
}

const NEVER = 1e9
const uniform: Case['values'] = (random) => random.float()
const CASES: readonly Case[] = [
  { name: 'uniform values', values: uniform, churn: 0, expiry: NEVER },
  { name: 'power law 2', values: (random) => 1 / (1 - random.float()), churn: 0, expiry: NEVER },
  { name: 'ten different values', values: (_, i) => i % 10, churn: 0, expiry: NEVER },
  // The values of the dead are the bias, few values the noise: the faster nodes turn over, the sooner they are forgotten.
  { name: 'churn 0.1 % a cycle', values: uniform, churn: 0.001, expiry: 40 * PERIOD },
  { name: 'churn 1 % a cycle', values: uniform, churn: 0.01, expiry: 12 * PERIOD },
]

interface Course {
  readonly what: Case
  readonly method: Method
  /** Slices off every LOOK cycles, for each count of slices. */
  readonly off: readonly (readonly number[])[]
  /** Values that an estimate rests on at the end. */
  readonly values: number
  readonly load: readonly Row[]
}

export const experiment: Experiment = {
  name: 'slicing',
  title:
    'which of 10 or 100 slices a node belongs to: ranking beside ordering, at rest and under churn of the lowest and highest',
  source: 'Fernandez et al., Distributed Slicing in Dynamic Systems; Gramoli et al., Sliver',
  heap: (quick) => (quick ? 0 : 4 * 2 ** 30),
  run(trial) {
    const methods = ['ranking', 'ordering'] as const
    const courses = CASES.flatMap((what, i) =>
      methods.map((method, j) => {
        const done = (i * 2 + j) / (CASES.length * 2)
        return followed(what, method, trial, (share) => {
          trial.progress(done + share / (CASES.length * 2), `${what.name}, ${method}`)
        })
      }),
    )
    return report(courses, trial)
  },
}

function followed(what: Case, method: Method, trial: Trial, progress: (share: number) => void): Course {
  const { nodes, cycles } = trial.quick ? SIZES.quick : SIZES.full
  const random = new Random(trial.seed).fork(what.name)
  const values = Array.from({ length: nodes }, (_, i) => what.values(random, i))
  const network = new Sliced({ method, seed: trial.seed, values, expiry: what.expiry })
  const off: number[][] = SLICES.map(() => [])
  for (let cycle = 1; cycle <= cycles; cycle++) {
    network.cycle(what.churn)
    progress(cycle / cycles)
    if (cycle % LOOK > 0) continue
    for (const [k, one] of network.disorder(SLICES).entries()) off[k]?.push(one)
  }
  const sent = network.sentPerCycle()
  const load = loadRows(caseOf(what, method, nodes), sent, 1, BUDGET, sent)
  return { what, method, off, values: network.values(), load }
}

function caseOf({ name }: Case, method: Method, nodes: number): string {
  return `N = ${nodes}, ${name}, ${method}`
}

/** Mean of the last fifth. */
function settled(off: readonly number[]): number {
  const last = off.slice(-Math.ceil(off.length / 5))
  return last.reduce((sum, one) => sum + one, 0) / last.length
}

function report(courses: readonly Course[], trial: Trial): Result {
  const { nodes } = trial.quick ? SIZES.quick : SIZES.full
  const rows = CASES.flatMap((what) => {
    const [ranking, ordering] = courses.filter((course) => course.what === what) as [Course, Course]
    return what.churn === 0 ? atRest(ranking, ordering, nodes) : underChurn(ranking, ordering, nodes)
  })
  const table = courses.flatMap(({ what, method, off }) =>
    (off[0] ?? []).map((_, i) => [what.name, method, (i + 1) * LOOK, ...off.map((one) => one[i] ?? null)]),
  )
  const figures = SLICES.map((count, k) => ({
    name: `slicing-${count}`,
    svg: drawn({
      title: `Slices off on average, ${count} slices, N = ${nodes}`,
      x: { label: 'cycle' },
      y: { label: 'slices off', scale: 'log' },
      series: courses
        .filter(({ what }) => what.churn > 0 || what === CASES[0])
        .map(({ what, method, off }) => ({
          name: `${method}, ${what.churn === 0 ? 'at rest' : what.name.slice(0, -8)}`,
          points: (off[k] ?? []).map((one, i) => [(i + 1) * LOOK, one] as const),
        })),
    }),
  }))
  const columns = ['case', 'method', 'cycle', ...SLICES.map((count) => `off_${count}`)]
  return { rows, tables: [{ name: 'slicing', columns, rows: table }], figures }
}

/** Slices off when ranks err by the statistical error of so many values drawn at random out of all. */
function expected(count: number, values: number, nodes: number): number {
  const unseen = Math.max(0, 1 - values / nodes)
  return count * MEAN_DEVIATION * MEAN_SPREAD * Math.sqrt(unseen / values)
}

/**
 * Ranking: what its values allow, and no more. Ordering: never below the unevenness of N random numbers, which are each off by
 * what N values leave open.
 */
function atRest(ranking: Course, ordering: Course, nodes: number): Row[] {
  return SLICES.flatMap((count, k) => {
    const row = rowsOf(caseOf(ranking.what, 'ranking', nodes))
    const other = rowsOf(caseOf(ranking.what, 'ordering', nodes))
    const off = settled(ranking.off[k] ?? [])
    const floor = expected(count, nodes, 2 ** 50)
    const floorMet = settled(ordering.off[k] ?? [])
    const allowed = 1.15 * expected(count, ranking.values, nodes) + 0.002
    return [
      row(
        `slices off, of ${count}`,
        `<= ${round(allowed)} (${Math.round(ranking.values)} values)`,
        round(off),
        off <= allowed,
      ),
      other(`slices off, of ${count}`, `>= ${round(0.7 * floor)} for ever`, round(floorMet), floorMet >= 0.7 * floor),
    ]
  }).concat(ranking.load, ordering.load)
}

/** The papers: ordering suffers from churn that depends on the attribute, ranking copes. */
function underChurn(ranking: Course, ordering: Course, nodes: number): Row[] {
  const rows = SLICES.flatMap((count, k) => {
    const row = rowsOf(caseOf(ranking.what, 'ranking', nodes))
    const off = settled(ranking.off[k] ?? [])
    const other = settled(ordering.off[k] ?? [])
    const earlier = settled((ranking.off[k] ?? []).slice(0, -Math.floor((ranking.off[k]?.length ?? 0) / 4)))
    return [
      row(`slices off, of ${count}`, `< ${round(other)} (ordering)`, round(off), off < other),
      row(
        `the same, of ${count}, a quarter of the time earlier`,
        'it does not grow: +- 25 %',
        round(earlier),
        off < 1.25 * earlier + 0.01,
      ),
    ]
  })
  return [...rows, ...ranking.load, ...ordering.load]
}
