import { attributesOf } from '../attributes.ts'
import type { Problem } from './plausible.ts'
import type { Scenario } from './scenario.ts'
import type { Who } from './units.ts'

/** Attributes that simulated nodes have a number of. */
const NUMBERS = Object.entries(attributesOf(0)).flatMap(([name, value]) => (typeof value === 'number' ? [name] : []))

/** What could be played and would come to nothing, or to something else than it says. */
export function pointlessIn(scenario: Scenario): Problem[] {
  return [...latencyOf(scenario), ...attributesIn(scenario), ...stepsOf(scenario)]
}

function latencyOf({ network: { latency } }: Scenario): Problem[] {
  if (typeof latency === 'number' || !('uniform' in latency)) return []
  const [shortest, longest] = latency.uniform
  if (shortest <= longest) return []
  return [{ path: ['network', 'latency', 'uniform'], message: 'must name the shorter time first' }]
}

/** What gossip is to average, and what structures are to sort by. */
function attributesIn({ stack: { aggregates = [], structures = [] } }: Scenario): Problem[] {
  const wanted = (name: string) => /^(?:line|slices):(.*)$/.exec(name)?.[1]
  const missing = `which is no number of a simulated node: there are ${NUMBERS.join(', ')}`
  return [
    ...aggregates.flatMap((name, i) =>
      NUMBERS.includes(name) ? [] : [{ path: ['stack', 'aggregates', i], message: `is ${name}, ${missing}` }],
    ),
    ...structures.flatMap((name, i) => {
      const attribute = wanted(name)
      if (attribute === undefined || NUMBERS.includes(attribute)) return []
      return [{ path: ['stack', 'structures', i], message: `is sorted by ${attribute}, ${missing}` }]
    }),
  ]
}

function stepsOf({ timeline }: Scenario): Problem[] {
  return timeline.flatMap(({ throttle, block, lose }, i) => {
    const path = (verb: string) => ['timeline', i, verb]
    if (throttle !== undefined && throttle.up === undefined && throttle.down === undefined) {
      return [{ path: path('throttle'), message: 'limits nothing: it needs up, down or both' }]
    }
    if (block !== undefined && isAlone(block.from, block.to)) {
      return [{ path: path('block'), message: 'blocks nothing: nobody sends to himself' }]
    }
    if (lose !== undefined && isAlone(lose.from, lose.to)) {
      return [{ path: path('lose'), message: 'loses nothing: nobody sends to himself' }]
    }
    return []
  })
}

/** Whether both are the same one node. */
function isAlone(from: Who | undefined, to: Who | undefined): boolean {
  if (from === undefined || to === undefined || !('nodes' in from && 'nodes' in to)) return false
  return new Set([...from.nodes, ...to.nodes]).size === 1
}
