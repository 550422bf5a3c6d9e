import { type Load, loadOf, type MeanMax } from '../../observers/load.ts'
import { uniform } from '../../simulator/latency.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { budgetRow } from './gossip.ts'
import { SUBJECTS } from './subjects.ts'

const SIZES = { quick: [200], full: [1000, 10_000] }
const LOSSES = { quick: [0, 0.2], full: [0, 0.05, 0.2] }
/** Share of the members that die silently just before the first message; nobody is told and nobody finds out. */
const DEATHS = { quick: [0, 0.3], full: [0, 0.1, 0.3] }
const PUBLISHERS = { quick: [1, 20], full: [1, 100] }
const MESSAGES = { quick: 20, full: 100 }
/** ms between two messages, whoever publishes them; before the first, in which meshes form; and after the last. */
const GAP = 100
const WARM_UP = 15_000
const TAIL = 30_000
const PAYLOAD_BYTES = 1024
/** 50 ms +- 50 %. */
const LATENCY = uniform(25, 75)
/** What is run at the largest size in one undisturbed case alone: it tells nothing else there, and costs most. */
const COSTLY = new Set(['flooding'])
const DEFAULT = 'bimodal'
const MESH = 'mesh'

interface Case {
  readonly members: number
  readonly loss: number
  readonly dead: number
  readonly publishers: number
}

interface Outcome extends Case {
  readonly subject: string
  /** Share of the messages that their publisher's node took. */
  readonly accepted: number
  /** Share of (message, living member) pairs, the publisher's own excluded; a message that was not taken reaches nobody. */
  readonly delivered: number
  /** Pairs that were delivered more than once. */
  readonly again: number
  /** ms from publishing to the subscriber, over what was delivered. */
  readonly median: number
  readonly p99: number
  /** Payloads received, and all bytes sent from the first message on, a delivery. */
  readonly copies: number
  readonly bytes: number
  /** Of any member in any second: bytes and messages sent. */
  readonly mostBytes: number
  readonly mostMessages: number
  /** What the living sent a second, from the start. */
  readonly load: Load
  /** Undefined for baselines, which have no gossip budget. */
  readonly gossip: { readonly most: number; readonly budget: number } | undefined
}

export const experiment: Experiment = {
  name: 'broadcast-compare',
  title: 'every way of delivery and the baselines on the same network and load: delivery, latency, copies, bytes, load',
  source: "targets of this project; libp2p gossipsub's 5-6 payloads a delivery",
  heap: (quick) => (quick ? 2 ** 30 : 6 * 2 ** 30),
  run(trial) {
    const cases = casesOf(trial.quick)
    const work = cases.flatMap((one) =>
      Object.keys(SUBJECTS)
        .filter((name) => !COSTLY.has(name) || one.members < 10_000 || (one.loss === 0 && one.dead === 0))
        .map((subject) => ({ ...one, subject })),
    )
    return report(
      work.map((one, i) => {
        trial.progress(i / work.length, `${one.subject}: ${named(one)}`)
        return run(one.subject, one, trial)
      }),
    )
  },
}

function casesOf(quick: boolean): Case[] {
  const size = quick ? 'quick' : 'full'
  return SIZES[size].flatMap((members) =>
    PUBLISHERS[size].flatMap((publishers) =>
      LOSSES[size].flatMap((loss) => DEATHS[size].map((dead) => ({ members, loss, dead, publishers }))),
    ),
  )
}

function run(subject: string, one: Case, { seed, quick }: Trial): Outcome {
  const { members, loss, dead, publishers } = one
  const messages = quick ? MESSAGES.quick : MESSAGES.full
  const published = new Float64Array(messages)
  const latencies: number[] = []
  const got = new Set<number>()
  let again = 0
  const make = SUBJECTS[subject] as (typeof SUBJECTS)[string]
  const group = make({
    members,
    seed,
    latency: LATENCY,
    loss,
    delivered: (member, payload) => {
      const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
      if (member === number % publishers) return
      const pair = number * members + member
      if (got.has(pair)) again++
      else latencies.push(simulation.now - (published[number] as number))
      got.add(pair)
    },
  })
  const { simulation } = group
  simulation.run(WARM_UP)
  // Publishers live: the others die evenly over the numbers, which are random places in every overlay.
  const mortal = members - publishers
  const deaths = Math.min(mortal, Math.round(dead * members))
  for (let i = 0; i < deaths; i++) {
    simulation.kill((simulation.nodes[publishers + Math.floor((i * mortal) / deaths)] as { id: string }).id)
  }
  const sent = () => simulation.nodes.reduce((sum, node) => sum + node.sent.bytes, 0)
  const before = sent()
  let accepted = 0
  for (let number = 0; number < messages; number++) {
    published[number] = simulation.now
    const payload = new Uint8Array(PAYLOAD_BYTES)
    new DataView(payload.buffer).setUint32(0, number)
    if (group.publish(payload, number % publishers)) accepted++
    simulation.run(GAP)
  }
  simulation.run(TAIL)
  const times = Float64Array.from(latencies).sort()
  const quantile = (q: number) => times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? 0
  return {
    subject,
    ...one,
    accepted: accepted / messages,
    delivered: times.length / (messages * (members - deaths - 1)),
    again,
    median: quantile(0.5),
    p99: quantile(0.99),
    copies: group.copies() / times.length,
    bytes: (sent() - before) / times.length,
    mostBytes: simulation.nodes.reduce((most, node) => Math.max(most, node.sent.maxBytes), 0),
    mostMessages: simulation.nodes.reduce((most, node) => Math.max(most, node.sent.maxMessages), 0),
    load: loadOf(
      simulation.nodes.filter(({ alive }) => alive),
      simulation.now / 1000,
    ),
    gossip: group.gossip?.(),
  }
}

function named({ members, loss, dead, publishers }: Case): string {
  return `N = ${members}, ${publishers} publishing, ${loss * 100} % lost, ${dead * 100} % dead`
}

function report(outcomes: readonly Outcome[]): Result {
  const of = (subject: string, one: Case) =>
    outcomes.find((other) => other.subject === subject && named(other) === named(one)) as Outcome
  const rows = outcomes.flatMap((outcome): Row[] => {
    const row = (metric: string, reference: string | null, measured: number | string, ok = true): Row => {
      return { case: `${outcome.subject}, ${named(outcome)}`, metric, reference, measured, ok }
    }
    const { subject, delivered, again, copies, p99 } = outcome
    const { messagesPerRound, bytesPerRound } = outcome.load
    const load = [
      row(
        'most that any member sent in a second: messages, bytes',
        null,
        `${outcome.mostMessages}, ${outcome.mostBytes}`,
      ),
      row('messages sent a living member and second, mean / most', null, pair(messagesPerRound)),
      row('bytes sent a living member and second, mean / most', null, pair(bytesPerRound)),
      ...(outcome.gossip === undefined
        ? []
        : [budgetRow(`${subject}, ${named(outcome)}`, outcome.gossip.most, outcome.gossip.budget)]),
    ]
    if (subject !== DEFAULT) {
      return [
        row('delivered to the living', null, round(delivered, 5)),
        row('payload copies a delivery', subject === MESH ? 'seed figure: 5 to 6' : null, round(copies)),
        row('p99, ms', null, Math.round(p99)),
        ...load,
      ]
    }
    const mesh = of(MESH, outcome)
    return [
      row('delivered to the living', '>= 0.999', round(delivered, 5), delivered >= 0.999),
      row('delivered more than once', '0', again, again === 0),
      row('payload copies a delivery', '<= 1.1', round(copies), copies <= 1.1),
      row('p99, ms', `<= ${Math.round(mesh.p99)}: the mesh's`, Math.round(p99), p99 <= mesh.p99),
      row('bytes a delivery', `mesh: ${Math.round(mesh.bytes)}`, Math.round(outcome.bytes)),
      ...load,
    ]
  })
  const columns = [
    'subject',
    'members',
    'publishers',
    'loss',
    'dead',
    'accepted',
    'delivered',
    'median',
    'p99',
  ] as const
  const costs = ['copies', 'bytes', 'mostBytes', 'mostMessages'] as const
  return {
    rows,
    tables: [
      {
        name: 'compared',
        columns: [...columns, ...costs],
        rows: outcomes.map((outcome) => [...columns, ...costs].map((column) => outcome[column])),
      },
    ],
    figures: [figure('copies', 'Payload copies a delivery', outcomes), figure('p99', 'p99 latency, ms', outcomes)],
  }
}

/** Against loss, at the largest size, nobody dead, one publisher. */
function figure(what: 'copies' | 'p99', title: string, outcomes: readonly Outcome[]) {
  const members = Math.max(...outcomes.map((outcome) => outcome.members))
  const shown = outcomes.filter((one) => one.members === members && one.dead === 0 && one.publishers === 1)
  return {
    name: what,
    svg: drawn({
      title: `${title}, N = ${members}`,
      x: { label: 'share of messages lost', from: 0 },
      y: { label: title, scale: what === 'p99' ? 'log' : 'linear' },
      series: [...new Set(shown.map(({ subject }) => subject))].map((subject) => ({
        name: subject,
        points: shown.filter((one) => one.subject === subject).map((one): [number, number] => [one.loss, one[what]]),
      })),
    }),
  }
}

function pair({ mean, max }: MeanMax): string {
  return `${round(mean)} / ${round(max)}`
}

function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}
