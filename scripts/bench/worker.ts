// One measurement in a process of its own, so that CPU and memory are its own too. Asked by bench.ts.

import type { FaultFigures, FaultName } from '../../testnet/local/faults.ts'
import { type BroadcastFigures, type IdleFigures, measureBroadcast, measureIdle } from './broadcast.ts'
import { measureFault } from './faults.ts'
import { gossipsubNetwork } from './gossipsub.ts'
import { type MemoryFigures, measureMemory } from './memory.ts'
import { measureQueries, type QueryFigures } from './queries.ts'
import { measureSlow, type SlowFigures, type Slowness } from './slow.ts'
import { readyTestnet, tendrilNetwork } from './tendril.ts'

export type Task =
  | ({
      readonly kind: 'broadcast'
      readonly of: 'tendril' | 'gossipsub'
      readonly nodes: number
      readonly processes: number
    } & Common)
  | ({ readonly kind: 'queries'; readonly nodes: number } & Common)
  | ({ readonly kind: 'slow'; readonly slowness: Slowness } & Common)
  | ({ readonly kind: 'memory' } & Common)
  | ({ readonly kind: 'fault'; readonly fault: FaultName } & Common)

interface Common {
  readonly seed: number
  readonly quick: boolean
}

export interface NetworkFigures {
  readonly of: 'tendril' | 'gossipsub'
  readonly nodes: number
  /** 1: all in one. */
  readonly processes: number
  readonly readyMs: number
  readonly idle: IdleFigures
  /** Bytes of resident memory for each node, before any message. */
  readonly memory: number
  readonly broadcast: readonly BroadcastFigures[]
  /** Large messages, of tendril only: in parts. */
  readonly large?: readonly BroadcastFigures[]
  /** Of tendril in one process only. */
  readonly queries?: QueryFigures
}

export type Figures = NetworkFigures | QueryFigures | SlowFigures | MemoryFigures | FaultFigures

/** Messages a second, and for how long, s: 200 over 100 nodes in one process are four times what two cores can do. */
const PLANS = [
  { rate: 5, seconds: 20 },
  { rate: 50, seconds: 20 },
  { rate: 200, seconds: 5 },
]
/** Messages of more than one part: bytes, a second, s. */
const LARGE = [
  { bytes: 2 ** 16, rate: 1, seconds: 10 },
  { bytes: 2 ** 20, rate: 0.2, seconds: 15 },
]
const PUBLISHERS = 10
const BYTES = 200
const QUERIES = 100

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function network({ of, nodes, processes, seed, quick }: Task & { kind: 'broadcast' }): Promise<NetworkFigures> {
  const empty = process.memoryUsage.rss()
  const began = performance.now()
  const testnet = of === 'tendril' ? await readyTestnet(nodes, { seed, processes }) : undefined
  const contender =
    testnet === undefined ? await gossipsubNetwork(nodes, processes, seed) : await tendrilNetwork(testnet)
  const readyMs = performance.now() - began
  await sleep(quick ? 15_000 : 30_000) // until what comes of starting has ended, and of forming the topic's group
  const memory = (process.memoryUsage.rss() - empty) / nodes
  const idle = await measureIdle(contender, quick ? 5 : 15)
  const alone = processes === 1
  const queries = testnet === undefined || !alone ? undefined : await measureQueries(testnet, QUERIES, seed)
  const broadcast: BroadcastFigures[] = []
  for (const { rate, seconds } of PLANS) {
    const plan = { rate, seconds: quick ? Math.min(seconds, 5) : seconds, publishers: PUBLISHERS, bytes: BYTES }
    broadcast.push(await measureBroadcast(contender, plan, idle))
    await sleep(2000)
  }
  const large: BroadcastFigures[] = []
  if (of === 'tendril' && !alone) {
    for (const plan of LARGE) large.push(await measureBroadcast(contender, { ...plan, publishers: 1 }, idle))
  }
  await contender.stop()
  return {
    of,
    nodes,
    processes,
    readyMs,
    idle,
    memory,
    broadcast,
    ...(large.length > 0 && { large }),
    ...(queries && { queries }),
  }
}

async function queries({ nodes, seed }: Task & { kind: 'queries' }): Promise<QueryFigures> {
  const testnet = await readyTestnet(nodes, { seed })
  await sleep(5000)
  return await measureQueries(testnet, QUERIES, seed)
}

async function work(task: Task): Promise<Figures> {
  if (task.kind === 'broadcast') return await network(task)
  if (task.kind === 'queries') return await queries(task)
  if (task.kind === 'memory') return await measureMemory(task.seed, task.quick)
  if (task.kind === 'fault') return await measureFault(task.fault, task.seed, task.quick)
  return await measureSlow(task.slowness, task.seed, task.quick)
}

process.on('disconnect', () => process.exit())
process.on('unhandledRejection', (reason) => process.stderr.write(`unhandled rejection: ${reason}\n`))
process.once('message', (task) => {
  work(task as Task).then(
    (figures) => process.send?.({ figures }, () => process.exit()),
    (error: Error) => process.send?.({ error: error.stack }, () => process.exit(1)),
  )
})
