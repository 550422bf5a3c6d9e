import { DEFAULTS as BROADCAST_DEFAULTS } from '../../protocols/broadcast/options.ts'
import { pointlessIn } from './pointless.ts'
import { MAX_NODES, type Scenario } from './scenario.ts'
import { type Step, type Verb, verbOf } from './steps.ts'
import { durationText, type Who } from './units.ts'

/** What cannot be, and where it stands in the scenario. */
export interface Problem {
  readonly path: readonly (string | number)[]
  /** Goes on from the key: `wants 40 nodes, and ...`. */
  readonly message: string
}

const DOWNWARD: ReadonlySet<Verb> = new Set(['kill', 'silence', 'leave'])

/** ms by which all steps together may set clocks, which show 2023 at first: what is before 1970 has no descriptor. */
const MOST_JUMPS = 50 * 365 * 24 * 3_600_000

/** Nodes that a step of churn takes away, as many as a step publishes messages: all of them wait from its beginning. */
const MOST_CHURNED = 100_000

/** How many nodes there are, as far as a scenario alone says. */
interface Population {
  /** Ever started. */
  total: number
  up: number
  paused: number
  down: number
  /** Steps that paused somebody or took somebody down, and have not been undone by their own end. */
  pauses: number
  falls: number
  /** Churn went on: nobody can say any more how many are down. */
  churned: boolean
}

/** Parameters that contradict each other or the size of the network. Empty for a scenario that can be played. */
export function problemsOf(scenario: Scenario): Problem[] {
  const { timeline } = scenario
  return [
    ...timesOf(scenario),
    ...payloadsOf(scenario),
    ...clocksOf(timeline),
    ...churnsOf(timeline),
    ...pointlessIn(scenario),
    ...nodesOf(scenario),
  ]
}

function clocksOf(timeline: readonly Step[]): Problem[] {
  let jumps = 0
  const beyond = timeline.findIndex(({ clock }) => {
    jumps += Math.abs(clock?.jump ?? 0)
    return jumps > MOST_JUMPS
  })
  if (beyond < 0) return []
  const message = 'sets clocks by more than 50 years, with all jumps before it: no clock shows a time before 1970'
  return [{ path: ['timeline', beyond, 'clock', 'jump'], message }]
}

function churnsOf(timeline: readonly Step[]): Problem[] {
  return timeline.flatMap((step, i) => {
    const count = step.churn === undefined ? 0 : Math.ceil(lengthOf(step) / step.churn.every)
    if (count <= MOST_CHURNED) return []
    return [{ path: ['timeline', i, 'churn', 'every'], message: `takes ${count} nodes away: at most ${MOST_CHURNED}` }]
  })
}

function payloadsOf({ timeline, stack }: Scenario): Problem[] {
  const { payloadLimit: most = BROADCAST_DEFAULTS.payloadLimit } = stack.broadcast ?? {}
  return timeline.flatMap(({ publish }, i) => {
    if (publish === undefined || publish.bytes <= most) return []
    return [
      { path: ['timeline', i, 'publish', 'bytes'], message: `is ${publish.bytes}, and a payload has at most ${most}` },
    ]
  })
}

function timesOf({ timeline, checks, duration, stack }: Scenario): Problem[] {
  const end = durationText(duration)
  const problems: Problem[] = []
  timeline.forEach((step, i) => {
    const lasts = lengthOf(step)
    if (step.at > duration) problems.push({ path: ['timeline', i, 'at'], message: `is after the end (${end})` })
    else if (step.at + lasts > duration) {
      const message = `goes on until ${durationText(step.at + lasts)}, after the end (${end})`
      problems.push({ path: ['timeline', i, step.for === undefined ? verbOf(step) : 'for'], message })
    }
  })
  checks.forEach(({ at = duration, since, delivered, gossip }, i) => {
    if (at > duration) problems.push({ path: ['checks', i, 'at'], message: `is after the end (${end})` })
    if (gossip !== undefined && !stack.aggregates?.includes('number')) {
      const message = 'asks for what gossip keeps up of number: stack needs aggregates: [number]'
      problems.push({ path: ['checks', i, 'gossip'], message })
    }
    if (delivered === undefined) return
    const some = timeline.some((step) => step.publish && step.at + lengthOf(step) >= since && step.at <= at)
    const message = 'has nothing to hold: nothing is published before it, and after its since'
    if (!some) problems.push({ path: ['checks', i, 'delivered'], message })
  })
  return problems
}

/** ms that a step takes or lasts. */
export function lengthOf(step: Step): number {
  if (step.publish !== undefined) return ((step.publish.messages - 1) / step.publish.rate) * 1000
  if (step.query !== undefined) return (step.query.times - 1) * step.query.every
  return step.for ?? step.add?.over ?? 0
}

/** How many nodes there are at the end, the dead among them. */
export function nodesEver({ nodes, timeline }: Scenario): number {
  const added = timeline.filter(({ add }) => add !== undefined).sort((a, b) => a.at - b.at)
  return added.reduce((total, { add }) => total + (add === undefined ? 0 : sizeOf(add.nodes, total)), nodes)
}

/** Follows the timeline: more cannot be killed than live, and only nodes that are there can be named. */
function nodesOf({ nodes, timeline }: Scenario): Problem[] {
  const problems: Problem[] = []
  const population: Population = { total: nodes, up: nodes, paused: 0, down: 0, pauses: 0, falls: 0, churned: false }
  for (const { step, i, ends } of moments(timeline)) {
    const verb = verbOf(step)
    for (const { some, path } of meant(step)) {
      const message = impossible(some, verb, ends, population)
      if (message !== undefined && !ends) problems.push({ path: ['timeline', i, ...path], message })
    }
    happens(step, verb, ends, population)
    if (verb === 'add' && population.total > MAX_NODES) {
      const message = `makes them ${population.total}: at most ${MAX_NODES} nodes can be played`
      problems.push({ path: ['timeline', i, 'add', 'nodes'], message })
      break
    }
  }
  return problems
}

function moments(timeline: readonly Step[]): { step: Step; i: number; at: number; ends: boolean }[] {
  const all = timeline.flatMap((step, i) => [
    { step, i, at: step.at, ends: false },
    ...(step.for === undefined ? [] : [{ step, i, at: step.at + step.for, ends: true }]),
  ])
  return all.sort((a, b) => a.at - b.at)
}

/** Every choice of nodes in a step, with where it stands. */
function meant(step: Step): { some: Who; path: string[] }[] {
  const verb = verbOf(step)
  const value = step[verb]
  if (verb === 'add' || verb === 'heal' || typeof value !== 'object') return []
  if ('share' in value || 'count' in value || ('nodes' in value && Array.isArray(value.nodes))) {
    return [{ some: value as Who, path: [verb] }]
  }
  return ['nodes', 'from', 'to'].flatMap((key) => {
    const some = (value as Record<string, Who | undefined>)[key]
    return some === undefined ? [] : [{ some, path: [verb, key] }]
  })
}

function impossible(some: Who, verb: Verb, ends: boolean, population: Population): string | undefined {
  const { total, up, paused, down, pauses, falls, churned } = population
  if ('nodes' in some) {
    const stranger = some.nodes.find((index) => index >= total)
    if (stranger !== undefined) return `names node ${stranger}: there are ${total}, 0 to ${total - 1}`
  }
  if (verb === 'partition' && chosen(some, total) >= total) return 'leaves nobody on the other side'
  if (!('count' in some) && !ends && !churned) {
    if (verb === 'resume' && pauses === 0) return 'resumes nobody: nothing is paused then'
    if (verb === 'restart' && pauses + falls === 0) return 'restarts nobody: nothing is down then'
  }
  if (!('count' in some) || ends || churned) return undefined
  const { count } = some
  if (verb === 'resume') return count > paused ? `wants ${count} nodes, and ${paused} are paused then` : undefined
  if (verb === 'restart') return count > down + paused ? `wants ${count} nodes, and ${down} are down then` : undefined
  const spared = DOWNWARD.has(verb) || verb === 'pause' ? 1 : 0
  if (count <= up - spared) return undefined
  const there = total > up ? `${up} of ${total} are up then` : `there are ${up}`
  return `wants ${count} nodes, and ${there}${spared === 0 ? '' : '; node 0, which newcomers ask, is spared unless it is named'}`
}

function happens(step: Step, verb: Verb, ends: boolean, population: Population): void {
  const value = step[verb]
  if (verb === 'churn') population.churned = true
  if (verb === 'pause') population.pauses += ends ? -1 : 1
  if (DOWNWARD.has(verb)) population.falls += ends ? -1 : 1
  if (verb === 'add' && step.add !== undefined) {
    const more = sizeOf(step.add.nodes, population.total)
    population.total += more
    population.up += more
    return
  }
  if (verb === 'resume' || (verb === 'pause' && ends)) move(population, 'paused', 'up', value as Who)
  else if (verb === 'restart' || (DOWNWARD.has(verb) && ends)) move(population, 'down', 'up', value as Who)
  else if (DOWNWARD.has(verb)) move(population, 'up', 'down', value as Who)
  else if (verb === 'pause') move(population, 'up', 'paused', value as Who)
}

function move(population: Population, from: 'up' | 'paused' | 'down', to: 'up' | 'paused' | 'down', some: Who): void {
  const number = Math.min(population[from], sizeOf(some, population[from]))
  population[from] -= number
  population[to] += number
}

/** As `sizeOf`, each node once. */
function chosen(some: Who, of: number): number {
  return 'nodes' in some ? new Set(some.nodes).size : sizeOf(some, of)
}

/** How many nodes are meant, of so many. */
export function sizeOf(some: Who, of: number): number {
  if ('nodes' in some) return some.nodes.length
  return 'count' in some ? some.count : Math.round(some.share * of)
}
