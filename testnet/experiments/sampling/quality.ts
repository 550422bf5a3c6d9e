import type { Random } from '../../../core/random.ts'
import type { SamplingOptions } from '../../../overlays/sampling/sampling.ts'
import { clustering, components, type Graph, inDegrees, pathLength, randomGraph } from '../../observers/graph.ts'
import { loadOf } from '../../observers/load.ts'
import { drawn, type Series } from '../chart.ts'
import type { Experiment, Figure, Row, Table } from '../experiment.ts'
import { BUDGET, CYCLON, NEWSCAST, Overlay, VIEW } from './overlay.ts'

interface Variant {
  readonly name: string
  readonly options: Partial<SamplingOptions>
}

const VARIANTS: readonly Variant[] = [
  { name: 'newscast', options: NEWSCAST },
  { name: 'cyclon', options: CYCLON },
  { name: 'tendril', options: {} },
  { name: 'tendril with hearsay', options: { hearsay: true } },
]
const STARTS = ['random', 'lattice', 'growing'] as const

interface Sizes {
  readonly nodes: number
  /** Newcomers a cycle of the growing start. */
  readonly growth: number
  /** Cycles from the random start to the deaths, and from the other starts to the end. */
  readonly cycles: Readonly<Record<(typeof STARTS)[number], number>>
  readonly healing: number
}

/** The paper runs 300 cycles from every start; what comes later from lattice and growing shows nothing new. */
const FULL: Sizes = { nodes: 10_000, growth: 500, cycles: { random: 300, lattice: 60, growing: 200 }, healing: 70 }
const QUICK: Sizes = { nodes: 150, growth: 15, cycles: { random: 80, lattice: 60, growing: 100 }, healing: 70 }

interface Quality {
  readonly cycle: number
  readonly mean: number
  readonly deviation: number
  readonly max: number
  readonly clustering: number
  readonly path: number
  readonly components: number
}

function qualityOf(graph: Graph, cycle: number, random: Random): Quality {
  const degrees = inDegrees(graph)
  const mean = degrees.reduce((sum, degree) => sum + degree, 0) / Math.max(1, degrees.length)
  const variance = degrees.reduce((sum, degree) => sum + (degree - mean) ** 2, 0) / Math.max(1, degrees.length)
  return {
    cycle,
    mean,
    deviation: Math.sqrt(variance),
    max: degrees.reduce((most, degree) => Math.max(most, degree), 0),
    clustering: clustering(graph, random, 200),
    path: pathLength(graph, random, 5),
    components: components(graph).length,
  }
}

/** When to look: densely at first. */
function looks(cycles: number): number[] {
  const all = [1, 2, 3, 5, 8, 12, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300]
  return [...new Set([...all.filter((cycle) => cycle < cycles), cycles])]
}

interface Run {
  readonly variant: string
  readonly start: string
  readonly qualities: readonly Quality[]
  /** Share of dead links in each cycle after half the nodes died; empty where none did. */
  readonly dead: readonly number[]
  /** Components of the overlay among the living: at every look, right after half the nodes died, and in each cycle after it. */
  readonly components: readonly number[]
  readonly load: ReturnType<typeof loadOf>
}

export const experiment: Experiment = {
  name: 'sampling-quality',
  title: 'how random the random overlay is, and how it heals when half of the nodes die',
  source: 'Jelasity et al., Gossip-based peer sampling (ACM TOCS 2007)',
  run({ seed, quick, progress }) {
    const sizes = quick ? QUICK : FULL
    const runs: Run[] = []
    const total = VARIANTS.length * STARTS.length
    for (const { name, options } of VARIANTS) {
      for (const start of STARTS) {
        progress(runs.length / total, `${name}, ${start} start`)
        runs.push(run(name, options, start, sizes, seed))
      }
    }
    const random = new Overlay({ nodes: 1, seed, options: {} }).random
    const reference = qualityOf(randomGraph(sizes.nodes, VIEW, random), 0, random)
    return {
      rows: [...runs.flatMap((one) => rowsOf(one, reference)), ...loadRows(runs)],
      tables: tablesOf(runs, reference),
      figures: figuresOf(runs, reference),
    }
  },
}

function run(
  variant: string,
  options: Partial<SamplingOptions>,
  start: (typeof STARTS)[number],
  sizes: Sizes,
  seed: number,
): Run {
  const { nodes, growth } = sizes
  const overlay = new Overlay({ nodes: start === 'growing' ? 1 : nodes, seed, options })
  const qualities: Quality[] = []
  const dead: number[] = []
  let cycle = 0
  const cycles = sizes.cycles[start]
  const look = () => qualities.push(qualityOf(overlay.graph(), cycle, overlay.random))
  if (start === 'growing') overlay.grow(nodes, growth, () => cycle++)
  else if (start === 'lattice') overlay.startLattice()
  else overlay.startRandom()
  look()
  for (const next of looks(cycles).filter((at) => at > cycle)) {
    overlay.cycles(next - cycle)
    cycle = next
    look()
  }
  const load = loadOf(overlay.simulation.nodes, cycle)
  const parts = qualities.map((quality) => quality.components)
  const lookAtDead = () => {
    dead.push(overlay.deadLinks())
    parts.push(components(overlay.graph()).length)
  }
  if (start === 'random') {
    overlay.kill(Math.floor(nodes / 2))
    lookAtDead()
    for (let i = 0; i < sizes.healing; i++) {
      overlay.cycles(1)
      lookAtDead()
    }
  }
  return { variant, start, qualities, dead, components: parts, load }
}

const last = (run: Run) => run.qualities.at(-1) as Quality
const fixed = (value: number, digits = 3) => Number(value.toPrecision(digits))

export function rowsOf(run: Run, reference: Quality): Row[] {
  const { variant, start, dead, components: parts } = run
  const { cycle, mean, deviation, max, clustering: clusters, path } = last(run)
  const name = `${variant}, ${start} start, cycle ${cycle}`
  const ours = variant.startsWith('tendril')
  const random = fixed(reference.deviation)
  const connected = parts.filter((count) => count === 1).length
  const rows: Row[] = [
    {
      case: name,
      metric: 'in-degree, mean',
      reference: `${VIEW} +- 1.5`,
      measured: fixed(mean),
      ok: Math.abs(mean - VIEW) <= 1.5,
    },
  ]
  const degree = { case: name, metric: 'in-degree, deviation', measured: fixed(deviation) }
  // The paper: Newscast's in-degrees are far from a random graph's, swapping keeps them narrower than it.
  if (variant === 'newscast') rows.push({ ...degree, reference: `> ${random} (random graph)`, ok: deviation > random })
  else if (variant === 'cyclon')
    rows.push({ ...degree, reference: `<= 1.1 x ${random} (random graph)`, ok: deviation < 1.1 * random })
  else rows.push({ ...degree, reference: `<= 1.3 x ${random} (random graph)`, ok: deviation <= 1.3 * random })
  rows.push(
    {
      case: name,
      metric: 'in-degree, most',
      reference: `${ours ? '<= 1.5 x ' : ''}${reference.max} (random graph${ours ? '' : ', not judged'})`,
      measured: max,
      ok: !ours || max <= 1.5 * reference.max,
    },
    {
      case: name,
      metric: 'clustering',
      reference: `${ours ? '<= 1.3 x ' : ''}${fixed(reference.clustering)} (random graph${ours ? '' : ', not judged'})`,
      measured: fixed(clusters),
      ok: !ours || clusters <= 1.3 * reference.clustering,
    },
    {
      case: name,
      metric: 'path length',
      reference: `within 5 % of ${fixed(reference.path)} (random graph)`,
      measured: fixed(path),
      ok: Math.abs(path / reference.path - 1) < 0.05,
    },
    {
      case: name,
      metric: `looks at which all are connected${dead.length > 0 ? ', those at the living half too' : ''}`,
      reference: `all ${parts.length}`,
      measured: connected,
      ok: connected === parts.length,
    },
  )
  if (dead.length > 0) {
    const healed = dead.findIndex((share) => share < 0.01)
    const after = `${variant}, half the nodes die at cycle ${cycle}`
    // With hearsay our samplers tell of peers they never met, the dead among them: the paper says nothing about that mixture.
    const bounded = variant !== 'tendril with hearsay'
    rows.push({
      case: after,
      metric: 'cycles until 99 % of links lead to the living',
      reference: bounded ? '<= 70 (tens of cycles)' : null,
      measured: healed < 0 ? `never by ${dead.length - 1}` : healed,
      ok: !bounded || (healed >= 0 && healed <= 70),
    })
  }
  return rows
}

function loadRows(runs: readonly Run[]): Row[] {
  return runs
    .filter(({ start }) => start !== 'lattice')
    .flatMap(({ variant, start, load }) => {
      const name = `${variant}, ${start} start`
      const { messagesPerRound: messages, bytesPerRound: bytes, mostBytes } = load
      return [
        {
          case: name,
          metric: 'messages a node and round, mean / most',
          reference: null,
          measured: `${fixed(messages.mean)} / ${fixed(messages.max)}`,
          ok: true,
        },
        {
          case: name,
          metric: 'bytes a node and round, mean / most',
          reference: null,
          measured: `${fixed(bytes.mean)} / ${fixed(bytes.max)}`,
          ok: true,
        },
        {
          case: name,
          metric: 'most bytes of any node in any second',
          reference: `<= ${BUDGET} (budget)`,
          measured: mostBytes,
          ok: mostBytes <= BUDGET,
        },
      ]
    })
}

function tablesOf(runs: readonly Run[], reference: Quality): Table[] {
  const columns = ['variant', 'start', 'cycle', 'mean', 'deviation', 'most', 'clustering', 'path', 'components']
  const row = (variant: string, start: string, q: Quality) => [
    variant,
    start,
    q.cycle,
    q.mean,
    q.deviation,
    q.max,
    q.clustering,
    q.path,
    q.components,
  ]
  return [
    {
      name: 'quality',
      columns,
      rows: [
        row('random graph', '', reference),
        ...runs.flatMap((one) => one.qualities.map((q) => row(one.variant, one.start, q))),
      ],
    },
    {
      name: 'healing',
      columns: ['variant', 'cycle', 'dead links'],
      rows: runs.flatMap(({ variant, dead }) => dead.map((share, cycle) => [variant, cycle, share])),
    },
  ]
}

function figuresOf(runs: readonly Run[], reference: Quality): Figure[] {
  const figures: Figure[] = []
  for (const [property, label, of] of [
    ['in-degree', 'deviation of in-degrees', (q: Quality) => q.deviation],
    ['clustering', 'clustering coefficient', (q: Quality) => q.clustering],
    ['path', 'mean path length', (q: Quality) => q.path],
  ] as const) {
    for (const start of STARTS) {
      const some = runs.filter((one) => one.start === start)
      const series: Series[] = some.map(({ variant, qualities }) => ({
        name: variant,
        points: qualities.map((q) => [q.cycle, of(q)] as const),
      }))
      const end = Math.max(...some.map((one) => last(one).cycle))
      series.push({
        name: 'random graph',
        style: 'reference',
        points: [
          [0, of(reference)],
          [end, of(reference)],
        ],
      })
      const svg = drawn({ title: `${label}, ${start} start`, x: { label: 'cycle' }, y: { label, from: 0 }, series })
      figures.push({ name: `${property}-${start}`, svg })
    }
  }
  const series = runs
    .filter(({ dead }) => dead.length > 0)
    .map(({ variant, dead }) => ({ name: variant, points: dead.map((share, cycle) => [cycle, share] as const) }))
  figures.push({
    name: 'healing',
    svg: drawn({
      title: 'dead links after half the nodes died',
      x: { label: 'cycles since' },
      y: { label: 'share of links' },
      series,
    }),
  })
  return figures
}
