import { Random } from '../../core/random.ts'
import { anyLive, publishAndCollect } from '../../testnet/checks/broadcast.ts'
import type { LocalTestnet } from '../../testnet/local/local.ts'
import { measureQueries } from './queries.ts'
import { complete, readyTestnet } from './tendril.ts'

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
  /** The best of the rounds: other programs only ever add to it. */
  readonly before: Phase
  /** The first seconds, in which nobody knows yet. */
  readonly unnoticed: Phase
  /** The best of the rounds, too. */
  readonly after: Phase
  /** after / before, of the medians. */
  readonly slowdown: { readonly queries: number; readonly broadcast: number }
  /** Bytes in the queues of all nodes, the most at the end of a round. */
  readonly queued: number
  /** Bytes by which memory grew over all rounds, most of it publications that nodes keep for a minute. */
  readonly memoryGrowth: number
}

const NODES = 16
const SLOW = 15
/** By then failure detection has had its say, ms. */
const NOTICED = 8000
const ROUNDS = 3

/** Queries and broadcasts of 15 nodes before and after the 16th stops, in one testnet; it goes on, and stops again. */
export async function measureSlow(slowness: Slowness, seed: number, quick: boolean): Promise<SlowFigures> {
  const testnet = await readyTestnet(NODES, { seed, alone: slowness === 'SIGSTOP' ? [SLOW] : [] })
  try {
    const phase = phases(testnet, seed)
    const rounds: { before: Phase; unnoticed: Phase; after: Phase }[] = []
    await phase(20, 40) // warms it up
    const { memory } = await testnet.stats()
    let queued = 0
    let memoryGrowth = 0
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      const before = await phase(80, 100)
      await testnet.pause(SLOW)
      const paused = testnet.now()
      const unnoticed = await phase(20, 40)
      await testnet.sleep(Math.max(0, paused + NOTICED - testnet.now()))
      const after = await phase(80, 100)
      rounds.push({ before, unnoticed, after })
      const stats = await testnet.stats()
      queued = Math.max(queued, stats.queued)
      memoryGrowth = stats.memory - memory
      await testnet.resume(SLOW)
      await complete(testnet)
    }
    const before = best(rounds.map((round) => round.before))
    const after = best(rounds.map((round) => round.after))
    return {
      slowness,
      before,
      unnoticed: best(rounds.map((round) => round.unnoticed)),
      after,
      slowdown: {
        queries: after.queries.p50Ms / before.queries.p50Ms,
        broadcast: after.broadcast.p50Ms / before.broadcast.p50Ms,
      },
      queued,
      // The stopped child does not say how much it has: it holds what it held.
      memoryGrowth: slowness === 'SIGSTOP' ? Number.NaN : memoryGrowth,
    }
  } finally {
    await testnet.stop()
  }
}

/** The queries of the fastest round and the broadcasts of the fastest, by their medians. */
function best(phases: readonly Phase[]): Phase {
  const fastest = <Of extends Times>(all: readonly Of[]) => all.reduce((a, b) => (b.p50Ms < a.p50Ms ? b : a))
  return {
    queries: fastest(phases.map(({ queries }) => queries)),
    broadcast: fastest(phases.map(({ broadcast }) => broadcast)),
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
