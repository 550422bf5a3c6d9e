import type { Random } from '../../../core/random.ts'
import type { Ranking } from '../../../overlays/tman/ranking.ts'
import { drawn } from '../chart.ts'
import type { Result, Row, Trial } from '../experiment.ts'
import { neverSlower, type Reached } from './authors.ts'
import { type Course, curveOf, follow, slowest, written } from './course.ts'
import type { Links } from './links.ts'
import { loadRows } from './load-rows.ts'
import { PAPER, TManNetwork } from './network.ts'

/** One graph at one size. */
export interface Graph {
  /** `torus 2^12`. */
  readonly name: string
  readonly nodes: number
  readonly ranking: Ranking
  /** The first so many of the view are partners in turn. */
  readonly psi: number
  attributes?(index: number, random: Random): Readonly<Record<string, number>>
  /** Target links among the members, which are the nodes in their order. */
  links(network: TManNetwork): Links
  /** What the paper's authors' code needs. @default unknown: all links must be there within LIMIT cycles */
  readonly authors?: Reached | undefined
}

interface Settled {
  readonly graph: Graph
  readonly courses: readonly Course[]
  readonly rows: readonly Row[]
}

const SEEDS = 3
const LIMIT = 60

/** Every graph from a random start with c = 20, three seeds each, until no target link is missing. */
export function settle(graphs: readonly Graph[], { seed, progress }: Trial): Settled[] {
  const all = graphs.reduce((sum, { nodes }) => sum + nodes, 0) * SEEDS
  let done = 0
  return graphs.map((graph) => {
    const name = `${graph.name}, c = 20`
    const courses: Course[] = []
    const loads: Row[] = []
    let most = 0
    for (let i = 0; i < SEEDS; i++) {
      const network = new TManNetwork({ ...graph, seed: seed + i, options: { ...PAPER, psi: graph.psi } })
      const course = follow(network, graph.links(network), LIMIT, (cycle, left) => {
        const share = (done + graph.nodes * Math.min(1, cycle / 20)) / all
        progress(share, `${graph.name}, seed ${seed + i}, cycle ${cycle}: ${left} missing`)
      })
      done += graph.nodes
      courses.push(course)
      most = Math.max(most, network.mostDescriptors)
      if (i === 0) loads.push(...loadRows(name, network.simulation.nodes, course.missing.length - 1))
    }
    const cycles = slowest(courses)
    const authors = graph.authors ?? []
    const rows: Row[] = [
      {
        case: name,
        metric: 'cycles to 50/90/99/99.9/100 %, slowest of 3 seeds',
        reference: graph.authors === undefined ? `all by ${LIMIT}` : authors.join('/'),
        measured: written(cycles),
        ok: neverSlower(cycles, authors),
      },
      { case: name, metric: 'descriptors in a message, most', reference: '<= 20', measured: most, ok: most <= 20 },
      ...loads,
    ]
    return { graph, courses, rows }
  })
}

/** Rows, the missing links of every cycle and seed, and the curves of the first seed. */
export function reported(title: string, name: string, settled: readonly Settled[], { seed }: Trial): Result {
  return {
    rows: settled.flatMap(({ rows }) => rows),
    tables: [
      {
        name: 'missing',
        columns: ['graph', 'seed', 'cycle', 'missing', 'links'],
        rows: settled.flatMap(({ graph, courses }) =>
          courses.flatMap(({ missing, links }, i) =>
            missing.map((left, cycle) => [graph.name, seed + i, cycle, left, links]),
          ),
        ),
      },
    ],
    figures: [
      {
        name,
        svg: drawn({
          title,
          x: { label: 'cycle', from: 0 },
          y: { label: 'missing links', scale: 'log' },
          series: settled.flatMap(({ graph, courses: [course] }) =>
            course === undefined ? [] : [curveOf(graph.name, course)],
          ),
        }),
      },
    ],
  }
}
