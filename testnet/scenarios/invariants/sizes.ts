import { SAMPLING_DEFAULTS } from '../../../overlays/sampling/sampling.ts'
import { SLICES_DEFAULTS } from '../../../overlays/slices/slices.ts'
import { TMAN_DEFAULTS } from '../../../overlays/tman/tman.ts'
import { FAN_OUT } from '../../../overlays/tree/tree.ts'
import { MAX_COMPONENTS } from '../../../protocols/aggregation/transfers.ts'
import { DEFAULTS as BROADCAST_DEFAULTS } from '../../../protocols/broadcast/options.ts'
import { DELIVERY_NAMES } from '../../../protocols/broadcast/publication.ts'
import { MEMBERSHIP_DEFAULTS } from '../../../protocols/membership/options.ts'
import { WAVE_DEFAULTS } from '../../../protocols/query/wave/wave.ts'
import type { Stack } from '../../../protocols/stack.ts'
import type { Scenario } from '../scenario.ts'

export type Status = ReturnType<Stack['status']>

/** A size that a node reports, and the bound that stands beside its field in the protocol. */
export interface Bound {
  readonly name: string
  readonly most: number
  of(status: Status): number
}

/** Queries that a node's own user asks at once, in a scenario. */
const OWN_QUERIES = 1000

/** Lanes of a topic: one a delivery. */
const LANES = DELIVERY_NAMES.length
/** What structures report, by its name there, of whichever has it. */
const OF_STRUCTURES = {
  neighbours: 20,
  longLinks: 20,
  children: FAN_OUT,
  values: SLICES_DEFAULTS.memory,
  clients: 64,
}

/** Every size of a collection that `Stack.status` reports. Constants are those documented beside the fields that they bound. */
export function boundsOf({ stack }: Scenario): Bound[] {
  const sampling = { ...SAMPLING_DEFAULTS, ...stack.sampling }
  const membership = { ...MEMBERSHIP_DEFAULTS, ...stack.membership }
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
    { name: 'acquaintances', most: membership.acquaintances, of: (status) => status.membership.acquaintances },
    { name: 'groups', most: broadcast.topics, of: (status) => Object.keys(status.groups.groups).length },
    { name: 'members of a group', most: 256, of: (status) => most(Object.values(status.groups.groups), 'members') },
    {
      name: 'contacts in a group',
      most: TMAN_DEFAULTS.view,
      of: (status) => most(Object.values(status.groups.groups), 'contacts'),
    },
    { name: 'groups kept for others', most: 4096, of: (status) => status.groups.registry },
    { name: 'components of aggregation', most: MAX_COMPONENTS, of: ({ aggregation }) => aggregation.components ?? 0 },
    ...Object.entries(OF_STRUCTURES).map(([size, bound]) => ({
      name: `${size} in a structure`,
      most: bound,
      of: ({ structures }: Status) => most(Object.values(structures), size),
    })),
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
    {
      name: 'publications to spread when somebody is there',
      most: 64,
      of: (status) => status.broadcast.most.early ?? 0,
    },
    { name: 'announcements waited for', most: 4096, of: (status) => status.broadcast.most.announced ?? 0 },
    { name: 'peers told of publishers', most: 8192, of: (status) => status.broadcast.most.told ?? 0 },
    { name: 'publications seen', most: 65_536, of: (status) => status.broadcast.most.seen ?? 0 },
    {
      name: 'bytes of unfinished messages',
      most: broadcast.bufferBytes,
      of: (status) => status.broadcast.unfinished.bytes,
    },
    { name: 'topics', most: broadcast.topics, of: (status) => status.broadcast.topics },
    { name: 'lanes', most: broadcast.topics * LANES, of: (status) => status.broadcast.lanes },
    { name: 'equivocations', most: 16, of: (status) => status.broadcast.equivocations },
  ]
}

/** The largest of what some report under a name; 0 if nobody does. */
function most(reports: readonly unknown[], size: string): number {
  return Math.max(0, ...reports.map((report) => Number((report as Readonly<Record<string, unknown>>)[size] ?? 0)))
}
