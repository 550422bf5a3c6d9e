import { Random } from '../../core/random.ts'
import { anyLive, publishAndCollect } from '../../testnet/checks/broadcast.ts'
import type { LocalTestnet } from '../../testnet/local/local.ts'
import { measureQueries } from './queries.ts'
import { readyTestnet } from './tendril.ts'

/** A node that does not read, in the process of all others; or one that is a process of its own, under SIGSTOP. */
export type Slowness = 'stopped reader' | 'SIGSTOP'

interface Times {
  readonly p50Ms: number
  readonly p99Ms: number
}

interface Phase {
  readonly queries: Times
  readonly broadcast: Times & { readonly delivered: number; readonly expected: number }
}

export interface SlowFigures {
  readonly slowness: Slowness
  readonly before: Phase
  /** The first seconds, in which nobody knows yet. */
  readonly unnoticed: Phase
  readonly after: Phase
  /** after / before */
  readonly slowdown: { readonly queries: number; readonly broadcast: number }
  /** Bytes in the queues of all nodes at the end. */
  readonly queued: number
  /** Bytes by which memory grew from before to after. */
  readonly memoryGrowth: number
}

const NODES = 16
const SLOW = 15
/** By then failure detection has had its say, ms. */
const NOTICED = 8000

/** Queries and broadcasts of 15 nodes before and after the 16th stops, in one testnet. */
export async function measureSlow(slowness: Slowness, seed: number, quick: boolean): Promise<SlowFigures> {
  const testnet = await readyTestnet(NODES, { seed, alone: slowness === 'SIGSTOP' ? [SLOW] : [] })
  try {
    const phase = phases(testnet, seed)
    const [queries, messages] = quick ? [50, 100] : [200, 300]
    await phase(20, 40) // warms it up
    const before = await phase(queries, messages)
    const { memory } = await testnet.stats()
    await testnet.pause(SLOW)
    const paused = testnet.now()
    const unnoticed = await phase(20, 40)
    await testnet.sleep(Math.max(0, paused + NOTICED - testnet.now()))
    const after = await phase(queries, messages)
    const stats = await testnet.stats()
    return {
      slowness,
      before,
      unnoticed,
      after,
      slowdown: {
        queries: after.queries.p50Ms / before.queries.p50Ms,
        broadcast: after.broadcast.p50Ms / before.broadcast.p50Ms,
      },
      queued: stats.queued,
      // The stopped child does not say how much it has: it holds what it held.
      memoryGrowth: slowness === 'SIGSTOP' ? Number.NaN : stats.memory - memory,
    }
  } finally {
    await testnet.stop()
  }
}

function phases(testnet: LocalTestnet, seed: number): (queries: number, messages: number) => Promise<Phase> {
  const spared = new Set([SLOW])
  const publisher = anyLive(testnet, new Random(seed), spared)
  let topics = 0
  return async (queries, messages) => {
    const { p50Ms, p99Ms } = await measureQueries(testnet, queries, seed, 50, spared)
    const plan = { topic: `slow ${topics++}`, messages, bytes: 200, rate: 20, publisher }
    const { p50, p99, delivered, expected } = await publishAndCollect(testnet, plan, 10_000)
    return { queries: { p50Ms, p99Ms }, broadcast: { p50Ms: p50, p99Ms: p99, delivered, expected } }
  }
}
