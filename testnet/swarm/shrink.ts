import { problemsOf } from '../scenarios/plausible.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { scenarioSchema } from '../scenarios/scenario.ts'
import { type Step, verbOf } from '../scenarios/steps.ts'
import type { Breach } from './attempt.ts'

export interface Shrunk {
  readonly scenario: Scenario
  readonly breach: Breach
  /** Scenarios that were played for it. */
  readonly tries: number
}

export interface ShrinkOptions {
  /** Scenarios played at most. @default 300 */
  readonly tries?: number
  progress?(scenario: Scenario, tries: number): void
}

/**
 * Makes a scenario that breaks something as small as it can be while it still breaks the same thing: fewer steps by delta
 * debugging (Zeller and Hildebrandt 2002: ever smaller parts are left out), then fewer nodes, then simpler parameters, until
 * nothing can be left out any more. Every accepted simplification was played. The same thing is one of the same name: an invariant, a
 * check, or an exception thrown at the same place.
 *
 * @param breaks plays a scenario and says what it breaks
 */
export async function shrink(
  scenario: Scenario,
  breach: Breach,
  breaks: (candidate: Scenario) => Promise<Breach | undefined>,
  { tries: most = 300, progress }: ShrinkOptions = {},
): Promise<Shrunk> {
  let best = { scenario, breach }
  let tries = 0
  const accepts = async (candidate: Scenario): Promise<boolean> => {
    if (tries >= most || problemsOf(candidate).length > 0) return false
    tries++
    progress?.(best.scenario, tries)
    const found = await breaks(candidate)
    if (found?.name !== breach.name) return false
    best = { scenario: candidate, breach: found }
    return true
  }
  for (let before: Scenario | undefined; before !== best.scenario && tries < most; ) {
    before = best.scenario
    await fewerChecks(() => best.scenario, accepts)
    await fewerSteps(() => best.scenario, accepts)
    await fewerNodes(() => best.scenario, accepts)
    await simpler(() => best.scenario, accepts)
  }
  return { ...best, tries }
}

type Accepts = (candidate: Scenario) => Promise<boolean>

async function fewerChecks(best: () => Scenario, accepts: Accepts): Promise<void> {
  if (best().checks.length > 0 && (await accepts({ ...best(), checks: [] }))) return
  for (let i = best().checks.length - 1; i >= 0; i--)
    await accepts({ ...best(), checks: best().checks.toSpliced(i, 1) })
}

/** Halves of the timeline are left out, then quarters, ... down to single steps. */
async function fewerSteps(best: () => Scenario, accepts: Accepts): Promise<void> {
  for (let size = Math.ceil(best().timeline.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best().timeline.length; ) {
      const { timeline } = best()
      const rest = [...timeline.slice(0, from), ...timeline.slice(from + size)]
      if (!(await accepts({ ...best(), timeline: rest }))) from += size
    }
  }
}

async function fewerNodes(best: () => Scenario, accepts: Accepts): Promise<void> {
  for (let less = best().nodes >> 1; less >= 1; less >>= 1) {
    while (best().nodes - less >= 2 && (await accepts(withNodes(best(), best().nodes - less)))) {}
  }
}

/** Who is not there any more is struck off the steps; steps that strike nobody any more go. */
function withNodes(scenario: Scenario, nodes: number): Scenario {
  const timeline = scenario.timeline.flatMap((step) => {
    const fewer = mapWho(step, (indices) => indices.filter((index) => index < nodes))
    return fewer === undefined ? [] : [fewer]
  })
  return { ...scenario, nodes, timeline }
}

/** The step with other nodes named in it; undefined when a list has become empty. */
function mapWho(step: Step, map: (indices: readonly number[]) => readonly number[]): Step | undefined {
  let empty = false
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value) || typeof value !== 'object' || value === null) return value
    if ('nodes' in value && Array.isArray(value.nodes)) {
      const nodes = map(value.nodes as number[])
      if (nodes.length === 0) empty = true
      return { nodes }
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]))
  }
  const mapped = walk(step) as Step
  return empty ? undefined : mapped
}

/** Default network and options, fewer nodes struck, shorter faults and loads, an earlier end. */
async function simpler(best: () => Scenario, accepts: Accepts): Promise<void> {
  const { network, stack } = scenarioSchema.parse({ name: 'plain', duration: '1s' })
  for (const change of [{ network, stack }, { network: { ...network, latency: 20 } }, { network }, { stack }]) {
    if (differs(best(), change)) await accepts({ ...best(), ...change })
  }
  for (let i = 0; i < best().timeline.length; i++) {
    for (const simplify of SIMPLIFICATIONS) {
      for (;;) {
        const { timeline } = best()
        const step = simplify(timeline[i] as Step)
        if (step === undefined) break
        if (!(await accepts({ ...best(), timeline: timeline.with(i, step) }))) break
      }
    }
  }
  await sooner(best, accepts)
}

/** The end comes no later than what it is there for: the last step, and the checks with the time that they have. */
async function sooner(best: () => Scenario, accepts: Accepts): Promise<void> {
  for (const share of [0.5, 0.75, 0.9]) {
    const duration = Math.ceil((best().duration * share) / 1000) * 1000
    if (duration < best().duration) await accepts({ ...best(), duration })
  }
}

function differs(scenario: Scenario, change: Partial<Scenario>): boolean {
  return Object.entries(change).some(
    ([key, value]) => JSON.stringify(scenario[key as keyof Scenario]) !== JSON.stringify(value),
  )
}

/** A simpler step, or undefined when it is as simple as that goes. */
const SIMPLIFICATIONS: readonly ((step: Step) => Step | undefined)[] = [
  (step) => halfOfThem(step, (indices) => indices.slice(0, Math.ceil(indices.length / 2))),
  (step) => halfOfThem(step, (indices) => indices.slice(Math.floor(indices.length / 2))),
  (step) => {
    const { publish } = step
    if (publish === undefined || publish.messages < 2) return undefined
    return { ...step, publish: { ...publish, messages: Math.floor(publish.messages / 2) } }
  },
  (step) => {
    const { query } = step
    if (query === undefined || query.times < 2) return undefined
    return { ...step, query: { ...query, times: Math.floor(query.times / 2) } }
  },
  (step) => {
    const { churn } = step
    if (churn === undefined || (step.for ?? 0) < 2 * churn.every) return undefined
    return { ...step, for: Math.ceil((step.for ?? 0) / 2) }
  },
  (step) => rounded(step, 'for', 10_000) ?? rounded(step, 'for', 1000),
  (step) => rounded(step, 'at', 5000) ?? rounded(step, 'at', 1000),
]

function halfOfThem(step: Step, map: (indices: readonly number[]) => readonly number[]): Step | undefined {
  const fewer = mapWho(step, map)
  return fewer === undefined || JSON.stringify(fewer) === JSON.stringify(step) ? undefined : fewer
}

/** Rounded up, so that nothing is over before it began. */
function rounded(step: Step, key: 'at' | 'for', to: number): Step | undefined {
  const value = step[key]
  if (value === undefined || value % to === 0 || verbOf(step) === 'churn') return undefined
  return { ...step, [key]: Math.ceil(value / to) * to }
}
