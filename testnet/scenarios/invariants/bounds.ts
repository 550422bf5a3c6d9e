import type { Scenario } from '../scenario.ts'
import type { Invariant, World } from './invariant.ts'
import { boundsOf } from './sizes.ts'

/** Seconds between two looks: what a node holds does not come and go within a few, and a look costs. */
const EVERY = 4

/** No collection of a node ever holds more than its documented bound. */
export function bounded({ testnet, simulated }: World, scenario: Scenario): Invariant {
  const bounds = boundsOf(scenario)
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
      }
      return undefined
    },
  }
}
