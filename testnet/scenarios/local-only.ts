import { FROM_OUTSIDE } from './invariants/guard.ts'
import { nodesEver, type Problem } from './plausible.ts'
import type { Source } from './read.ts'
import { type Scenario, scenarioSchema } from './scenario.ts'
import { type Verb, verbOf } from './steps.ts'

/** Steps that real nodes on one machine can be made to go through. */
const REAL: ReadonlySet<Verb> = new Set([
  'kill',
  'silence',
  'pause',
  'resume',
  'restart',
  'leave',
  'add',
  'churn',
  'publish',
  'query',
])
/** As `tendril testnet`. */
const MAX_NODES = 1000

/** What of a scenario does not exist on real nodes, each with its file, line and key. Empty when it can be played there. */
export function refusalsOfLocal({ scenario, place }: Source): string[] {
  return problemsOnLocal(scenario).map(({ path, message }) => `${place(path)} ${message}`)
}

function problemsOnLocal(scenario: Scenario): Problem[] {
  const problems: Problem[] = []
  const only = 'exists only in simulation'
  if (scenario.nodes > MAX_NODES) {
    problems.push({
      path: ['nodes'],
      message: `${scenario.nodes} are more than one machine runs: at most ${MAX_NODES}`,
    })
  }
  const ever = nodesEver(scenario)
  if (ever > Math.max(MAX_NODES, scenario.nodes)) {
    problems.push({ path: ['timeline'], message: `makes them ${ever}: one machine runs at most ${MAX_NODES} nodes` })
  }
  const plain = scenarioSchema.parse({ name: 'plain', duration: '1s' })
  for (const group of ['network', 'start', 'stack'] as const) {
    for (const [key, value] of Object.entries(scenario[group])) {
      const usual = (plain[group] as Record<string, unknown>)[key]
      if (JSON.stringify(value) !== JSON.stringify(usual)) problems.push({ path: [group, key], message: only })
    }
  }
  scenario.timeline.forEach((step, i) => {
    const verb = verbOf(step)
    if (!REAL.has(verb)) problems.push({ path: ['timeline', i, verb], message: only })
  })
  scenario.invariants?.forEach((name, i) => {
    if (!FROM_OUTSIDE.has(name)) {
      problems.push({ path: ['invariants', i], message: `${name} can be seen only in simulation` })
    }
  })
  return problems
}
