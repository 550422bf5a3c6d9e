// npm run bench: what tendril costs and how fast it is, on real nodes, beside @libp2p/gossipsub.
import { fork } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { obey } from '../node/commands/index.ts'
import { numberOf } from '../node/commands/numbers.ts'
import { FAULTS, type FaultFigures } from '../testnet/local/faults.ts'
import { type Aim, aims } from './bench/aims.ts'
import type { MemoryFigures } from './bench/memory.ts'
import type { QueryFigures } from './bench/queries.ts'
import type { SlowFigures } from './bench/slow.ts'
import type { Figures, NetworkFigures, Task } from './bench/worker.ts'

/** What `--json` prints. ms, us and bytes as the names say; ratios are tendril / gossipsub. */
export interface BenchReport {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly loadBefore: number }
  readonly tendril: NetworkFigures
  readonly gossipsub: NetworkFigures
  /** 16 nodes, each a process of its own. */
  readonly processes: { readonly tendril: NetworkFigures; readonly gossipsub: NetworkFigures }
  readonly queries: readonly QueryFigures[]
  readonly slow: readonly SlowFigures[]
  readonly memory: MemoryFigures
  /** 16 nodes, each a process of its own, some of them faulty. */
  readonly faults: readonly FaultFigures[]
  readonly aims: readonly Aim[]
}

const PROCESSES = 16

function measure<Found extends Figures>(task: Task): Promise<Found> {
  process.stderr.write(`measuring ${Object.values(task).slice(0, 3).join(' ')} ...\n`)
  return new Promise((resolve, reject) => {
    const worker = fork(join(import.meta.dirname, 'bench', 'worker.ts'), [], { serialization: 'advanced' })
    worker.on('message', (message) => {
      const { figures, error } = message as { figures?: Found; error?: string }
      if (figures === undefined) reject(new Error(error))
      else resolve(figures)
    })
    worker.on('exit', (code) => reject(new Error(`the measurement ended with ${code}`)))
    worker.send(task)
  })
}

interface Options {
  readonly quick?: boolean
  readonly json?: boolean
  readonly faults?: boolean
  readonly nodes: string
  readonly seed: string
}

async function bench({ quick = false, json = false, faults: onlyFaults = false, ...texts }: Options): Promise<void> {
  const nodes = (await numberOf('--nodes', texts.nodes, () => ({ whole: true, least: 2, most: 1000 }))) as number
  const seed = (await numberOf('--seed', texts.seed, () => ({ whole: true, least: 0, most: 2 ** 32 - 1 }))) as number
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  }
  const common = { seed, quick }
  const broadcasts = (of: 'tendril' | 'gossipsub', count: number, processes: number) =>
    measure<NetworkFigures>({ kind: 'broadcast', of, nodes: count, processes, ...common })
  const faults: FaultFigures[] = []
  for (const fault of FAULTS) faults.push(await measure<FaultFigures>({ kind: 'fault', fault, ...common }))
  if (onlyFaults) {
    const { faultsText } = await import('./bench/print.ts')
    process.stdout.write(`${json ? JSON.stringify(faults) : await faultsText(faults)}\n`)
    return
  }
  const tendril = await broadcasts('tendril', nodes, 1)
  const gossipsub = await broadcasts('gossipsub', nodes, 1)
  const processes = {
    tendril: await broadcasts('tendril', PROCESSES, PROCESSES),
    gossipsub: await broadcasts('gossipsub', PROCESSES, PROCESSES),
  }
  const few = await measure<QueryFigures>({ kind: 'queries', nodes: 32, ...common })
  const slow = [
    await measure<SlowFigures>({ kind: 'slow', slowness: 'stopped reader', ...common }),
    await measure<SlowFigures>({ kind: 'slow', slowness: 'SIGSTOP', ...common }),
  ]
  const memory = await measure<MemoryFigures>({ kind: 'memory', ...common })
  const queries = tendril.queries === undefined ? [few] : [few, tendril.queries]
  const figures = { machine, tendril, gossipsub, processes, queries, slow, memory, faults }
  const report: BenchReport = { ...figures, aims: aims(figures) }
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else {
    const { reportText } = await import('./bench/print.ts')
    process.stdout.write(`${await reportText(report)}\n`)
  }
}

const program = new Command('bench')
  .description(
    'measure real nodes: broadcasts beside @libp2p/gossipsub, queries, idle costs, slow nodes, memory, faults. About 30 minutes.',
  )
  .option('--quick', 'shorter runs: a look, not a figure to publish')
  .option('--faults', 'only the faults: processes stopped and killed, a slow reader, a flood')
  .option('--nodes <n>', 'nodes of the broadcast comparison', '100')
  .option('--seed <number>', 'decides keys and who does what', '1')
  .option('--json', 'print one JSON object; progress goes to standard error')
  .action(bench)

await obey(program, process.argv.slice(2))
