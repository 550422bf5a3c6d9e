// One measurement in a process of its own, so that CPU and memory are its own too. Asked by bench.ts.
import { type BroadcastFigures, type IdleFigures, measureBroadcast, measureIdle } from './broadcast.ts'
import { gossipsubNetwork } from './gossipsub.ts'
import { type MemoryFigures, measureMemory } from './memory.ts'
import { measureQueries, type QueryFigures } from './queries.ts'
import { measureSlow, type SlowFigures, type Slowness } from './slow.ts'
import { readyTestnet, tendrilNetwork } from './tendril.ts'

export type Task =
  | ({ readonly kind: 'broadcast'; readonly of: 'tendril' | 'gossipsub'; readonly nodes: number } & Common)
  | ({ readonly kind: 'queries'; readonly nodes: number } & Common)
  | ({ readonly kind: 'slow'; readonly slowness: Slowness } & Common)
  | ({ readonly kind: 'memory' } & Common)

interface Common {
  readonly seed: number
  readonly quick: boolean
}

export interface NetworkFigures {
  readonly of: 'tendril' | 'gossipsub'
  readonly nodes: number
  readonly readyMs: number
  readonly idle: IdleFigures
  /** Bytes of resident memory for each node, before any message. */
  readonly memory: number
  readonly broadcast: readonly BroadcastFigures[]
  /** Of tendril only. */
  readonly queries?: QueryFigures
}

export type Figures = NetworkFigures | QueryFigures | SlowFigures | MemoryFigures

const RATES = [5, 50]
const PUBLISHERS = 5
const BYTES = 200
const QUERIES = 100

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function network({ of, nodes, seed, quick }: Task & { kind: 'broadcast' }): Promise<NetworkFigures> {
  const empty = process.memoryUsage.rss()
  const began = performance.now()
  const testnet = of === 'tendril' ? await readyTestnet(nodes, { seed }) : undefined
  const contender = testnet === undefined ? await gossipsubNetwork(nodes, seed) : await tendrilNetwork(testnet)
  const readyMs = performance.now() - began
  await sleep(quick ? 5000 : 15_000) // until what comes of starting has ended
  const memory = (process.memoryUsage.rss() - empty) / nodes
  const idle = await measureIdle(contender, quick ? 5 : 15)
  const queries = testnet === undefined ? undefined : await measureQueries(testnet, QUERIES, seed)
  const broadcast: BroadcastFigures[] = []
  for (const rate of RATES) {
    const plan = { rate, seconds: quick ? 5 : 20, publishers: PUBLISHERS, bytes: BYTES }
    broadcast.push(await measureBroadcast(contender, plan, idle))
    await sleep(2000)
  }
  return { of, nodes, readyMs, idle, memory, broadcast, ...(queries && { queries }) }
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
