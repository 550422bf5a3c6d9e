import type { SizeEstimate } from '../../../protocols/aggregation/size/estimate.ts'
import { RingSize, type Stretch, stretchAround } from '../../../protocols/aggregation/size/ring.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { rmsError, short } from './crowd.ts'
import { StandingCrowd } from './standing.ts'

/** An estimate that is asked for: how far off it is, and how often the truth lies where it says. */
interface Score {
  /** Estimates, each as a share of the truth. */
  readonly values: number[]
  /** Of single nodes, or of runs where all nodes come to the same. */
  inside: number
}

type Way =
  | 'ring, own neighbours'
  | "ring, 32 peers' neighbours, too"
  | 'ring, averaged by gossip'
  | 'count'
  | 'extrema'
  | 'network_size'
const WAYS: readonly Way[] = [
  'ring, own neighbours',
  "ring, 32 peers' neighbours, too",
  'ring, averaged by gossip',
  'count',
  'extrema',
  'network_size',
]

/** Cycles after which the first epoch, which begins in the tenth, has settled. */
const CALM = 45
/** Cycles in which nodes come and go before anything is asked. */
const STORMY = [95, 105, 115, 125] as const
/** Rounds after which the running epoch is looked at; `network_size` knows by itself. */
const SETTLED = 20
/** Spacings that 33 nodes with 4 neighbours on each side see. */
const PEERS = 32

export const experiment: Experiment = {
  name: 'size-estimation',
  title: 'how many nodes are there? extrema, ring spacing, gossip count, and network_size out of them',
  source:
    'extrema: relative sd 1/sqrt(K-2), calculated; what network_size states: a target of this project; partners and ring by an oracle',
  run,
}

function run(trial: Trial): Result {
  const rows: Row[] = []
  const table: (string | number)[][] = []
  const curves = new Map<Way, [number, number][]>()
  const sizes = trial.quick ? [100, 1000, 3000] : [100, 1000, 10_000, 100_000]
  const pooled = scores()
  for (const [k, nodes] of sizes.entries()) {
    // Extrema are the same on all nodes of a run: only many runs show how often they are right.
    const runs = nodes === 100 ? 40 : nodes === 1000 ? 5 : 1
    const all = scores()
    for (let one = 0; one < runs; one++) {
      trial.progress((k + one / runs) / (sizes.length + 2), `${nodes} nodes, run ${one + 1} of ${runs}`)
      const crowd = new StandingCrowd({ nodes, seed: trial.seed * 1000 + k * 100 + one, value: () => 1, ring: true })
      for (let cycle = 0; cycle < CALM; cycle++) crowd.cycle()
      for (const into of [all, pooled]) ask(crowd, nodes, into)
      if (one === runs - 1) rows.push(...crowd.loadRows(`standing aggregates, N = ${nodes}`))
    }
    for (const way of WAYS) {
      const { error, covered } = summary(all[way])
      table.push([way, nodes, 'calm', error, covered])
      curves.set(way, [...(curves.get(way) ?? []), [nodes, Math.max(error, 1e-12)]])
      rows.push(errorRow(way, `N = ${nodes}`, error, false))
    }
  }
  for (const way of WAYS)
    rows.push(
      coveredRow(way, 'nothing lost, nobody dies, all N', summary(pooled[way]).covered, pooled[way].values.length),
    )
  rows.push(...disturbed(trial, table))
  const svg = drawn({
    title: 'Error of the estimated size, nothing lost',
    x: { label: 'nodes', scale: 'log' },
    y: { label: 'relative rms error', scale: 'log' },
    series: WAYS.map((way) => ({ name: way, points: curves.get(way) ?? [] })),
  })
  const columns = ['way', 'nodes', 'setting', 'rms error', 'in the stated interval']
  return { rows, tables: [{ name: 'sizes', columns, rows: table }], figures: [{ name: 'errors', svg }] }
}

/** 20 % loss, and 1 % of the nodes replaced every cycle, silently. */
function disturbed({ seed, quick, progress }: Trial, table: (string | number)[][]): Row[] {
  const nodes = quick ? 1000 : 10_000
  const rows: Row[] = []
  for (const [k, setting] of [
    { churn: 0, loss: 0.2 },
    { churn: 0.01, loss: 0.2 },
  ].entries()) {
    const all = scores()
    const name = setting.churn === 0 ? '20 % loss' : '1 % churn a cycle, 20 % loss'
    const crowd = new StandingCrowd({
      nodes,
      seed: seed * 1000 + 900 + k,
      loss: setting.loss,
      value: () => 1,
      ring: true,
    })
    for (let cycle = 1; cycle <= (STORMY.at(-1) ?? 0); cycle++) {
      progress(0.7 + 0.15 * (k + cycle / 125), `${nodes} nodes, ${name}, cycle ${cycle}`)
      crowd.cycle()
      if ((STORMY as readonly number[]).includes(cycle)) ask(crowd, nodes, all)
      crowd.turnOver(nodes * setting.churn)
    }
    for (const way of WAYS) {
      const { error, covered } = summary(all[way])
      table.push([way, nodes, name, error, covered])
      rows.push(errorRow(way, `${name}, N = ${nodes}`, error, setting.churn > 0))
    }
    rows.push(
      coveredRow(
        'network_size',
        `${name}, N = ${nodes}`,
        summary(all.network_size).covered,
        all.network_size.values.length,
      ),
    )
    rows.push(...crowd.loadRows(`standing aggregates, ${name}, N = ${nodes}`))
  }
  return rows
}

/** What every node that has seen an epoch settle says. */
function ask(crowd: StandingCrowd, nodes: number, into: Record<Way, Score>): void {
  const settled = crowd.live.filter(({ protocol }) => protocol.settled)
  const stretches = settled.map(({ self }) => stretchAround(self, crowd.neighbours(self)))
  const { random } = crowd.simulation
  let extremum: SizeEstimate | undefined
  for (const [i, { protocol }] of settled.entries()) {
    const own = stretches[i]
    const told = Array.from({ length: PEERS }, () => random.pick(stretches))
    const sizes = protocol.status().rounds >= SETTLED ? protocol.sizes() : {}
    score(into['ring, own neighbours'], own && new RingSize([own]).estimate(), nodes)
    score(into["ring, 32 peers' neighbours, too"], together([own, ...told]), nodes)
    score(into['ring, averaged by gossip'], sizes.ring, nodes)
    score(into.count, sizes.count, nodes)
    score(into.network_size, protocol.read().size, nodes)
    extremum ??= sizes.extrema
  }
  score(into.extrema, extremum, nodes)
}

function together(stretches: readonly (Stretch | undefined)[]): SizeEstimate | undefined {
  const known = stretches.filter((one) => one !== undefined)
  return new RingSize(known).estimate()
}

function score(into: Score, estimate: SizeEstimate | undefined, nodes: number): void {
  if (estimate === undefined) return
  into.values.push(estimate.value / nodes)
  // Rounding is not an error.
  if (estimate.low <= nodes * (1 + 1e-9) && estimate.high >= nodes * (1 - 1e-9)) into.inside++
}

function scores(): Record<Way, Score> {
  return Object.fromEntries(WAYS.map((way) => [way, { values: [], inside: 0 }])) as unknown as Record<Way, Score>
}

function summary({ values, inside }: Score): { error: number; covered: number } {
  return values.length === 0
    ? { error: 1, covered: 0 }
    : { error: rmsError(values, 1), covered: inside / values.length }
}

/** What a way's error should be by its own theory; the gossiped ones are exact in the end, and what is asked here is that they are by now. */
function errorRow(way: Way, of: string, error: number, churn: boolean): Row {
  const limit = limitOf(way, churn)
  return {
    case: `${way}, ${of}`,
    metric: 'relative rms error',
    reference: `<= ${short(limit)}`,
    measured: short(error),
    ok: error <= limit,
  }
}

function limitOf(way: Way, churn: boolean): number {
  switch (way) {
    case 'ring, own neighbours':
      return 1.5 / Math.sqrt(8 - 2)
    case "ring, 32 peers' neighbours, too":
      // In a network of 100 they overlap, in one with churn not.
      return 3 / Math.sqrt(33 * 8 - 2)
    case 'extrema':
      // One draw a run: three deviations.
      return 3 / Math.sqrt(64 - 2)
    case 'count':
      return churn ? 0.25 : 0.01
    default:
      return churn ? 0.15 : 0.01
  }
}

/** The stated confidence is 95 %; of few runs fewer can be inside by chance. */
function coveredRow(way: Way, of: string, covered: number, samples: number): Row {
  const chance = way === 'extrema' ? 3 * Math.sqrt((0.95 * 0.05) / samples) : 0.03
  const least = 0.95 - chance
  return {
    case: `${way}, ${of}`,
    metric: 'truth in the stated 95 % interval',
    reference: `>= ${short(least)}`,
    measured: short(covered),
    ok: covered >= least,
  }
}
