import type { SamplingOptions } from '../overlays/sampling/sampling.ts'
import type { TManOptions } from '../overlays/tman/tman.ts'
import type { AggregationOptions } from './aggregation/aggregation.ts'
import type { DefendedOptions } from './aggregation/defended.ts'
import type { GossipMode } from './aggregation/kept-up.ts'
import type { BroadcastOptions } from './broadcast/options.ts'
import type { MembershipOptions } from './membership/options.ts'
import type { WaveOptions } from './query/wave/wave.ts'
import type { OwnStructure } from './structures/structure.ts'

/** What can be set of a node's protocols: their own options, and what they share. */
export interface StackOptions {
  readonly sampling: Partial<SamplingOptions>
  readonly tman: Partial<TManOptions>
  readonly membership: Partial<MembershipOptions>
  readonly query: Partial<WaveOptions>
  readonly broadcast: Partial<BroadcastOptions>
  /**
   * Of the mode 'honest-only'. A node's period is 2000 ms, and what counts in rounds is twice as long as the class says that runs
   * each second: epochs of 60000 ms (`length`), offers repeated for 30000 (`patience`) and remembered for 120000 (`memory`). Another
   * `period` changes these with it. `ranges` are those below.
   */
  readonly aggregation: Partial<AggregationOptions>
  /** Attributes that gossip keeps up, for queries WITH GOSSIP: at most 16, the same on all nodes. @default load, memory_free, memory_total, cpus, uptime */
  readonly aggregates: readonly string[]
  /** How `aggregates` are kept up. @default 'honest-only'; a real node's is 'defended' */
  readonly gossip: GossipMode
  /** What attributes can be at least and at most: gossip clamps all values to it. @default {} (anything) */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>
  /** Attributes of which gossip keeps the 10 largest and smallest, for ORDER BY ... LIMIT ... WITH GOSSIP: at most 4. @default none */
  readonly tops: readonly string[]
  /** Attributes whose different texts gossip keeps, for GROUP BY ... WITH GOSSIP: at most 4. @default none */
  readonly unions: readonly string[]
  /** Of the mode 'defended'. A node's defaults are those of the class: a period of 2000 ms. `ranges` are those above. */
  readonly defended: Partial<DefendedOptions>
  /** Structures beside the ring: `line:<attribute>`, `torus`, ... (structures/kinds.ts). @default none */
  readonly structures: readonly string[]
  /** Rankings of the user's own, run as the structures `own:<name>`. @default none */
  readonly rankings: readonly OwnStructure[]
  /** ms between two rounds of peer sampling. @default 3000 */
  readonly samplingPeriod: number
  /** ms between two rounds of T-Man, for the ring and each structure. @default 500 */
  readonly tmanPeriod: number
  /** Bytes that all gossip of this node may send in any one second. @default 262144 */
  readonly gossipBudget: number
}

/** Of what is not a protocol's own option. */
export const STACK_DEFAULTS = {
  aggregates: ['load', 'memory_free', 'memory_total', 'cpus', 'uptime'] as readonly string[],
  gossip: 'honest-only' as GossipMode,
  ranges: {},
  tops: [] as readonly string[],
  unions: [] as readonly string[],
  structures: [],
  rankings: [],
  samplingPeriod: 3000,
  tmanPeriod: 500,
  gossipBudget: 256 * 1024,
}
