import { Random } from '../../core/random.ts'
import { DISGUISES } from '../scenarios/disguises.ts'
import { type Scenario, scenarioSchema } from '../scenarios/scenario.ts'
import type { Step } from '../scenarios/steps.ts'

/** Least and most nodes of a network. */
export type Sizes = readonly [least: number, most: number]

/** ms until a network is left alone to form. */
const SETTLED = 12_000
/** ms of faults. */
const TROUBLE: Sizes = [10_000, 45_000]
/**
 * ms after the last fault within which everything is as it was, of those that live: the ring right, a count exact. Most often a
 * second; two that buried each other in a one-way fault need the 10 s after which membership asks whom others offer.
 */
const RECOVERY = 45_000
/** ms for which queries and publications go on after the last fault. */
const CALM = 15_000
/** ms between the publications that have to reach everybody and the end. */
const LAST_WORDS = 10_000
/**
 * ms between two rounds of gossip aggregation: with the usual 2 s a minute would pass until an epoch begins that knows nothing of the
 * faults any more, and most of another until it has settled. With this an epoch takes 15 s, and settles in 10.
 */
const AGGREGATION_PERIOD = 500
/** Of the intervals stated with 95 % confidence: a few more may be wrong by chance. */
const INSIDE = 0.85
/**
 * ms more of calm, in one schedule of so many: only 80 s after a death nobody may have the dead for a contact any more, and most schedules
 * are over by then.
 */
const REST = 35_000
const RESTING = 8
const FAULTS: Sizes = [2, 12]
/** Times are drawn in these, ms. */
const GRAIN = 100

/** Run beside the ring in some networks. */
const STRUCTURES = [
  'spanning-tree',
  'spanning-tree',
  'spanning-tree',
  'line:load',
  'torus',
  'slices:load',
  'superpeers',
]
const COUNT = 'SELECT count(*), sum(number) FROM nodes'
const EACH = 'SELECT number, count(*) FROM nodes GROUP BY number'

/**
 * A random network and a random schedule of faults on it, with queries and publications going on meanwhile: the same for the
 * same seed. Every fault that lasts ends by itself, so a schedule with steps left out is a fair one, too; whoever is struck is
 * named, so leaving out steps does not change whom the others strike. Node 0, which newcomers ask, never dies.
 */
export function randomScenario(seed: number, sizes: Sizes): Scenario {
  const random = new Random(seed).fork('schedule')
  const nodes = sizeIn(sizes, random)
  const trouble = within(TROUBLE, random)
  const healed = SETTLED + trouble
  const rested = healed + RECOVERY + (seed % RESTING === 0 ? REST : 0)
  const end = rested + LAST_WORDS
  const busy = healed + CALM - SETTLED / 2
  const faults = Array.from({ length: FAULTS[0] + random.integer(FAULTS[1] - FAULTS[0] + 1) }, () =>
    fault(random, nodes, trouble),
  )
  const timeline: Step[] = [
    { at: SETTLED / 2, publish: { messages: Math.floor(busy / 1000), rate: 1, bytes: 20 + random.integer(400) } },
    { at: SETTLED / 2, query: { sql: COUNT, times: Math.floor(busy / 2000), every: 2000 } },
    { at: SETTLED / 2 + 900, query: { sql: EACH, times: Math.floor(busy / 3000), every: 3000 } },
    ...faults,
    { at: rested, publish: { messages: 5, rate: 5, bytes: 100 } },
  ]
  const plain = scenarioSchema.parse({ name: `swarm-${seed}`, nodes, seed, duration: `${end}ms` })
  return {
    ...plain,
    network: { ...plain.network, ...networkOf(random) },
    stack: {
      aggregates: ['number'],
      aggregation: { period: AGGREGATION_PERIOD },
      gossipBudget: (random.pick([16, 32, 64, 256, 256, 256]) ?? 256) * 1024,
      ...(random.chance(0.3) && { structures: [random.pick(STRUCTURES) ?? 'spanning-tree'] }),
    },
    timeline: timeline.sort((a, b) => a.at - b.at),
    checks: [
      { at: healed, within: RECOVERY, since: 0, ring: 1 },
      { at: healed, within: RECOVERY, since: 0, count: 'exact' },
      { within: 0, since: rested, delivered: 1 },
      // What transfers lose or count twice is in the averages of an epoch for good. Once, and with its time said: tried again and again a
      // wrong figure would be right for a moment, and a schedule that is shrunk must not end before gossip can know.
      { at: end, within: 0, since: 0, gossip: INSIDE },
    ],
  }
}

/** Twice the size half as often, so that large networks cost no more than small ones in all. */
function sizeIn([least, most]: Sizes, random: Random): number {
  let from = least
  while (from * 2 <= most && random.chance(0.35)) from *= 2
  return from + random.integer(Math.min(2 * from, most + 1) - from)
}

function within([least, most]: Sizes, random: Random): number {
  return least + random.integer((most - least) / GRAIN + 1) * GRAIN
}

function networkOf(random: Random): Partial<Scenario['network']> {
  const latency = random.pick([
    20,
    { uniform: [10, 50] },
    { uniform: [1, 200] },
    { logNormal: { median: 40, sigma: 0.5 } },
  ])
  return {
    latency: latency as Scenario['network']['latency'],
    loss: random.pick([0, 0, 0, 0.01, 0.05]) ?? 0,
    duplicate: random.pick([0, 0, 0.02, 0.2]) ?? 0,
    ...(random.chance(0.25) && { reorder: { rate: 0.1, by: 500 } }),
  }
}

type Draw = (random: Random, nodes: number, left: number) => Omit<Step, 'at'>

/** As often as its weight says. */
const DRAWS: readonly (readonly [weight: number, draw: Draw])[] = [
  [3, (random, nodes) => ({ kill: some(random, nodes, 0.3) })],
  [3, (random, nodes) => ({ silence: some(random, nodes, 0.3) })],
  [2, (random, nodes) => ({ leave: some(random, nodes, 0.2) })],
  [2, (random, nodes, left) => ({ for: length(random, left), kill: some(random, nodes, 0.3) })],
  [2, (random, nodes, left) => ({ for: length(random, left), silence: some(random, nodes, 0.2) })],
  [1, (random, nodes, left) => ({ for: length(random, left), leave: some(random, nodes, 0.2) })],
  [3, (random, nodes, left) => ({ for: length(random, left), pause: some(random, nodes, 0.3) })],
  [3, (random, nodes, left) => ({ for: length(random, left), partition: some(random, nodes, 0.5) })],
  [2, (random, nodes, left) => ({ for: length(random, left), block: { from: some(random, nodes, 0.4) } })],
  [
    2,
    (random, nodes, left) => ({
      for: length(random, left),
      block: between(some(random, nodes, 0.2), some(random, nodes, 0.2)),
    }),
  ],
  [2, (random, _, left) => ({ for: length(random, left), lose: { rate: random.pick([0.1, 0.3, 0.6]) ?? 0.1 } })],
  [
    1,
    (random, nodes, left) => ({
      for: length(random, left),
      lose: { rate: random.pick([0.5, 0.9, 1]) ?? 1, to: some(random, nodes, 0.2) },
    }),
  ],
  [
    2,
    (random, nodes, left) => ({
      for: length(random, left),
      slow: { nodes: some(random, nodes, 0.2), by: random.pick([200, 500, 1500]) ?? 500 },
    }),
  ],
  [
    1,
    (random, nodes, left) => ({
      for: length(random, left),
      throttle: { nodes: some(random, nodes, 0.2), up: 65_536, down: 65_536 },
    }),
  ],
  [2, (random, nodes) => ({ clock: { nodes: some(random, nodes, 0.2), jump: (random.integer(81) - 40) * 1000 } })],
  [
    1,
    (random, nodes) => ({
      add: { nodes: { count: 1 + random.integer(Math.ceil(nodes / 4)) }, over: random.integer(5) * 1000 },
    }),
  ],
  [
    1,
    (random, _, left) => ({
      for: length(random, left),
      churn: {
        every: 500 + random.integer(30) * 100,
        away: 1000 + random.integer(100) * 100,
        how: random.pick(['kill', 'silence', 'leave'] as const) ?? 'kill',
      },
    }),
  ],
  [
    1,
    (random, nodes, left) => ({
      for: length(random, left),
      byzantine: { nodes: some(random, nodes, 0.1), as: random.pick(DISGUISES) ?? 'mute' },
    }),
  ],
]

function fault(random: Random, nodes: number, trouble: number): Step {
  const early = random.integer(Math.floor((trouble * 0.8) / GRAIN)) * GRAIN
  const draws = DRAWS.flatMap(([weight, draw]) => Array<Draw>(weight).fill(draw))
  const draw = random.pick(draws) as Draw
  const step = draw(random, nodes, trouble - early)
  // What a churn killed comes back after it has ended; it ends earlier by that.
  const { churn } = step
  if (churn?.away === undefined) return { at: SETTLED + early, ...step }
  const left = Math.max(GRAIN, Math.min(step.for ?? 0, trouble - early - churn.away))
  return { at: SETTLED + early, ...step, for: left }
}

/** ms that a fault lasts: more often short than long. */
function length(random: Random, left: number): number {
  const grains = Math.max(1, Math.floor(left / GRAIN))
  return (1 + Math.min(random.integer(grains), random.integer(grains))) * GRAIN
}

/** One node to `share` of them, by name: more often few. Node 0 is not among them. */
function some(random: Random, nodes: number, share: number): { nodes: number[] } {
  const most = Math.max(1, Math.floor(nodes * share))
  const count = 1 + Math.min(random.integer(most), random.integer(most))
  const mortal = Array.from({ length: nodes - 1 }, (_, i) => i + 1)
  return { nodes: random.sample(mortal, count).sort((a, b) => a - b) }
}

/** In a small network both may be the same one node, which sends nothing to itself: then what it sends reaches nobody. */
function between(from: { nodes: number[] }, to: { nodes: number[] }): Step['block'] & {} {
  return new Set([...from.nodes, ...to.nodes]).size === 1 ? { from } : { from, to }
}
