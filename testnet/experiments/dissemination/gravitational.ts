import { Random } from '../../../core/random.ts'
import { loadOf, overBudget } from '../../observers/load.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { BUDGET, type Carried, RatedGroup } from './rated-group.ts'

const RATINGS = [1, 0.5, 0.2, 0.05]
/** Payload of a publication, bytes. */
const PAYLOAD = 256
/** Points by which what is received may differ from the rating, and share by which load may differ from its proportion. */
const POINTS = 0.02
const PROPORTION = 0.1

/** One subgroup. Each source sends whole blocks of 256 numbers: what a rating's share is to be exact over. */
const ONE = {
  quick: { members: 128, sources: 2, messages: 512 },
  full: { members: 512, sources: 8, messages: 2048 },
  warmup: 60,
}
const MANY = {
  quick: { members: 64, most: 400, messages: 1000 },
  full: { members: 256, most: 160, messages: 24_000 },
  subgroups: 1000,
  sources: 8,
  warmup: 240,
}
/** ms between two publications; and the time after the last, s. */
const GAP = 25
const DRAIN = 20

const QUANTITIES: readonly { readonly name: string; of(one: Carried): number }[] = [
  { name: 'messages sent', of: (one) => one.sentMessages },
  { name: 'bytes sent', of: (one) => one.sentBytes },
  { name: 'messages received', of: (one) => one.receivedMessages },
  { name: 'bytes received', of: (one) => one.receivedBytes },
]

export const experiment: Experiment = {
  name: 'gravitational',
  title: 'subgroups with ratings: a member receives the share that it rated, at a cost in proportion',
  source:
    'Birman, van Renesse, Vogels, Spinglass (Gravitational Gossip); received = rating +- 2 points, load proportional: targets of this project',
  run(trial) {
    trial.progress(0, 'one subgroup, no loss')
    const calm = oneSubgroup(trial, 0)
    trial.progress(0.3, 'one subgroup, 10 % loss')
    const lossy = oneSubgroup(trial, 0.1)
    trial.progress(0.6, '1,000 subgroups')
    const many = manySubgroups(trial)
    const all = [...calm, ...lossy, ...many]
    return {
      rows: all.flatMap(({ rows }) => rows),
      tables: [
        {
          name: 'gravitational',
          columns: ['case', 'class', 'due', 'received', ...QUANTITIES.map(({ name }) => `${name} a publication due`)],
          rows: all.flatMap(({ name, classes }) =>
            classes.map((one) => [name, one.name, one.due, one.received, ...one.carried]),
          ),
        },
      ],
      figures: [{ name: 'gravitational', svg: figure(calm[0]) }],
    }
  },
}

/** Members that are looked at together. */
interface Class {
  readonly name: string
  /** Publications a member that their ratings say, and that they got. */
  readonly due: number
  readonly received: number
  /** Of each of QUANTITIES, for one publication due. */
  readonly carried: readonly number[]
}

interface Measured {
  readonly name: string
  readonly classes: readonly Class[]
  readonly rows: readonly Row[]
}

/** A quarter of the members at each rating; then every member changes to the next rating, and all is measured once more (lossy: only in full). */
function oneSubgroup({ seed, quick }: Trial, loss: number): Measured[] {
  const { members, sources, messages } = quick ? ONE.quick : ONE.full
  const got: number[] = new Array(members).fill(0)
  const count = (member: number) => {
    got[member] = (got[member] ?? 0) + 1
  }
  const group = new RatedGroup({ members, sources, seed, loss, delivered: count })
  const { simulation } = group
  const publish = (number: number) => {
    for (let i = 0; i < number; i++) {
      group.publish(i % sources, new Uint8Array(PAYLOAD))
      simulation.run(1000 / (20 * sources) > GAP ? 1000 / (20 * sources) : GAP)
    }
    simulation.run(DRAIN * 1000)
  }
  const measured: Measured[] = []
  for (const turn of quick && loss > 0 ? [0] : [0, 1]) {
    const ratingOf = (member: number) => RATINGS[(member + turn) % RATINGS.length] as number
    for (let member = 0; member < members; member++) group.rate(member, ratingOf(member))
    // Sources join their group with their first publication.
    if (turn === 0) for (let source = 0; source < sources; source++) group.publish(source, new Uint8Array(PAYLOAD))
    simulation.run(ONE.warmup * 1000)
    got.fill(0)
    const before = group.carried()
    publish(messages)
    const carried = group.carried().map((now, member) => less(now, before[member] as Carried))
    const name = `1 subgroup, ${members} members, ${percent(loss)} loss${turn === 0 ? '' : ', all ratings changed'}`
    const classes = RATINGS.map((rating) => {
      const those = indices(members).filter((member) => ratingOf(member) === rating)
      return classOf(percent(rating), those, rating * messages, got, carried)
    })
    const rows: Row[] = RATINGS.flatMap((rating, i) => {
      const those = indices(members).filter((member) => ratingOf(member) === rating)
      const shares = those.map((member) => (got[member] ?? 0) / messages)
      const [least, most] = [Math.min(...shares), Math.max(...shares)]
      const mean = (classes[i] as Class).received / messages
      const reference = `${percent(rating)} +- 2 points`
      return [
        row(name, `rated ${percent(rating)}: received, mean`, reference, percent(mean), near(mean, rating)),
        row(
          name,
          `rated ${percent(rating)}: received, least and most of any member`,
          reference,
          `${percent(least)}, ${percent(most)}`,
          near(least, rating) && near(most, rating),
        ),
      ]
    })
    measured.push({ name, classes, rows: [...rows, ...loadRows(name, classes)] })
  }
  const seconds = simulation.now / 1000
  const { messagesPerRound, bytesPerRound } = loadOf(simulation.nodes.slice(0, members), seconds)
  const name = measured[0]?.name ?? ''
  const limit = BUDGET.rate + BUDGET.burst
  const over = overBudget(simulation.nodes.slice(0, members), limit).length
  const load = [
    row(name, 'messages a member and second, mean / max', null, pair(messagesPerRound), true),
    row(name, 'bytes a member and second, mean / max', null, pair(bytesPerRound), true),
    row(name, `members over their budget of ${limit} bytes in any second, first copies included`, 0, over, over === 0),
  ]
  return measured.map((one, i) => (i > 0 ? one : { ...one, rows: [...one.rows, ...load] }))
}

/** Every member rates some of 1,000 subgroups, each of them 100, 50, 20 or 5 %; some rate four times as many as others. */
function manySubgroups({ seed, quick }: Trial): Measured[] {
  const { members, most, messages } = quick ? MANY.quick : MANY.full
  const { subgroups, sources, warmup } = MANY
  const random = new Random(seed).fork('subgroups')
  const ratings = indices(members).map((member) => {
    const chosen = random.sample(indices(subgroups), Math.round((most * ((member % 4) + 1)) / 4))
    return new Map(chosen.map((subgroup, i) => [subgroup, RATINGS[i % RATINGS.length] as number]))
  })
  const subgroupOf = new Map<string, number>()
  const got: number[] = new Array(members).fill(0)
  const byRating = new Map(RATINGS.map((rating) => [rating, 0]))
  let unasked = 0
  const group = new RatedGroup({
    members,
    sources,
    seed,
    loss: 0,
    delivered(member, id) {
      const subgroup = subgroupOf.get(id)
      if (subgroup === undefined) return
      const rating = ratings[member]?.get(subgroup)
      if (rating === undefined) unasked++
      else byRating.set(rating, (byRating.get(rating) ?? 0) + 1)
      got[member] = (got[member] ?? 0) + 1
    },
  })
  const { simulation } = group
  ratings.forEach((own, member) => {
    for (const [subgroup, rating] of own) group.rate(member, rating, `s${subgroup}`)
  })
  for (let source = 0; source < sources; source++) group.publish(source, new Uint8Array(PAYLOAD), 'start')
  simulation.run(warmup * 1000)
  const idle = loadOf(simulation.nodes.slice(0, members), warmup)
  const before = group.carried()
  const published: number[] = new Array(subgroups).fill(0)
  for (let i = 0; i < messages; i++) {
    const subgroup = random.integer(subgroups)
    published[subgroup] = (published[subgroup] ?? 0) + 1
    subgroupOf.set(group.publish(i % sources, new Uint8Array(PAYLOAD), `s${subgroup}`), subgroup)
    simulation.run(GAP)
  }
  simulation.run(DRAIN * 1000)
  const carried = group.carried().map((now, member) => less(now, before[member] as Carried))
  const due = ratings.map((own) => {
    return [...own].reduce((sum, [subgroup, rating]) => sum + rating * (published[subgroup] ?? 0), 0)
  })
  const name = `${subgroups} subgroups, ${members} members`
  const rows = RATINGS.map((rating) => {
    const all = ratings.reduce((sum, own) => {
      return sum + [...own].reduce((of, [subgroup, its]) => of + (its === rating ? (published[subgroup] ?? 0) : 0), 0)
    }, 0)
    const share = (byRating.get(rating) ?? 0) / all
    const reference = `${percent(rating)} +- 2 points`
    return row(name, `rated ${percent(rating)}: received`, reference, percent(share), near(share, rating))
  })
  const classes = [1, 2, 3, 4].map((quarter) => {
    const those = indices(members).filter((member) => member % 4 === quarter - 1)
    const mean = those.reduce((sum, member) => sum + (due[member] ?? 0), 0) / those.length
    return classOf(`${Math.round((most * quarter) / 4)} subgroups`, those, mean, got, carried)
  })
  const load = [
    row(name, 'publications of subgroups that a member did not rate', 0, unasked, unasked === 0),
    row(name, 'bytes a member and second, ratings alone, mean / max', null, pair(idle.bytesPerRound), true),
  ]
  return [{ name, classes, rows: [...rows, ...loadRows(name, classes), ...load] }]
}

function classOf(
  name: string,
  those: readonly number[],
  due: number,
  got: readonly number[],
  carried: Carried[],
): Class {
  const mean = (of: (member: number) => number) => those.reduce((sum, member) => sum + of(member), 0) / those.length
  return {
    name,
    due: round(due),
    received: round(mean((member) => got[member] ?? 0)),
    carried: QUANTITIES.map(({ of }) => round(mean((member) => of(carried[member] as Carried)) / due)),
  }
}

/** For every quantity: how far the class that carries most, or least, for what is due to it is from the mean of the classes. */
function loadRows(name: string, classes: readonly Class[]): Row[] {
  return QUANTITIES.map((quantity, i) => {
    const loads = classes.map(({ carried }) => carried[i] as number)
    const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length
    const ratios = loads.map((load) => load / mean)
    const ok = ratios.every((ratio) => Math.abs(ratio - 1) <= PROPORTION)
    const measured = classes.map((one, c) => `${one.name}: ${round(ratios[c] as number)}`).join(', ')
    return row(name, `${quantity.name} over what is due, classes over their mean`, '1 +- 10 %', measured, ok)
  })
}

function figure(calm: Measured | undefined): string {
  const messages = (calm?.classes[0]?.due ?? 1) / 100
  const points = (calm?.classes ?? []).map(({ due, received }): [number, number] => [
    due / messages,
    received / messages,
  ])
  const most = Math.max(...(calm?.classes ?? []).map(({ due, carried }) => due * (carried[3] ?? 0)))
  const load = (calm?.classes ?? []).map(({ due, carried }): [number, number] => {
    return [due / messages, (100 * due * (carried[3] ?? 0)) / most]
  })
  return drawn({
    title: 'What a member receives, and what it costs, by its rating',
    x: { label: 'rating, %', from: 0 },
    y: { label: '% of the publications, and of the bytes of who rates 100 %', from: 0 },
    series: [
      {
        name: 'as rated',
        points: [
          [0, 0],
          [100, 100],
        ],
        style: 'reference',
      },
      { name: 'received', points, style: 'dots' },
      { name: 'bytes received', points: load },
    ],
  })
}

function row(name: string, metric: string, reference: Row['reference'], measured: Row['measured'], ok: boolean): Row {
  return { case: name, metric, reference, measured, ok }
}

function near(share: number, rating: number): boolean {
  return Math.abs(share - rating) <= POINTS
}

function less(now: Carried, before: Carried): Carried {
  return {
    sentMessages: now.sentMessages - before.sentMessages,
    sentBytes: now.sentBytes - before.sentBytes,
    receivedMessages: now.receivedMessages - before.receivedMessages,
    receivedBytes: now.receivedBytes - before.receivedBytes,
  }
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function percent(share: number): string {
  return `${round(100 * share)} %`
}

function pair({ mean, max }: { readonly mean: number; readonly max: number }): string {
  return `${mean.toFixed(1)} / ${max.toFixed(1)}`
}

function round(value: number): number {
  return Number(value.toFixed(2))
}
