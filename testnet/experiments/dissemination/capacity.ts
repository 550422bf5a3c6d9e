import { Agb } from '../agb/network.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { BUDGET, BufferedGroup, type BufferedGroupSettings, type Outcome } from './buffered-group.ts'

/** The seed's group, and its buffer that classic lpbcast needs for 30 messages a second at 95 %. */
const MEMBERS = 60
const BUFFER = 120
const FANOUT = 4
/** s: a round. */
const PERIOD = 5
/** On average so many members are to be reached. */
const GOAL = 0.999
/** Messages a second: what is to be carried, and what classic lpbcast carries then (the law below). */
const TARGET = 30
const CLASSIC = 14
/** Members that keep a message. */
const BUFFERERS = 4

interface Size {
  readonly members: number
  /** Buffers to try, messages, from the largest: it stops at the first that is too small. */
  readonly buffers: readonly number[]
}

interface Plan {
  /** s that are measured. */
  readonly seconds: number
  readonly rates: readonly number[]
  readonly classicRates: readonly number[]
  readonly classicSeconds: number
  /** Messages a second at which sizes are compared: what digests can name of it, 256 runs, is the limit. */
  readonly offered: number
  readonly sizeSeconds: number
  readonly sizes: readonly Size[]
  /** Members of the groups in which classic lpbcast is measured, too. */
  readonly classicSizes: readonly number[]
}

const QUICK: Plan = {
  seconds: 12,
  rates: [30],
  classicRates: [11, 14, 18],
  classicSeconds: 200,
  offered: 3,
  sizeSeconds: 10,
  sizes: [
    { members: 60, buffers: [12] },
    { members: 120, buffers: [8] },
  ],
  classicSizes: [],
}

// About half an hour of CPU time, most of it for 10,000 members: a minute for every 1000 of them and every buffer tried.
const FULL: Plan = {
  seconds: 200,
  rates: [20, 30, 40, 50, 60, 80],
  classicRates: [9, 11, 14, 18, 24, 30],
  classicSeconds: 1500,
  offered: 5,
  sizeSeconds: 10,
  sizes: [
    { members: 60, buffers: [24, 20, 16, 12, 8] },
    { members: 250, buffers: [16, 12, 10, 8, 6] },
    { members: 1000, buffers: [12, 10, 8, 6, 4] },
    { members: 10_000, buffers: [8, 6] },
  ],
  classicSizes: [60, 250, 1000],
}

/** r_max(rho) = f B rho / (T * -ln(1 - rho)): PAPERS section 5. */
function law(delivery: number, buffer = BUFFER): number {
  return (FANOUT * buffer * delivery) / (PERIOD * -Math.log(1 - delivery))
}

/** Rounds that a message is kept and told of: until its number has reached all, and two more. Every round it is told to 4 and by 4. */
function roundsFor(members: number): number {
  return Math.ceil(Math.log(members) / Math.log(2 * FANOUT + 1)) + 2
}

/** One point of a curve. */
interface Point {
  readonly rate: number
  readonly delivery: number
}

interface Sized {
  readonly members: number
  readonly buffer: number
  readonly outcome: Outcome
}

export const experiment: Experiment = {
  name: 'capacity',
  title:
    'messages a second that a buffer carries to 99.9 % of a group: digests, pulls and hashed bufferers, and lpbcast',
  source:
    'the mean-field law of lpbcast, calculated; that digests and hashed bufferers beat it: a target of this project',
  run(trial) {
    const plan = trial.quick ? QUICK : FULL
    const ours = plan.rates.map((offered, i) => {
      trial.progress((0.2 * i) / plan.rates.length, `digests, ${offered} msg/s`)
      return repaired({ seed: trial.seed + i, members: MEMBERS, buffer: BUFFER, offered }, plan.seconds)
    })
    const classic = plan.classicRates.map((offered, i) => {
      trial.progress(0.2 + (0.1 * i) / plan.classicRates.length, `lpbcast, ${offered} msg/s`)
      return gossiped(trial.seed + i, MEMBERS, BUFFER, offered, plan.classicSeconds)
    })
    const sized = sizes(plan, trial)
    const need = Math.ceil((plan.offered / law(GOAL, 1)) * 1.1)
    const classicSized = plan.classicSizes.map((members) => {
      trial.progress(0.95, `lpbcast, ${members} members`)
      return { members, buffer: need, point: gossiped(trial.seed, members, need, plan.offered, 300) }
    })
    return report(plan, ours, classic, sized, classicSized)
  },
}

type Settings = Pick<BufferedGroupSettings, 'seed' | 'members' | 'buffer' | 'offered'>

function repaired(settings: Settings, seconds: number): Outcome {
  const rounds = roundsFor(settings.members)
  const group = new BufferedGroup({ ...settings, bufferers: BUFFERERS, rounds })
  group.simulation.run((rounds + 2) * PERIOD * 1000)
  return group.span(seconds * 1000)
}

function gossiped(seed: number, nodes: number, buffer: number, offered: number, seconds: number): Point {
  const network = new Agb({ seed, buffer, offered, nodes })
  network.simulation.run(100_000)
  const { admitted, delivery } = network.span(seconds * 1000)
  return { rate: admitted, delivery }
}

function sizes({ sizes: all, offered, sizeSeconds }: Plan, trial: Trial): Sized[] {
  const sized: Sized[] = []
  const work = all.reduce((sum, { members }) => sum + members, 0)
  let done = 0
  for (const { members, buffers } of all) {
    for (const [i, buffer] of buffers.entries()) {
      const share = (done + (members * i) / buffers.length) / work
      trial.progress(0.3 + 0.65 * share, `${members} members, buffers of ${buffer}`)
      const outcome = repaired({ seed: trial.seed, members, buffer, offered }, sizeSeconds)
      sized.push({ members, buffer, outcome })
      if (outcome.delivery < GOAL) break
    }
    done += members
  }
  return sized
}

/** Messages a second at the goal: -ln(1 - delivery) between two measured rates, along a straight line. */
function atGoal(points: readonly Point[]): number | null {
  const nines = ({ delivery }: Point) => -Math.log(Math.max(1 - delivery, 1e-6))
  const goal = -Math.log(1 - GOAL)
  for (const [i, above] of points.entries()) {
    const below = points[i + 1]
    if (below === undefined || nines(above) < goal || nines(below) > goal) continue
    return above.rate + ((nines(above) - goal) / (nines(above) - nines(below))) * (below.rate - above.rate)
  }
  return null
}

interface ClassicSized {
  readonly members: number
  readonly buffer: number
  readonly point: Point
}

function report(
  { offered, rates }: Plan,
  ours: readonly Outcome[],
  classic: readonly Point[],
  sized: readonly Sized[],
  classicSized: readonly ClassicSized[],
): Result {
  const name = `B = ${BUFFER}, f = ${FANOUT}, T = ${PERIOD} s, ${MEMBERS} members`
  const target = ours[rates.indexOf(TARGET)] as Outcome
  const found = atGoal(classic)
  const held = rates.filter((_, i) => (ours[i] as Outcome).delivery >= GOAL)
  const smallest = sizesHeld(sized)
  const capacities = smallest.map(({ members, buffer }) => [members, (offered / buffer) * BUFFER] as const)
  const rows: Row[] = [
    row(
      `${name}, digests and bufferers`,
      `delivery at ${TARGET} msg/s`,
      `>= ${GOAL}`,
      target.delivery,
      target.delivery >= GOAL,
    ),
    row(`${name}, digests and bufferers`, `highest rate tried with >= ${GOAL}, msg/s`, null, Math.max(...held)),
    row(`${name}, digests and bufferers`, 'a message is kept by its bufferers, rounds', null, roundsFor(MEMBERS)),
    row(`${name}, digests and bufferers`, 'publication to arrival, mean, s', null, target.delay),
    row(
      `${name}, digests and bufferers`,
      'fullest buffer, messages',
      `<= ${BUFFER}`,
      target.fullest,
      target.fullest <= BUFFER,
    ),
    row(
      `${name}, lpbcast (Fig. 1)`,
      `msg/s at ${GOAL}`,
      `${CLASSIC} +- 15 %`,
      found,
      found !== null && Math.abs(found - CLASSIC) <= 0.15 * CLASSIC,
    ),
    row(`${name}, lpbcast (Fig. 1)`, 'msg/s by the law', null, law(GOAL)),
    ...loadRows(`${name}, ${TARGET} msg/s`, target),
    ...smallest.flatMap(({ members, buffer, outcome }) => [
      row(`${members} members, ${offered} msg/s`, `smallest buffer tried with >= ${GOAL}, messages`, null, buffer),
      row(
        `${members} members, ${offered} msg/s`,
        `that is, msg/s for ${BUFFER} messages`,
        null,
        (offered / buffer) * BUFFER,
      ),
      ...loadRows(`${members} members, ${offered} msg/s`, outcome),
    ]),
    ...sized
      .filter(({ members }) => !smallest.some((one) => one.members === members))
      .map(({ members, buffer, outcome }) =>
        row(
          `${members} members, ${offered} msg/s`,
          `delivery with ${buffer} messages`,
          `>= ${GOAL}`,
          outcome.delivery,
          false,
        ),
      ),
    row(
      'more members',
      'carry',
      'no less in the same buffers',
      growing(capacities) ? 'no less' : 'less',
      growing(capacities),
    ),
    ...classicSized.map(({ members, buffer, point }) =>
      row(`${members} members, ${offered} msg/s, lpbcast`, `delivery with ${buffer} messages`, null, point.delivery),
    ),
  ]
  const grid = Array.from({ length: 60 }, (_, i) => 1 - 10 ** (-0.3 - i / 15))
  const curves = drawn({
    title: `Share of ${MEMBERS} members that are not reached, buffers of ${BUFFER}`,
    x: { label: 'messages a second', from: 0, to: Math.max(...rates) },
    y: { label: 'share not reached', scale: 'log', from: 1e-4, to: 1 },
    series: [
      { name: 'the law', points: grid.map((rho) => [law(rho), 1 - rho] as const), style: 'reference' },
      { name: 'lpbcast', points: classic.map(({ rate, delivery }) => [rate, 1 - delivery] as const) },
      {
        name: 'digests, bufferers',
        points: ours.map(({ rate, delivery }) => [rate, Math.max(1 - delivery, 1e-5)] as const),
      },
    ],
  })
  const members = smallest.map((one) => one.members)
  const growth = drawn({
    title: `What buffers of ${BUFFER} carry to ${100 * GOAL} %, from the smallest that carry ${offered} msg/s`,
    x: { label: 'members', scale: 'log' },
    y: { label: 'messages a second', scale: 'log' },
    series: [
      { name: 'lpbcast, the law', points: members.map((n) => [n, law(GOAL)] as const), style: 'reference' },
      { name: 'digests, bufferers', points: capacities },
    ],
  })
  const tables = [
    {
      name: 'capacity',
      columns: ['protocol', 'members', 'buffer', 'rate', 'delivery', 'worst', 'delay_s'],
      rows: [
        ...ours.map((one) => ['digests', MEMBERS, BUFFER, one.rate, one.delivery, one.worst, one.delay]),
        ...sized.map(({ members: n, buffer, outcome: one }) => [
          'digests',
          n,
          buffer,
          one.rate,
          one.delivery,
          one.worst,
          one.delay,
        ]),
        ...classic.map(({ rate, delivery }) => ['lpbcast', MEMBERS, BUFFER, rate, delivery, null, null]),
        ...classicSized.map(({ members: n, buffer, point }) => [
          'lpbcast',
          n,
          buffer,
          point.rate,
          point.delivery,
          null,
          null,
        ]),
      ],
    },
  ]
  const figures = [
    { name: 'capacity', svg: curves },
    { name: 'capacity-members', svg: growth },
  ]
  return { rows, tables, figures }
}

/** Of each size the smallest buffer that was enough, if one was. */
function sizesHeld(sized: readonly Sized[]): Sized[] {
  const held = new Map<number, Sized>()
  for (const one of sized) if (one.outcome.delivery >= GOAL) held.set(one.members, one)
  return [...held.values()]
}

function growing(capacities: readonly (readonly [number, number])[]): boolean {
  return capacities.every(
    ([, capacity], i) => i === 0 || capacity >= (capacities[i - 1] as readonly [number, number])[1],
  )
}

function loadRows(name: string, { load }: Outcome): Row[] {
  const pair = ({ mean, max }: { readonly mean: number; readonly max: number }) => `${rounded(mean)} / ${rounded(max)}`
  return [
    row(name, 'messages a node and round, mean / most', null, pair(load.messagesPerRound)),
    row(name, 'bytes a node and round, mean / most', null, pair(load.bytesPerRound)),
    row(name, 'bytes in any second, most of any node', `<= ${BUDGET}`, load.mostBytes, load.mostBytes <= BUDGET),
  ]
}

function row(name: string, metric: string, reference: Row['reference'], measured: Row['measured'], ok = true): Row {
  return { case: name, metric, reference, measured: typeof measured === 'number' ? rounded(measured) : measured, ok }
}

function rounded(value: number): number {
  return Number(value.toPrecision(5))
}
