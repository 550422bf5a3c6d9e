import { Random } from '../../../core/random.ts'
import { INTERVALS } from '../../../protocols/broadcast/reliable/belief.ts'
import type { Rates, Steps } from './steps.ts'

/** What is not known at all is believed to fail every other time: the mean of the paper's prior. */
const UNKNOWN = 0.5
/** Processes that are asked what they believe. */
const OBSERVERS = 20

/**
 * The mean error of what processes believe, over observers: of processes' rates and of links' rates, whichever is larger.
 * @param among the links looked at @default all
 */
export function errorOf(steps: Steps, observers: readonly number[], among?: ReadonlySet<number>): number {
  let processes = 0
  let links = 0
  for (const observer of observers) {
    const beliefs = steps.beliefs(observer)
    processes += meanError(beliefs.processes, steps.rates.processes)
    links += meanError(beliefs.links, steps.rates.links, among)
  }
  return Math.max(processes, links) / observers.length
}

function meanError(
  beliefs: readonly (number | undefined)[],
  truth: Rates['links'],
  among?: ReadonlySet<number>,
): number {
  let sum = 0
  let count = 0
  for (const [i, belief] of beliefs.entries()) {
    if (among !== undefined && !among.has(i)) continue
    sum += Math.abs((belief ?? UNKNOWN) - (truth[i] as number))
    count++
  }
  return sum / count
}

export function observersOf({ topology }: Steps, seed: number): number[] {
  const numbers = Array.from({ length: topology.nodes }, (_, i) => i)
  return new Random(seed).fork('observers').sample(numbers, OBSERVERS)
}

/** How long it must last: half of the time that it took, and so many steps. */
const LASTING = 10

/**
 * Runs until processes believe what is true, and go on believing it: the mean error is within one of the paper's intervals, 1/U.
 * (Chosen: the seed does not say when its authors called it converged; with this the perfect network of Fig. 4 takes the way of
 * the news and no more. Lasting, since before the first failure is seen everybody is right by chance about rare ones.)
 * Looked at every twentieth of the time that it took so far.
 *
 * @returns heartbeats a link until then; undefined when it has not after `limit` steps
 */
export function converge(steps: Steps, seed: number, limit: number): number | undefined {
  const observers = observersOf(steps, seed)
  let since: { readonly step: number; readonly messages: number } | undefined
  for (let next = 1; steps.steps < limit; ) {
    steps.step()
    if (steps.steps < next) continue
    next = steps.steps + Math.max(1, Math.floor(steps.steps / 20))
    if (errorOf(steps, observers) > 1 / INTERVALS) since = undefined
    else since ??= { step: steps.steps, messages: steps.messagesPerLink }
    if (since !== undefined && steps.steps >= since.step * 1.5 + LASTING) return since.messages
  }
  return undefined
}
