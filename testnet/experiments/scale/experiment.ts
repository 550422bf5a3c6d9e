import type { Experiment, Row, Table, Trial } from '../experiment.ts'
import { BUDGET } from '../tman/network.ts'
import type { AveragingResult, QueriedRingResult, RingResult } from './measure.ts'
import { measured } from './measured.ts'

const GIB = 2 ** 30

/** Nodes of the averages, and the millions of events a CPU-second that the issue asks at each size. */
const AVERAGES = {
  quick: [
    { nodes: 10_000, rate: undefined },
    { nodes: 100_000, rate: 2.5 },
  ],
  full: [
    { nodes: 100_000, rate: 2.5 },
    { nodes: 1_000_000, rate: 0.9 },
  ],
}
const MOST_BYTES = 600

const RINGS = {
  quick: { timed: 2 ** 12, queried: 4000, large: 2 ** 13 },
  full: { timed: 2 ** 17, queried: 100_000, large: 2 ** 20 },
}
/** CPU seconds a cycle at 2^17. */
const MOST_SECONDS = 2
/** Cycles to 100 % at 2^17, where the authors' own code never finishes. */
const MOST_CYCLES = 30
const QUERIED_MEMORY = 4 * GIB
const LARGE_MEMORY = 16 * GIB
/** Of a memory limit, what the heap may have: the rest is for the process's other memory. */
const HEAP_SHARE = 0.85

export const experiment: Experiment = {
  name: 'scale',
  title: 'events per CPU-second and bytes a node; a ring of a million; a ring and a query over it in one run',
  source: 'targets of this project',
  async run(trial) {
    const { quick } = trial
    const sizes = quick ? RINGS.quick : RINGS.full
    const tables: (string | number | null)[][] = []
    const rows: Row[] = []
    const averages = quick ? AVERAGES.quick : AVERAGES.full
    for (const [i, average] of averages.entries()) {
      rows.push(...(await averaging(average, { ...trial, progress: part(trial, i * 0.1, 0.1) }, tables)))
    }
    const task = (nodes: number) => ({ nodes, seed: trial.seed })
    const timed = await measured({ kind: 'ring', ...task(sizes.timed) }, 3 * GIB, part(trial, 0.2, 0.2))
    rows.push(...ofRing(`T-Man ring, N = ${sizes.timed}, c = 20`, timed, !quick))
    const heap = QUERIED_MEMORY * HEAP_SHARE
    const queried = await measured({ kind: 'queried-ring', ...task(sizes.queried) }, heap, part(trial, 0.4, 0.2))
    rows.push(...ofQueried(`ring, long links and a count, N = ${sizes.queried}, links of 50 ms`, queried))
    const large = await measured(
      { kind: 'ring', ...task(sizes.large) },
      LARGE_MEMORY * HEAP_SHARE,
      part(trial, 0.6, 0.4),
    )
    rows.push(...ofLarge(`T-Man ring, N = ${sizes.large}, c = 20`, large))
    const averagesTable: Table = {
      name: 'averaging',
      columns: ['nodes', 'own budgets', 'interval', 'events per CPU-second', 'bytes a node', 'trace'],
      rows: tables,
    }
    return { rows, tables: [averagesTable, cyclesTable({ timed, queried, large })], figures: [] }
  },
}

async function averaging(
  { nodes, rate }: { nodes: number; rate: number | undefined },
  { seed, progress }: Trial,
  table: (string | number | null)[][],
): Promise<Row[]> {
  const heap = Math.max(GIB, nodes * 4096)
  const task = { kind: 'averaging', nodes, seed } as const
  const shared = await measured({ ...task, budgets: false }, heap, progress)
  const own = await measured({ ...task, budgets: true }, heap, progress)
  const row = rowsOf(`averaging over random contacts, N = ${nodes}`)
  if (shared === undefined || own === undefined) return [row('memory', `${heap / GIB} GiB`, 'not there', false)]
  for (const [budgets, one] of [
    [0, shared],
    [1, own],
  ] as const) {
    for (const [i, each] of one.rates.entries()) {
      table.push([nodes, budgets, i, Math.round(each), Math.round(one.bytesPerNode), one.trace])
    }
  }
  const best = Math.max(...shared.rates) / 1e6
  const kept = shared.absorbed > 0.95 && shared.trace === own.trace
  return [
    row(
      'million events a CPU-second, best of 5 s of virtual time',
      rate === undefined ? null : `>= ${rate}`,
      round(best),
      rate === undefined || best >= rate,
    ),
    row('million events a CPU-second, median', null, round(median(shared) / 1e6)),
    row('million events a CPU-second, median, a budget for each node', null, round(median(own) / 1e6)),
    row(
      'bytes a node, one budget for all',
      rate === undefined ? null : `<= ${MOST_BYTES}`,
      Math.round(shared.bytesPerNode),
      rate === undefined || shared.bytesPerNode <= MOST_BYTES,
    ),
    row('bytes a node, a budget for each', null, Math.round(own.bytesPerNode)),
    row('offers answered in time, %; the same trace twice', '> 95', round(shared.absorbed * 100), kept),
  ]
}

/** @param full whether this is the size that the references are for */
function ofRing(name: string, result: RingResult | undefined, full: boolean): Row[] {
  const row = rowsOf(name)
  if (result === undefined) return [row('memory', null, 'not there', false)]
  const { seconds, cycles, missing } = result
  const mean = seconds.reduce((sum, each) => sum + each, 0) / seconds.length
  return [
    row('CPU seconds a cycle, mean', full ? `<= ${MOST_SECONDS}` : null, round(mean), !full || mean <= MOST_SECONDS),
    row('CPU seconds a cycle, most', null, round(Math.max(...seconds))),
    ...completion(row, cycles, missing),
    ...loadRows(row, result),
  ]
}

function ofQueried(name: string, result: QueriedRingResult | undefined): Row[] {
  const row = rowsOf(name)
  if (result === undefined) return [row('memory', '<= 4 GiB', 'not there', false)]
  const { exact, hops, ms, cycles, missing, peak } = result
  return [
    row('count exact', 'yes', exact ? 'yes' : 'no', exact),
    row('hops', null, hops),
    row('virtual ms from question to answer', null, Math.round(ms)),
    ...completion(row, cycles, missing),
    row('peak memory, GiB', `<= ${QUERIED_MEMORY / GIB}`, round(peak / GIB), peak <= QUERIED_MEMORY),
    ...loadRows(row, result),
  ]
}

function ofLarge(name: string, result: RingResult | undefined): Row[] {
  const row = rowsOf(name)
  if (result === undefined) return [row('memory', '<= 16 GiB', 'not there', false)]
  const { seconds, cycles, missing, peak } = result
  return [
    ...completion(row, cycles, missing),
    row('CPU seconds in all', null, Math.round(seconds.reduce((sum, each) => sum + each, 0))),
    row('peak memory, GiB', `<= ${LARGE_MEMORY / GIB}`, round(peak / GIB), peak <= LARGE_MEMORY),
    ...loadRows(row, result),
  ]
}

type MakeRow = ReturnType<typeof rowsOf>

function completion(row: MakeRow, cycles: number, missing: number): Row[] {
  const done = missing === 0
  return [
    row('cycles to 100 % of the ring links', `<= ${MOST_CYCLES}`, done ? cycles : null, done && cycles <= MOST_CYCLES),
  ]
}

function loadRows(row: MakeRow, { load }: RingResult): Row[] {
  const { messagesPerRound, bytesPerRound, mostBytes } = load
  return [
    row(
      'messages a node and cycle, mean and most',
      null,
      `${round(messagesPerRound.mean)}, ${round(messagesPerRound.max)}`,
    ),
    row(
      'bytes a node and cycle, mean and most',
      null,
      `${Math.round(bytesPerRound.mean)}, ${Math.round(bytesPerRound.max)}`,
    ),
    row('bytes a node sent in any second, most', `<= ${BUDGET}`, mostBytes, mostBytes <= BUDGET),
  ]
}

function cyclesTable(runs: Readonly<Record<string, RingResult | undefined>>): Table {
  const rows = Object.entries(runs).flatMap(([name, run]) => (run?.seconds ?? []).map((each, i) => [name, i + 1, each]))
  return { name: 'cycles', columns: ['run', 'cycle', 'CPU seconds'], rows }
}

function rowsOf(name: string) {
  return (metric: string, reference: Row['reference'], value: Row['measured'], ok = true): Row => {
    return { case: name, metric, reference, measured: value, ok }
  }
}

/** Progress of one of several parts. */
function part({ progress }: Trial, from: number, share: number): Trial['progress'] {
  return (done, doing) => progress(from + done * share, doing)
}

function median({ rates }: AveragingResult): number {
  return rates.toSorted((a, b) => a - b)[rates.length >> 1] as number
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
