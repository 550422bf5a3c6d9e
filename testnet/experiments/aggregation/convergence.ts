import { Random } from '../../../core/random.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Table, Trial } from '../experiment.ts'
import { moments, rmsError, short } from './crowd.ts'
import { StandingCrowd } from './standing.ts'
import { type Averaging, flowUpdating, pushPull, pushSum, type Setting, transfers } from './variants.ts'

const VARIANTS: Readonly<Record<string, (setting: Setting) => Averaging>> = {
  'push-pull': pushPull,
  'push-sum': pushSum,
  'flow updating': flowUpdating,
  transfers,
}

/** 1 / (2 sqrt e): every node starts one exchange a cycle and is chosen by Poisson(1) others. */
const PUSH_PULL = 1 / (2 * Math.sqrt(Math.E))
const CYCLES = 25
/** The first cycle is that in which nodes start, one after the other. */
const FROM = 1

export const experiment: Experiment = {
  name: 'aggregation-convergence',
  title: 'how fast gossip averages, with and without loss, churn and changing values',
  source:
    'Jelasity, Montresor, Babaoglu, TOCS 2005; under loss a model run by this project; partners by an oracle, messages take 10-50 ms',
  run,
}

function run(trial: Trial): Result {
  const speed = speeds(trial)
  const lossy = loss(trial)
  const turnover = churn(trial)
  const still = quiescence(trial)
  return {
    rows: [...speed.rows, ...lossy.rows, ...turnover, ...still],
    tables: [speed.table, lossy.table],
    figures: [
      { name: 'variance', svg: speed.svg },
      { name: 'loss', svg: lossy.svg },
    ],
  }
}

/** Variance of uniform values, cycle by cycle, nothing lost. */
function speeds({ quick, seed, progress }: Trial) {
  const nodes = quick ? 10_000 : 100_000
  const value = uniformValues(seed)
  const variances: Record<string, number[]> = {}
  const rows: Row[] = []
  const factors: Record<string, number> = {}
  for (const [k, [name, make]] of Object.entries(VARIANTS).entries()) {
    const crowd = make({ nodes, seed, value })
    const course = [moments(crowd.estimates()).variance]
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      crowd.cycle()
      course.push(moments(crowd.estimates()).variance)
      progress((k + cycle / CYCLES) / 8, `${name}, no loss, cycle ${cycle}`)
    }
    variances[name] = course
    factors[name] = factorOf(course)
    rows.push(factorRow(name, nodes, factors))
    rows.push(...crowd.loadRows(`${name}, N = ${nodes}`))
  }
  const names = Object.keys(VARIANTS)
  const points = (name: string) =>
    (variances[name] as number[]).map((variance, cycle): [number, number] => [cycle, variance])
  const start = variances['push-pull']?.[FROM] as number
  const svg = drawn({
    title: `Variance of the estimates, N = ${nodes}, no loss`,
    x: { label: 'cycle' },
    y: { label: 'variance', scale: 'log' },
    series: [
      {
        name: '1/(2 sqrt e) a cycle',
        style: 'reference',
        points: Array.from({ length: CYCLES }, (_, i) => [i + FROM, start * PUSH_PULL ** i]),
      },
      ...names.map((name) => ({ name, points: points(name) })),
    ],
  })
  const table: Table = {
    name: 'variance',
    columns: ['cycle', ...names],
    rows: Array.from({ length: CYCLES + 1 }, (_, cycle) => [
      cycle,
      ...names.map((name) => variances[name]?.[cycle] ?? null),
    ]),
  }
  return { rows, table, svg }
}

/** Geometric mean of what a cycle leaves of the variance. */
function factorOf(course: readonly number[]): number {
  return ((course.at(-1) as number) / (course[FROM] as number)) ** (1 / (course.length - 1 - FROM))
}

function factorRow(name: string, nodes: number, factors: Readonly<Record<string, number>>): Row {
  const measured = factors[name] as number
  const row = (reference: string | null, ok: boolean): Row => ({
    case: `${name}, N = ${nodes}`,
    metric: 'variance factor a cycle',
    reference,
    measured: short(measured, 4),
    ok,
  })
  switch (name) {
    case 'push-pull':
      return row(`${short(PUSH_PULL)} within 3 %`, Math.abs(measured / PUSH_PULL - 1) <= 0.03)
    case 'push-sum':
      return row('~0.52, or faster', measured <= 0.55)
    case 'transfers': {
      const control = factors['push-pull'] as number
      return row(`push-pull's ${short(control, 4)} within 3 %`, Math.abs(measured / control - 1) <= 0.03)
    }
    default:
      return row(null, true)
  }
}

/** COUNT with one instance, the hardest start there is, at 20 % loss: [run] values of PAPERS section 3 beside ours. */
function loss({ quick, seed, progress }: Trial) {
  const nodes = quick ? 1000 : 10_000
  const cycles = 60
  const shown = [20, 30, 35, 40, 60]
  const papers: Readonly<Record<string, string>> = { 20: '2e-1', 30: '1e-2', 40: '6e-4', 60: '2e-6' }
  const rows: Row[] = []
  const courses: Record<string, number[]> = {}
  const contenders = ['push-pull', 'flow updating', 'transfers']
  for (const [k, name] of contenders.entries()) {
    const make = VARIANTS[name] as (setting: Setting) => Averaging
    const crowd = make({ nodes, seed, loss: 0.2, value: (index) => (index === 0 ? nodes : 0) })
    const course = [rmsError(crowd.estimates(), 1)]
    for (let cycle = 1; cycle <= cycles; cycle++) {
      crowd.cycle()
      course.push(rmsError(crowd.estimates(), 1))
      progress(0.5 + (0.3 * (k + cycle / cycles)) / contenders.length, `${name}, 20 % loss, cycle ${cycle}`)
    }
    courses[name] = course
    const of = `${name}, COUNT, one instance, 20 % loss, N = ${nodes}`
    if (name !== 'transfers') {
      const last = course[cycles] as number
      rows.push({
        case: of,
        metric: `rms error at cycle ${cycles}`,
        reference: name === 'push-pull' ? 'beside: 0.2 for ever' : 'a model 3e-2, or better',
        measured: short(last),
        ok: name === 'push-pull' || last <= 0.03,
      })
      continue
    }
    for (const cycle of shown) {
      const measured = course[cycle] as number
      const aim = cycle === 35
      rows.push({
        case: of,
        metric: `rms error at cycle ${cycle}`,
        reference: aim ? '< 0.01' : `a model ${papers[cycle]}, no more than 5 times`,
        measured: short(measured),
        ok: aim ? measured < 0.01 : measured <= 5 * Number(papers[cycle]),
      })
    }
    const falling = (course[60] as number) / (course[35] as number)
    rows.push({
      case: of,
      metric: 'rms error at cycle 60 as a share of that at 35',
      reference: 'still falling: < 0.1',
      measured: short(falling),
      ok: falling < 0.1,
    })
    rows.push(...crowd.loadRows(of))
  }
  const svg = drawn({
    title: `COUNT with one instance, 20 % loss, N = ${nodes}`,
    x: { label: 'cycle' },
    y: { label: 'rms error', scale: 'log' },
    series: [
      {
        name: 'aim: 1 %',
        style: 'reference',
        points: [
          [0, 0.01],
          [cycles, 0.01],
        ],
      },
      ...contenders.map((name) => ({
        name,
        points: (courses[name] as number[]).map((error, cycle): [number, number] => [cycle, error]),
      })),
    ],
  })
  const table: Table = {
    name: 'loss',
    columns: ['cycle', ...contenders],
    rows: Array.from({ length: cycles + 1 }, (_, cycle) => [
      cycle,
      ...contenders.map((name) => courses[name]?.[cycle] ?? null),
    ]),
  }
  return { rows, table, svg }
}

/**
 * The default as a node runs it, epochs and all. Every cycle 1 % of the nodes die silently and as many others come, with values of their
 * own; they take part from the next epoch on. Whoever has seen an epoch settle is held against the average over all that live.
 */
function churn({ quick, seed, progress }: Trial): Row[] {
  const nodes = quick ? 1000 : 10_000
  const [from, to] = [60, quick ? 80 : 100]
  const value = uniformValues(seed)
  const rows: Row[] = []
  for (const [k, loss] of [0, 0.2].entries()) {
    const crowd = new StandingCrowd({ nodes, seed, loss, value })
    let worst = 0
    let silent = 0
    let beside = 0
    let told = 0
    for (let cycle = 1; cycle <= to; cycle++) {
      crowd.cycle()
      if (cycle >= from) {
        const truth = moments(crowd.live.map(({ index }) => value(index))).mean
        const readings = crowd.live.flatMap(({ protocol }) =>
          protocol.settled ? (protocol.read().averages.x ?? []) : [],
        )
        worst = Math.max(
          worst,
          rmsError(
            readings.map((reading) => reading.value),
            truth,
          ),
        )
        silent = Math.max(silent, 1 - readings.length / crowd.live.length)
        beside += readings.filter(({ low, high }) => truth < low || truth > high).length
        told += readings.length
      }
      crowd.turnOver(nodes / 100)
      progress(0.8 + 0.05 * (k + cycle / to), `standing aggregates, churn, cycle ${cycle}`)
    }
    const of = `standing average, 1 % churn a cycle, ${loss * 100} % loss, N = ${nodes}`
    rows.push(
      {
        case: of,
        metric: `largest rms error in cycles ${from}-${to}`,
        reference: '< 0.02',
        measured: short(worst),
        ok: worst < 0.02,
      },
      {
        case: of,
        metric: 'largest share of nodes whose first epoch has not settled yet',
        reference: null,
        measured: short(silent),
        ok: true,
      },
      {
        case: of,
        metric: 'truth in the stated 95 % interval',
        reference: null,
        measured: short(1 - beside / told),
        ok: true,
      },
      ...crowd.loadRows(of),
    )
  }
  return rows
}

/** 5 % of the nodes change their value in each of 20 cycles, at 20 % loss; then nothing changes any more. */
function quiescence({ quick, seed, progress }: Trial): Row[] {
  const nodes = quick ? 1000 : 10_000
  const first = uniformValues(seed)
  const values = Array.from({ length: nodes }, (_, i) => first(i))
  const random = new Random(seed).fork('changes')
  const crowd = transfers({ nodes, seed, loss: 0.2, value: first })
  for (let cycle = 1; cycle <= 110; cycle++) {
    for (let i = 0; cycle <= 20 && i < nodes / 20; i++) {
      const index = random.integer(nodes)
      const difference = 10 * random.float()
      values[index] = (values[index] as number) + difference
      crowd.change?.(index, difference)
    }
    crowd.cycle()
    progress(0.9 + (0.1 * cycle) / 110, `transfers, changing values, cycle ${cycle}`)
  }
  const truth = moments(values).mean
  const worst = Math.max(...crowd.estimates().map((estimate) => Math.abs(estimate / truth - 1)))
  return [
    {
      case: `transfers, 20 % loss, 5 % of the values change in each of 20 cycles, N = ${nodes}`,
      metric: 'largest relative error of any node, 90 cycles after the last change',
      reference: 'exact: < 1e-9',
      measured: short(worst),
      ok: worst < 1e-9,
    },
  ]
}

/** The value of the node born in this place: uniform between 0 and 1. */
function uniformValues(seed: number): (index: number) => number {
  const random = new Random(seed).fork('values')
  const values: number[] = []
  return (index) => {
    while (values.length <= index) values.push(random.float())
    return values[index] as number
  }
}
