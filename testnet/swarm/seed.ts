import type { Scenario } from '../scenarios/scenario.ts'
import type { SimulatedStageOptions } from '../scenarios/simulated-stage.ts'
import { attempt, type Breach } from './attempt.ts'
import { randomScenario, type Sizes } from './schedule.ts'
import { type Shrunk, shrink } from './shrink.ts'

/** A seed that breaks something, as it was and as small as it could be made. */
export interface Failing {
  readonly seed: number
  readonly breach: Breach
  readonly scenario: Scenario
  readonly shrunk: Shrunk
}

/** What became of one seed: plain data. */
export interface Played {
  readonly seed: number
  readonly events: number
  readonly queries: number
  readonly deliveries: number
  /** Whether a second run gave the same hash; undefined where there was none. */
  readonly alike: boolean | undefined
  readonly failing: Failing | undefined
}

export interface SeedOptions extends SimulatedStageOptions {
  readonly sizes: Sizes
  /** Scenarios played at most to shrink one that breaks something. @default 300 */
  readonly tries?: number
  /** While it shrinks, which takes long. */
  shrinking?(doing: string): void
}

/** One seed of so many is played twice, to see that it gives the same run. */
const REPEATED = 10

/** Plays the schedule of a seed, and shrinks it if it breaks something. */
export async function playSeed(seed: number, options: SeedOptions): Promise<Played> {
  const scenario = randomScenario(seed, options.sizes)
  const { breach, outcome } = await attempt(scenario, options)
  const again = seed % REPEATED === 0 && outcome !== undefined
  const alike = again ? (await attempt(scenario, options)).outcome?.traceHash === outcome.traceHash : undefined
  let failing: Failing | undefined
  if (breach !== undefined) {
    const shrunk = await shrink(scenario, breach, async (candidate) => (await attempt(candidate, options)).breach, {
      ...(options.tries !== undefined && { tries: options.tries }),
      progress: ({ timeline, nodes }, tries) =>
        options.shrinking?.(
          `broke ${breach.name}; shrinking: ${timeline.length} steps, ${nodes} nodes, ${tries} tries`,
        ),
    })
    failing = { seed, breach, scenario, shrunk }
  }
  return {
    seed,
    events: outcome?.events ?? 0,
    queries: outcome?.queries.answered ?? 0,
    deliveries: outcome?.publications.delivered ?? 0,
    alike,
    failing,
  }
}
