import type { Scenario } from '../scenarios/scenario.ts'
import type { SimulatedStageOptions } from '../scenarios/simulated-stage.ts'
import { attempt, type Breach } from './attempt.ts'
import { randomScenario, type Sizes } from './schedule.ts'
import { type Shrunk, shrink } from './shrink.ts'

export interface SwarmOptions extends SimulatedStageOptions {
  /** Seeds from here on. */
  readonly first: number
  readonly count: number
  readonly sizes: Sizes
  /** Scenarios played at most to shrink one that breaks something. @default 300 */
  readonly tries?: number
  /** Failures after which it stops looking. @default 5 */
  readonly failures?: number
  progress?(share: number, doing: string): void
}

/** A seed that breaks something, as it was and as small as it could be made. */
export interface Failing {
  readonly seed: number
  readonly breach: Breach
  readonly scenario: Scenario
  readonly shrunk: Shrunk
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

/** One seed of so many is played twice, to see that it gives the same run. */
const REPEATED = 10

/** Plays random schedules of faults, one a seed, and shrinks those that break something. */
export async function swarm(options: SwarmOptions): Promise<SwarmResult> {
  const { first, count, sizes, failures = 5 } = options
  const failing: Failing[] = []
  const unlike: number[] = []
  const faults: Record<string, number> = {}
  let played = 0
  let repeated = 0
  let events = 0
  let queries = 0
  let deliveries = 0
  for (let seed = first; seed < first + count && failing.length < failures; seed++) {
    const scenario = randomScenario(seed, sizes)
    options.progress?.(played / count, `seed ${seed}: ${scenario.nodes} nodes, ${failing.length} failed`)
    for (const verb of scenario.timeline.flatMap((step) => Object.keys(step))) {
      if (verb !== 'at' && verb !== 'for') faults[verb] = (faults[verb] ?? 0) + 1
    }
    const { breach, outcome } = await attempt(scenario, options)
    played++
    events += outcome?.events ?? 0
    queries += outcome?.queries.answered ?? 0
    deliveries += outcome?.publications.delivered ?? 0
    if (seed % REPEATED === 0 && outcome !== undefined) {
      repeated++
      if ((await attempt(scenario, options)).outcome?.traceHash !== outcome.traceHash) unlike.push(seed)
    }
    if (breach === undefined) continue
    const shrunk = await shrink(scenario, breach, async (candidate) => (await attempt(candidate, options)).breach, {
      ...(options.tries !== undefined && { tries: options.tries }),
      progress: ({ timeline, nodes }, tries) => {
        const small = `${timeline.length} steps, ${nodes} nodes`
        options.progress?.(played / count, `seed ${seed} broke ${breach.name}; shrinking: ${small}, ${tries} tries`)
      },
    })
    failing.push({ seed, breach, scenario, shrunk })
  }
  return { played, repeated, unlike, failing, events, queries, deliveries, faults }
}
