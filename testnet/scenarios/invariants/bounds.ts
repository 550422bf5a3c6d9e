import { SAMPLING_DEFAULTS } from '../../../overlays/sampling/sampling.ts'
import { TMAN_DEFAULTS } from '../../../overlays/tman/tman.ts'
import { DEFAULTS as BROADCAST_DEFAULTS } from '../../../protocols/broadcast/options.ts'
import { WAVE_DEFAULTS } from '../../../protocols/query/wave/wave.ts'
import type { Stack } from '../../../protocols/stack.ts'
import type { Scenario } from '../scenario.ts'
import type { Invariant, World } from './invariant.ts'

type Status = ReturnType<Stack['status']>

/** A size that a node reports, and the bound that stands beside its field in the protocol. */
interface Bound {
  readonly name: string
  readonly most: number
  of(status: Status): number
}

/** Queries that a node's own user asks at once, in a scenario. */
const OWN_QUERIES = 1000

/** Every size that `Stack.status` reports. Constants are those documented beside the fields that they bound. */
function boundsOf({ stack }: Scenario): Bound[] {
  const sampling = { ...SAMPLING_DEFAULTS, ...stack.sampling }
  const tman = { ...TMAN_DEFAULTS, ...stack.tman }
  const query = { ...WAVE_DEFAULTS, ...stack.query }
  const broadcast = { ...BROADCAST_DEFAULTS, ...stack.broadcast }
  return [
    { name: 'contacts', most: tman.view, of: ({ contacts }) => contacts },
    { name: 'sampling view', most: sampling.view, of: (status) => status.sampling.view },
    { name: 'T-Man view', most: tman.view, of: (status) => status.tman.view },
    {
      name: 'members',
      most: 1024,
      of: ({ membership: { members } }) => members.alive + members.suspect + members.dead + members.left,
    },
    { name: 'lost peers', most: 32, of: ({ membership }) => membership.lost },
    { name: 'queries worked on', most: query.active + OWN_QUERIES, of: (status) => status.query.active },
    { name: 'answers kept', most: 512, of: (status) => status.query.kept },
    { name: 'bytes of publications', most: broadcast.bufferBytes, of: (status) => status.broadcast.stored.bytes },
    { name: 'publishers', most: broadcast.publishers, of: (status) => status.broadcast.publishers },
    {
      name: 'publications held back, beyond those stored',
      most: 0,
      of: ({ broadcast: { held, stored } }) => held - stored.publications,
    },
    { name: 'handovers', most: 1024, of: (status) => status.broadcast.most.handovers ?? 0 },
    { name: 'digests sent', most: 256, of: (status) => status.broadcast.most.sent ?? 0 },
    { name: 'publications wanted', most: 4096, of: (status) => status.broadcast.most.wanted ?? 0 },
    { name: 'publications served', most: 16_384, of: (status) => status.broadcast.most.served ?? 0 },
    { name: 'digests heard', most: 1024, of: (status) => status.broadcast.most.heard ?? 0 },
    { name: 'publications lacking', most: 4096, of: (status) => status.broadcast.most.lacking ?? 0 },
    { name: 'equivocations', most: 16, of: (status) => status.broadcast.equivocations },
  ]
}

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
