import type { MakeStack } from '../scenarios/simulated-stage.ts'
import { Crew } from './crew.ts'
import { randomScenario, type Sizes } from './schedule.ts'
import { type Failing, type Played, playSeed } from './seed.ts'

export interface SwarmOptions {
  /** Seeds from here on. */
  readonly first: number
  readonly count: number
  readonly sizes: Sizes
  readonly wire?: boolean
  /** Makes each node's protocols, in this thread only. @default Stacks */
  readonly make?: MakeStack
  /** Scenarios played at most to shrink one that breaks something. @default 300 */
  readonly tries?: number
  /** Failures after which it stops looking. @default 5 */
  readonly failures?: number
  /** Threads that play seeds at the same time. The result is the same for any number. @default 1, this one */
  readonly jobs?: number
  progress?(share: number, doing: string): void
}

export interface SwarmResult {
  readonly played: number
  /** Of which a second run gave the same hash; `unlike` are the seeds where it did not. */
  readonly repeated: number
  readonly unlike: readonly number[]
  readonly failing: readonly Failing[]
  readonly events: number
  readonly queries: number
  readonly deliveries: number
  /** Faults by what they do: how often they were in a schedule. */
  readonly faults: Readonly<Record<string, number>>
}

/** Plays random schedules of faults, one a seed, and shrinks those that break something. */
export async function swarm(options: SwarmOptions): Promise<SwarmResult> {
  const { first, count, sizes, wire = false, tries, jobs = 1 } = options
  if (jobs === 1 || options.make !== undefined) {
    const each = (seed: number, share: number) =>
      playSeed(seed, { ...options, shrinking: (doing) => options.progress?.(share, `seed ${seed} ${doing}`) })
    return await gathered(options, each)
  }
  const crew = new Crew(Math.min(jobs, count), { sizes, wire, ...(tries !== undefined && { tries }) })
  try {
    const ahead = Array.from({ length: count }, (_, i) => crew.play(first + i))
    for (const played of ahead) played.catch(() => undefined) // until its turn comes
    return await gathered(options, (seed) => ahead[seed - first] as Promise<Played>)
  } finally {
    await crew.stop()
  }
}

/** In the order of the seeds, whatever the order in which they are played. */
async function gathered(
  { first, count, sizes, failures = 5, progress }: SwarmOptions,
  each: (seed: number, share: number) => Promise<Played>,
): Promise<SwarmResult> {
  const failing: Failing[] = []
  const unlike: number[] = []
  const faults: Record<string, number> = {}
  const sums = { played: 0, repeated: 0, events: 0, queries: 0, deliveries: 0 }
  for (let seed = first; seed < first + count && failing.length < failures; seed++) {
    const { nodes, timeline } = randomScenario(seed, sizes)
    const share = sums.played / count
    progress?.(share, `seed ${seed}: ${nodes} nodes, ${failing.length} failed`)
    for (const verb of timeline.flatMap((step) => Object.keys(step))) {
      if (verb !== 'at' && verb !== 'for') faults[verb] = (faults[verb] ?? 0) + 1
    }
    const played = await each(seed, share)
    sums.played++
    sums.events += played.events
    sums.queries += played.queries
    sums.deliveries += played.deliveries
    if (played.alike !== undefined) sums.repeated++
    if (played.alike === false) unlike.push(seed)
    if (played.failing !== undefined) failing.push(played.failing)
  }
  return { ...sums, unlike, failing, faults }
}
