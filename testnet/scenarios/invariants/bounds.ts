import { WAVE_DEFAULTS } from '../../../protocols/query/wave/wave.ts'
import type { Scenario } from '../scenario.ts'
import type { Invariant, World } from './invariant.ts'
import { boundsOf, type Status } from './sizes.ts'

/** Seconds between two looks: what a node holds does not come and go within a few, and a look costs. */
const EVERY = 4

/** Timeouts of a query after the last question within which nobody works on any: two, for delegations that were under way. */
const WORK = 2

/**
 * No collection of a node ever holds more than its documented bound, nor more peers than there ever were.
 * And work ends: documented bounds are for the open internet, and what is never given up fills them in days.
 */
export function bounded(world: World, scenario: Scenario): Invariant {
  const { testnet, simulated } = world
  const bounds = boundsOf(scenario)
  const work = WORK * (scenario.stack.query?.timeout ?? WAVE_DEFAULTS.timeout)
  let patrols = 0
  return {
    name: 'bounded',
    patrol() {
      if (simulated === undefined || patrols++ % EVERY !== 0) return undefined
      for (const { index, id, condition } of testnet.nodes) {
        if (condition !== 'up') continue
        const status = simulated.testnet.simulation.node(id).protocol.status()
        for (const { name, most, of } of bounds) {
          const size = of(status)
          if (size > most) return `node ${index} holds ${size} ${name}, of ${most}`
        }
        const excess = beyondAll(world, status)
        if (excess !== undefined) return `node ${index} holds ${excess}`
        if (endless(world, index, status, testnet.now() - work))
          return `node ${index} still works on ${status.query.active} queries`
      }
      return undefined
    },
  }
}

/** What of peers a node holds more of than there ever were. */
function beyondAll({ testnet }: World, { membership, broadcast }: Status): string | undefined {
  const peers = testnet.nodes.length
  const { alive, suspect, dead, left } = membership.members
  const members = alive + suspect + dead + left
  if (members > peers) return `${members} members, of ${peers} nodes that ever were`
  const { publishers } = broadcast
  return publishers > peers ? `${publishers} publishers, of ${peers} nodes that ever were` : undefined
}

/** Whether a node works on queries though nobody, not a check either, has asked one since then, and it ran all that time. */
function endless({ simulated, chronicle }: World, index: number, { query }: Status, since: number): boolean {
  if (query.active === 0) return false
  const last = simulated?.testnet.askedAt ?? Number.NEGATIVE_INFINITY
  const awake = Math.max(chronicle.runsSince(index) ?? Number.POSITIVE_INFINITY, chronicle.standsUntil(index))
  return last < since && awake < since
}
