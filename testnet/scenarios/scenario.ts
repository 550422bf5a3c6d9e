import { z } from 'zod'
import { SAMPLING_DEFAULTS } from '../../overlays/sampling/sampling.ts'
import { TMAN_DEFAULTS } from '../../overlays/tman/tman.ts'
import { EPOCH_DEFAULTS } from '../../protocols/aggregation/epochs.ts'
import { MAX_NAMES, STANDING_DEFAULTS } from '../../protocols/aggregation/standing.ts'
import { DEFAULTS as BROADCAST_DEFAULTS } from '../../protocols/broadcast/options.ts'
import { MEMBERSHIP_DEFAULTS } from '../../protocols/membership/options.ts'
import { WAVE_DEFAULTS } from '../../protocols/query/wave/wave.ts'
import { checkStructures } from '../../protocols/structures/structures.ts'
import { INVARIANT_NAMES } from './invariants/names.ts'
import { optionsOf } from './options.ts'
import { step } from './steps.ts'
import { duration, period, positiveSize, share, size } from './units.ts'

export const MAX_NODES = 2 ** 20
const nodesError = `must be a whole number from 1 to ${MAX_NODES}`
const seedError = `must be a whole number from 0 to ${2 ** 32 - 1}`

/** Of gossip aggregation. An epoch takes 30 rounds unless its length is said. */
const AGGREGATION_DEFAULTS = {
  period: 2000,
  settle: 20,
  ...EPOCH_DEFAULTS,
  draws: STANDING_DEFAULTS.draws,
  leaders: STANDING_DEFAULTS.leaders,
}

const ATTRIBUTES = `must be a list of at most ${MAX_NAMES} attributes`
const STEPS = 'must be a list of at most 10000 steps'
const CHECK_LIST = 'must be a list of at most 1000 checks'
const SIGMA = 'must be a number from 0 to 4'
const sigma = z.number({ error: SIGMA }).min(0, { error: SIGMA }).max(4, { error: SIGMA })

const latency = z.union(
  [
    duration,
    z.strictObject({ uniform: z.tuple([duration, duration]) }),
    z.strictObject({ logNormal: z.strictObject({ median: period, sigma }) }),
  ],
  { error: 'must be a time (20ms), {uniform: [10ms, 50ms]} or {logNormal: {median: 30ms, sigma: 0.5}}' },
)

const network = z.strictObject(
  {
    latency: latency.default({ uniform: [10, 50] }),
    /** Share of the messages that are lost. */
    loss: share.default(0),
    /** Share of the messages that arrive twice. */
    duplicate: share.default(0),
    /** This share of the messages takes up to so much longer. */
    reorder: z
      .strictObject({ rate: share, by: period }, { error: 'must be a mapping with rate and by' })
      .exactOptional(),
    /** Bytes a second that each node can send and receive, and bytes that may wait. */
    bandwidth: z
      .strictObject(
        { up: positiveSize.exactOptional(), down: positiveSize.exactOptional(), queue: positiveSize.exactOptional() },
        { error: 'must be a mapping with up, down and queue' },
      )
      .exactOptional(),
  },
  { error: 'must be a mapping with latency, loss, duplicate, reorder and bandwidth' },
)

const structures = z.array(z.string(), { error: 'must be a list of structures' }).superRefine((names, context) => {
  try {
    checkStructures(names)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be run: ${(error as RangeError).message}` })
  }
})

const stack = z.strictObject(
  {
    samplingPeriod: period.exactOptional(),
    tmanPeriod: period.exactOptional(),
    /** Bytes that all gossip of a node may send in any one second. */
    gossipBudget: size.default(256 * 1024),
    /** Beside the ring: `line:<attribute>`, `torus`, `spanning-tree`, ... */
    structures: structures.exactOptional(),
    /** Attributes that gossip keeps up, for queries WITH GOSSIP. */
    aggregates: z.array(z.string(), { error: ATTRIBUTES }).max(MAX_NAMES, { error: ATTRIBUTES }).exactOptional(),
    sampling: optionsOf(SAMPLING_DEFAULTS),
    tman: optionsOf(TMAN_DEFAULTS),
    membership: optionsOf(MEMBERSHIP_DEFAULTS),
    query: optionsOf(WAVE_DEFAULTS),
    broadcast: optionsOf(BROADCAST_DEFAULTS),
    aggregation: optionsOf(AGGREGATION_DEFAULTS),
  },
  { error: 'must be a mapping of options of the stack' },
)

/** What is checked at one moment, by the word that a check says it with. */
const CHECKS = {
  /** Share of the links to the first successor and predecessor that are right. */
  ring: share,
  /** Share of the doubling bands in which nodes know somebody. */
  longLinks: share,
  /** A count over all nodes is exact, or covers at least this share of the living. */
  count: z.union([z.literal('exact'), share], { error: 'must be exact, or a share' }),
  /** Share of the deliveries that came, of the publications since `since`: each at each node that was up from then on. */
  delivered: share,
  /**
   * Share of the intervals stated WITH GOSSIP, of count(*) and avg(number) at every node, that hold the exact figure; every node has to
   * state both. What gossip states is of an epoch ago: only when nobody came or went for two epochs is it of now.
   */
  gossip: share,
  /** Components of the graph of contacts, at most. */
  components: z.int({ error: 'must be a whole number from 1' }).min(1, { error: 'must be a whole number from 1' }),
  /** Nodes that died or left and are still somebody's contact, at most. */
  ghosts: z.int({ error: 'must be a whole number from 0' }).min(0, { error: 'must be a whole number from 0' }),
} as const

export type CheckVerb = keyof typeof CHECKS

const check = z
  .strictObject(
    {
      /** Otherwise at the end. */
      at: duration.exactOptional(),
      /** How long it may take until it holds. */
      within: duration.default(0),
      /** Of publications: those before do not count. */
      since: duration.default(0),
      ring: CHECKS.ring.exactOptional(),
      longLinks: CHECKS.longLinks.exactOptional(),
      count: CHECKS.count.exactOptional(),
      delivered: CHECKS.delivered.exactOptional(),
      gossip: CHECKS.gossip.exactOptional(),
      components: CHECKS.components.exactOptional(),
      ghosts: CHECKS.ghosts.exactOptional(),
    },
    { error: `must be a mapping with one of ${Object.keys(CHECKS).join(', ')}` },
  )
  .superRefine((given, context) => {
    const verbs = Object.keys(CHECKS).filter((name) => name in given)
    if (verbs.length === 1) return
    const message =
      verbs.length === 0
        ? `checks nothing: it needs one of ${Object.keys(CHECKS).join(', ')}`
        : `checks ${verbs.join(' and ')} at once: make them two checks`
    context.addIssue({ code: 'custom', path: verbs.slice(1, 2), message })
  })

export type ScenarioCheck = z.output<typeof check>

export function checkVerbOf(given: ScenarioCheck): CheckVerb {
  return Object.keys(CHECKS).find((name) => name in given) as CheckVerb
}

/** A network, what happens to it, and what must hold: what a scenario file says. All times in ms. */
export const scenarioSchema = z.strictObject(
  {
    name: z
      .string({ error: 'must say what the scenario is called' })
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, { error: 'must be of lower-case letters, digits and hyphens' }),
    description: z.string({ error: 'must be a text' }).default(''),
    nodes: z.int({ error: nodesError }).min(1, { error: nodesError }).max(MAX_NODES, { error: nodesError }).default(32),
    /** Decides everything that is left to chance. */
    seed: z
      .int({ error: seedError })
      .min(0, { error: seedError })
      .max(2 ** 32 - 1, { error: seedError })
      .default(1),
    /** From the moment at which all nodes of the start are up. */
    duration: period,
    network: network.prefault({}),
    start: z
      .strictObject(
        {
          /** Between the starts of two nodes; each of them knows node 0. */
          stagger: duration.default(20),
        },
        { error: 'must be a mapping with stagger' },
      )
      .prefault({}),
    stack: stack.prefault({}),
    timeline: z.array(step, { error: STEPS }).max(10_000, { error: STEPS }).default([]),
    checks: z.array(check, { error: CHECK_LIST }).max(1000, { error: CHECK_LIST }).default([]),
    /** What is watched throughout; by default everything that can be watched where it runs. */
    invariants: z
      .array(z.enum(INVARIANT_NAMES, { error: `must be one of ${INVARIANT_NAMES.join(', ')}` }), {
        error: 'must be a list of invariants',
      })
      .exactOptional(),
  },
  { error: 'must be a mapping with name, duration, timeline and checks' },
)

export type Scenario = z.output<typeof scenarioSchema>
