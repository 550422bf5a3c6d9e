import { Random } from '../../../core/random.ts'
import { drawn } from '../chart.ts'
import { BroadcastGroup } from '../dissemination/broadcast-group.ts'
import { budgetRow } from '../dissemination/gossip.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { AcknowledgedGroup } from './acknowledged-group.ts'
import { type Price, priceOf } from './ordered-price.ts'
import { runSchedule, type ScheduleOutcome } from './ordered-schedules.ts'
import { Deliveries, measure, type Throughput } from './sleepers.ts'

const SCHEDULES = { quick: 20, full: 1000 }
const SABOTAGED = { quick: 20, full: 100 }
const SIZES = { quick: [32], full: [32, 64] }
const SLEEPS = { quick: [0, 0.9], full: [0, 0.3, 0.6, 0.9] }
/** Of 500 ms. While the leader sleeps delivery comes in bursts of up to 4 s: fewer samples than 40 measure where they happen to end. */
const SAMPLES = { quick: 40, full: 80 }
const PRICES = { quick: [8, 32], full: [8, 32, 128] }
/** ms of the way between two members of a cluster. */
const LATENCY = 1
/** ms in which a group comes together. */
const FORMING = 15_000
/** As in `spinglass-fig1`: 200 messages of 7 KiB a second are ten times what a publisher may by default. */
const BUDGET = 2 ** 21
const OPTIONS = {
  rate: 200,
  burst: 2000,
  retention: 10_000,
  bufferBytes: 2 ** 24,
  publisherBytes: 2 ** 24,
  period: 100,
  settle: 150,
  pullBytes: BUDGET,
}

interface Point extends Throughput {
  readonly protocol: 'ordered' | 'acknowledged'
  readonly members: number
  readonly sleep: number
  readonly mostGossip: number
}

export const experiment: Experiment = {
  name: 'ordered',
  title: 'view-synchronous total order over bimodal multicast: under random faults, beside a sleeper, and its price',
  source:
    'Birman, van Renesse, Vogels, Spinglass (virtual synchrony over bimodal multicast); targets of this project: 1,000 fault schedules, one sleeper slows nobody',
  run(trial) {
    const size = trial.quick ? 'quick' : 'full'
    const schedules = schedulesOf(trial, SCHEDULES[size], 0, 'fault schedules')
    const sabotaged = schedulesOf(trial, SABOTAGED[size], 0.4, 'without majorities', true)
    const points = SIZES[size].flatMap((members) =>
      SLEEPS[size].flatMap((sleep) => {
        trial.progress(0.5, `${members} members, one asleep ${sleep}`)
        return [ofOrdered(members, sleep, trial), ofAcknowledged(members, sleep, trial)]
      }),
    )
    trial.progress(0.9, 'price')
    const prices = PRICES[size].map((members) => ({
      ordered: priceOf('ordered', members, trial.seed),
      bimodal: priceOf('bimodal', members, trial.seed),
    }))
    return {
      rows: [...faultRows(schedules, sabotaged), ...sleepRows(points), ...prices.flatMap(priceRows)],
      tables: [scheduleTable(schedules), throughputTable(points), priceTable(prices)],
      figures: [sleepFigure(points), delayFigure(prices)],
    }
  },
}

function schedulesOf(trial: Trial, count: number, from: number, doing: string, anyone = false): ScheduleOutcome[] {
  const outcomes: ScheduleOutcome[] = []
  for (let i = 0; i < count; i++) {
    if (i % 20 === 0) trial.progress(from + (0.1 * i) / count, `${doing}: ${i} of ${count}`)
    outcomes.push(runSchedule(trial.seed * 100_000 + i, anyone ? { quorum: () => true } : {}))
  }
  return outcomes
}

function ofOrdered(members: number, sleep: number, { seed, quick }: Trial): Point {
  const deliveries = new Deliveries(members)
  const group: BroadcastGroup = new BroadcastGroup({
    members,
    seed,
    latency: LATENCY,
    delivery: 'ordered',
    options: OPTIONS,
    budget: BUDGET,
    delivered: (member) => deliveries.add(member),
  })
  group.publish(new Uint8Array(1))
  group.simulation.run(FORMING)
  const how = { perturbed: 1, probability: sleep, samples: quick ? SAMPLES.quick : SAMPLES.full }
  const throughput = measure(group, deliveries, new Random(seed).fork('sleeps'), how)
  return { protocol: 'ordered', members, sleep, mostGossip: group.gossip.most, ...throughput }
}

function ofAcknowledged(members: number, sleep: number, { seed, quick }: Trial): Point {
  const deliveries = new Deliveries(members)
  const delivered = (member: number) => deliveries.add(member)
  const group = new AcknowledgedGroup({ members, seed, latency: LATENCY, delivered })
  const how = { perturbed: 1, probability: sleep, samples: quick ? SAMPLES.quick : SAMPLES.full }
  const throughput = measure(group, deliveries, new Random(seed).fork('sleeps'), how)
  return { protocol: 'acknowledged', members, sleep, mostGossip: 0, ...throughput }
}

function faultRows(schedules: readonly ScheduleOutcome[], sabotaged: readonly ScheduleOutcome[]): Row[] {
  const name = `${schedules.length} random fault schedules, 5-9 members`
  const sum = (of: (outcome: ScheduleOutcome) => number) => schedules.reduce((total, one) => total + of(one), 0)
  const broken = schedules.filter(({ violations }) => violations.length > 0)
  const caught = sabotaged.filter(({ violations }) => violations.some((text) => text.includes('number')))
  const metric = 'schedules in which a number, a view, an order or the one group differ, or not all go on after it'
  const first = broken[0] === undefined ? '' : ` (seed ${broken[0].seed}: ${broken[0].violations[0]})`
  const count = (metric: string, measured: number): Row => ({ case: name, metric, reference: null, measured, ok: true })
  return [
    { case: name, metric, reference: 0, measured: `${broken.length}${first}`, ok: broken.length === 0 },
    count(
      'deliveries',
      sum(({ deliveries }) => deliveries),
    ),
    count(
      'views',
      sum(({ views }) => views),
    ),
    count(
      'times that a member said that it cannot deliver, and why',
      sum(({ stalls }) => stalls),
    ),
    count(
      'schedules whose faults took the last view its majority: such a group stands still for good',
      schedules.filter(({ survives }) => !survives).length,
    ),
    {
      case: `${sabotaged.length} of these schedules, deciding without a majority`,
      metric: 'share in which two members deliver different publications under one number, or have a gap',
      reference: '>= 0.2: the schedules can tell',
      measured: round(caught.length / sabotaged.length, 2),
      ok: caught.length >= 0.2 * sabotaged.length,
    },
  ]
}

function sleepRows(points: readonly Point[]): Row[] {
  const rows: Row[] = []
  for (const members of new Set(points.map((point) => point.members))) {
    const left = (protocol: Point['protocol']) => {
      const group = points.filter((point) => point.protocol === protocol && point.members === members)
      const calm = group.find(({ sleep }) => sleep === 0)?.mean ?? 0
      return { calm, share: Math.min(...group.map(({ least }) => least)) / calm }
    }
    const ordered = left('ordered')
    const acknowledged = left('acknowledged')
    // As in Fig. 1 it is the busiest member that sleeps: in the ordered group that is the leader.
    const name = (protocol: string, sleeper: string) => `${protocol}, ${members} members, ${sleeper} asleep up to 90 %`
    rows.push(
      {
        case: name('ordered', 'the leader'),
        metric: `least throughput of a healthy member, of ${round(ordered.calm)} messages a second unperturbed`,
        reference: '>= 0.98',
        measured: round(ordered.share, 4),
        ok: ordered.calm >= 196 && ordered.share >= 0.98,
      },
      {
        case: name('acknowledged', 'one'),
        metric: `the same, of ${round(acknowledged.calm)}`,
        reference: '<= 0.25: collapses',
        measured: round(acknowledged.share, 4),
        ok: acknowledged.share <= 0.25,
      },
    )
  }
  const most = Math.max(...points.map(({ mostGossip }) => mostGossip))
  rows.push(budgetRow('ordered, all groups with a sleeper', most, BUDGET))
  return rows
}

function priceRows({ ordered, bimodal }: { ordered: Price; bimodal: Price }): Row[] {
  const name = `${ordered.members} members, 5 messages a second, 50 ms +- 25 ms a way`
  const row = (metric: string, measured: string, ok = true, reference: string | null = null): Row => {
    return { case: name, metric, reference, measured, ok }
  }
  const pair = ({ mean, max }: { mean: number; max: number }) => `${round(mean)} / ${round(max)}`
  return [
    row('s until all members are in one view: ordered', `${ordered.formed}`, Number.isFinite(ordered.formed), 'all'),
    row('share delivered: ordered', `${round(ordered.delivered, 4)}`, ordered.delivered === 1, '1'),
    row('ms to a subscriber, mean / p99: ordered', `${round(ordered.mean)} / ${round(ordered.p99)}`),
    row('ms to a subscriber, mean / p99: bimodal', `${round(bimodal.mean)} / ${round(bimodal.p99)}`),
    row('messages sent a member and second, mean / most: ordered', pair(ordered.messages)),
    row('messages sent a member and second, mean / most: bimodal', pair(bimodal.messages)),
    row('bytes sent a member and second, mean / most: ordered', pair(ordered.bytes)),
    row('bytes sent a member and second, mean / most: bimodal', pair(bimodal.bytes)),
    budgetRow(name, ordered.mostGossip, 2 ** 17),
  ]
}

function scheduleTable(schedules: readonly ScheduleOutcome[]) {
  const columns = [
    'seed',
    'members',
    'loss',
    'violations',
    'numbers',
    'deliveries',
    'views',
    'stalls',
    'messages',
    'bytes',
    'faults',
  ]
  return {
    name: 'schedules',
    columns,
    rows: schedules.map((one) => {
      const { seed, members, loss, violations, numbers, deliveries, views, stalls, messages, bytes, faults } = one
      const what = Object.entries(faults)
        .map(([kind, times]) => `${times} ${kind}`)
        .join(' ')
      return [seed, members, loss, violations.length, numbers, deliveries, views, stalls, messages, bytes, what]
    }),
  }
}

function throughputTable(points: readonly Point[]) {
  return {
    name: 'throughput',
    columns: ['protocol', 'members', 'sleep', 'mean', 'least', 'deviation'],
    rows: points.map(({ protocol, members, sleep, mean, least, deviation }) => {
      return [protocol, members, sleep, mean, least, deviation]
    }),
  }
}

function priceTable(prices: readonly { ordered: Price; bimodal: Price }[]) {
  const columns = [
    'delivery',
    'members',
    'formed',
    'mean',
    'p99',
    'delivered',
    'messages',
    'most',
    'bytes',
    'most bytes',
  ]
  const line = (name: string, { members, formed, mean, p99, delivered, messages, bytes }: Price) => {
    return [name, members, formed, mean, p99, delivered, messages.mean, messages.max, bytes.mean, bytes.max]
  }
  const rows = prices.flatMap(({ ordered, bimodal }) => [line('ordered', ordered), line('bimodal', bimodal)])
  return { name: 'price', columns, rows }
}

function sleepFigure(points: readonly Point[]) {
  const sizes = [...new Set(points.map(({ members }) => members))]
  const curve = (protocol: Point['protocol'], members: number) =>
    points
      .filter((point) => point.protocol === protocol && point.members === members)
      .map(({ sleep, least }) => [sleep, least] as const)
  return {
    name: 'sleeper',
    svg: drawn({
      title: 'One member sleeps: what the healthy member gets that gets least',
      x: { label: 'share of time asleep', from: 0, to: 0.9 },
      y: { label: 'messages a second', from: 0, to: 220 },
      series: sizes.flatMap((members) => [
        { name: `ordered, ${members}`, points: curve('ordered', members) },
        { name: `acknowledged, ${members}`, points: curve('acknowledged', members), style: 'reference' as const },
      ]),
    }),
  }
}

function delayFigure(prices: readonly { ordered: Price; bimodal: Price }[]) {
  const curve = (name: string, of: (price: { ordered: Price; bimodal: Price }) => number) => {
    return { name, points: prices.map((price) => [price.ordered.members, of(price)] as const) }
  }
  return {
    name: 'price',
    svg: drawn({
      title: 'What the order costs: time to a subscriber',
      x: { label: 'members', scale: 'log' },
      y: { label: 'ms', from: 0 },
      series: [
        curve('ordered, p99', ({ ordered }) => ordered.p99),
        curve('ordered, mean', ({ ordered }) => ordered.mean),
        curve('bimodal, p99', ({ bimodal }) => bimodal.p99),
        curve('bimodal, mean', ({ bimodal }) => bimodal.mean),
      ],
    }),
  }
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits))
}
