import { Random } from '../../../core/random.ts'
import { loadOf } from '../../observers/load.ts'
import { drawn } from '../chart.ts'
import { BroadcastGroup, type BroadcastGroupInit } from '../dissemination/broadcast-group.ts'
import { budgetRow } from '../dissemination/gossip.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { AcknowledgedGroup } from './acknowledged-group.ts'
import { Deliveries, measure, type Throughput } from './sleepers.ts'

const SIZES = [32, 64, 96, 128]
const SLEEPS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
/** What of it bimodal multicast runs when it must be quick; its samples are as many as the paper's, for lateness at the end counts as loss. */
const QUICK = { sizes: [32], sleeps: [0.9] }
const SAMPLES = 80
/** Of the acknowledged groups and the calm one. */
const QUICK_SAMPLES = 10
/** What the paper's sender reaches in a group of 32, nobody perturbed. */
const PAPER = 200
/** ms of the way between two members of a cluster. */
const LATENCY = 1

/**
 * 200 messages of 7 KiB a second are 1.4 MiB/s, ten times what a publisher may by default: rate and buffer have room for that, and
 * the burst for what a relay passes on that slept for seconds.
 */
const RAISED = { rate: PAPER, burst: 10 * PAPER, retention: 10_000, bufferBytes: 2 ** 24, publisherBytes: 2 ** 24 }
/** A cluster's gossip: the paper's rounds of 100 ms instead of our 500, and bytes for repairs at the rate of the messages. */
const CLUSTER = { budget: 2 ** 21, options: { ...RAISED, period: 100, settle: 150, pullBytes: 2 ** 21 } }
/** For one row beside it. */
const DEFAULTS = { budget: 2 ** 17, options: RAISED }

interface Point extends Throughput {
  readonly members: number
  readonly perturbed: number
  readonly sleep: number
}

interface BimodalPoint extends Point {
  /** Bytes of gossip (digests, pulls, repairs) in any second, most of any member; and all bytes a member and second. */
  readonly mostGossip: number
  readonly bytes: { readonly mean: number; readonly max: number }
  readonly messages: { readonly mean: number; readonly max: number }
}

export const experiment: Experiment = {
  name: 'spinglass-fig1',
  title: 'throughput of a group while members sleep: acknowledged multicast collapses, bimodal multicast does not',
  source:
    'Birman, van Renesse, Vogels, Spinglass, Fig. 1: one member asleep in 100 ms intervals with a probability, 7 KB messages, 80 samples of 500 ms',
  run(trial) {
    const { quick, progress } = trial
    const sizes = quick ? QUICK.sizes : SIZES
    const sleeps = (quick ? QUICK.sleeps : SLEEPS).filter((sleep) => sleep > 0)
    const acknowledged = SIZES.flatMap((members, i) =>
      SLEEPS.map((sleep) => {
        progress(0.02 * i, `acknowledged, ${members} members`)
        return ofAcknowledged(members, sleep, trial)
      }),
    )
    const calm = sizes.map((members) => ofBimodal(members, 0, 0, trial))
    const perturbed = (share: (members: number) => number, from: number) =>
      sizes.flatMap((members, i) =>
        sleeps.map((sleep) => {
          progress(from + (0.45 * i) / sizes.length, `bimodal, ${share(members)} of ${members} asleep ${sleep * 100} %`)
          return ofBimodal(members, share(members), sleep, trial)
        }),
      )
    const single = perturbed(() => 1, 0.1)
    const many = perturbed(quarter, 0.5)
    const largest = sizes.at(-1) as number
    progress(0.97, `bimodal with default rounds, ${largest} members`)
    const plain = quick ? [] : [ofBimodal(largest, quarter(largest), 0.9, trial, DEFAULTS)]
    return report({ acknowledged, calm, single, many, plain })
  },
}

const quarter = (members: number) => members / 4

function ofAcknowledged(members: number, sleep: number, { seed, quick }: Trial): Point {
  const deliveries = new Deliveries(members)
  const delivered = (member: number) => deliveries.add(member)
  const group = new AcknowledgedGroup({ members, seed, latency: LATENCY, delivered })
  const samples = quick ? QUICK_SAMPLES : SAMPLES
  const how = { perturbed: 1, probability: sleep, samples }
  return { members, perturbed: 1, sleep, ...measure(group, deliveries, sleepsOf(seed), how) }
}

function ofBimodal(
  members: number,
  perturbed: number,
  sleep: number,
  { seed, quick }: Trial,
  settings: Pick<BroadcastGroupInit, 'budget' | 'options'> = CLUSTER,
): BimodalPoint {
  const deliveries = new Deliveries(members)
  const group: BroadcastGroup = new BroadcastGroup({
    members,
    seed,
    latency: LATENCY,
    ...settings,
    delivered: (member) => deliveries.add(member),
  })
  const how = { perturbed, probability: sleep, samples: quick && sleep === 0 ? QUICK_SAMPLES : SAMPLES }
  const throughput = measure(group, deliveries, sleepsOf(seed), how)
  const { messagesPerRound, bytesPerRound } = loadOf(group.simulation.nodes, group.simulation.now / 1000)
  const load = { mostGossip: group.gossip.most, bytes: bytesPerRound, messages: messagesPerRound }
  return { members, perturbed, sleep, ...throughput, ...load }
}

/** The same intervals for every group of a run. */
function sleepsOf(seed: number): Random {
  return new Random(seed).fork('sleeps')
}

interface Points {
  readonly acknowledged: readonly Point[]
  /** Bimodal multicast: nobody perturbed, one, a quarter; and a quarter with default rounds and gossip budget. */
  readonly calm: readonly BimodalPoint[]
  readonly single: readonly BimodalPoint[]
  readonly many: readonly BimodalPoint[]
  readonly plain: readonly BimodalPoint[]
}

function report({ acknowledged, calm, single, many, plain }: Points): Result {
  const line = (protocol: string) => (point: Point) => {
    const { members, perturbed, sleep, mean, least, deviation } = point
    return [protocol, members, perturbed, sleep, mean, least, deviation]
  }
  return {
    rows: [
      ...collapse(acknowledged),
      ...steady('bimodal', calm, single, 0.98),
      ...steady('bimodal', calm, many, 0.95),
      ...steady('bimodal with default rounds and gossip budget', calm, plain, 0.95),
      ...load(calm, single, many),
    ],
    tables: [
      {
        name: 'throughput',
        columns: ['protocol', 'members', 'perturbed', 'sleep', 'mean', 'least', 'deviation'],
        rows: [
          ...acknowledged.map(line('acknowledged')),
          ...[...calm, ...single, ...many].map(line('bimodal')),
          ...plain.map(line('bimodal, defaults')),
        ],
      },
    ],
    figures: [
      figure('acknowledged', 'Acknowledged multicast, one member perturbed', acknowledged),
      figure('bimodal', 'Bimodal multicast, one member perturbed (the healthy member that gets least)', [
        ...calm,
        ...single,
      ]),
      figure('bimodal-quarter', 'Bimodal multicast, a quarter of the members perturbed', [...calm, ...many]),
    ],
  }
}

/**
 * The paper's words: 200 at 32 members; for any perturbation less the larger the group; 64 degrade at 10 %; at 96 dramatic.
 * What a sleeper costs is told as a share of what the same group takes when nobody sleeps: the baseline's large groups take less
 * than 200 then, by the constants that the 32 members were calibrated with, and that is no sleeper's doing.
 */
export function collapse(points: readonly Point[]): Row[] {
  const at = (members: number, sleep: number) =>
    points.find((point) => point.members === members && point.sleep === sleep)?.mean ?? 0
  const row = (name: string, metric: string, reference: string, measured: number | string, ok: boolean): Row => {
    return { case: `acknowledged, ${name}`, metric, reference, measured, ok }
  }
  const sizes = SIZES
  const perturbed = SLEEPS.filter((sleep) => sleep > 0)
  const falls = perturbed.filter((sleep) =>
    sizes.every((members, i) => i === 0 || at(members, sleep) < at(sizes[i - 1] as number, sleep)),
  )
  const left = (members: number, sleep: number) => at(members, sleep) / at(members, 0)
  const halves = sizes.map((members) => halfOf((sleep) => left(members, sleep)))
  const shifts = halves.every((half, i) => i === 0 || half < (halves[i - 1] as number))
  const calm = at(32, 0)
  return [
    row(
      '32 members, unperturbed',
      'messages a second',
      '200 +- 5 % (calibrated)',
      round(calm),
      Math.abs(calm / PAPER - 1) <= 0.05,
    ),
    ...[
      { members: 64, bar: 0.95, word: 'degrades' },
      { members: 96, bar: 0.75, word: 'dramatic' },
    ].map(({ members, bar, word }) => {
      const share = left(members, 0.1)
      const metric = `left at 10 % asleep, of its ${round(at(members, 0))} unperturbed`
      return row(`${members} members`, metric, `<= ${bar}: ${word}`, round(share), share <= bar)
    }),
    row(
      '32, 64, 96, 128 members',
      'perturbations at which a larger group always gets less',
      `all ${perturbed.length} (calibrated: from 96 on unperturbed, too)`,
      falls.length,
      falls.length === perturbed.length,
    ),
    row(
      '32, 64, 96, 128 members',
      'share of time asleep that halves its own rate: the knee',
      'shifts left',
      halves.map((half) => round(half, 2)).join(', '),
      shifts,
    ),
    ...sizes.map((members) => {
      const share = left(members, 0.9)
      const metric = `left at 90 % asleep, of its ${round(at(members, 0))} unperturbed`
      return row(`${members} members`, metric, '<= 0.25', round(share), share <= 0.25)
    }),
  ]
}

/** Where a falling curve crosses a half. */
function halfOf(share: (sleep: number) => number): number {
  const sleeps = SLEEPS
  for (const [i, sleep] of sleeps.entries()) {
    if (share(sleep) > 0.5) continue
    const before = sleeps[i - 1] ?? 0
    return before + ((share(before) - 0.5) / (share(before) - share(sleep))) * (sleep - before)
  }
  return 1
}

/** The healthy member that gets least, at any share of time asleep, against the unperturbed group. */
function steady(name: string, calm: readonly BimodalPoint[], points: readonly BimodalPoint[], bar: number): Row[] {
  return [...new Set(points.map(({ members }) => members))].map((members) => {
    const group = points.filter((point) => point.members === members)
    const rate = calm.find((point) => point.members === members)?.mean ?? 0
    const share = Math.min(...group.map((point) => point.least)) / rate
    return {
      case: `${name}, ${members} members, ${group[0]?.perturbed} perturbed, asleep up to 90 %`,
      metric: `least throughput of a healthy member, of ${round(rate)} unperturbed`,
      reference: `>= ${bar}`,
      measured: round(share, 4),
      ok: rate >= 0.98 * PAPER && share >= bar,
    }
  })
}

function load(...series: readonly (readonly BimodalPoint[])[]): Row[] {
  const most = Math.max(...series.flat().map(({ mostGossip }) => mostGossip))
  const pair = ({ mean, max }: { mean: number; max: number }) => `${round(mean)} / ${round(max)}`
  const rows = series.flatMap((points): Row[] => {
    const point = points.at(-1) as BimodalPoint
    const name = `bimodal, ${point.members} members, ${point.perturbed} perturbed, asleep ${point.sleep * 100} %`
    const row = { case: name, reference: null, ok: true }
    return [
      { ...row, metric: 'messages sent a member and second, mean / most', measured: pair(point.messages) },
      { ...row, metric: 'bytes sent a member and second, mean / most', measured: pair(point.bytes) },
    ]
  })
  return [...rows, budgetRow('bimodal, all groups', most, CLUSTER.budget)]
}

function figure(name: string, title: string, points: readonly Point[]) {
  const sizes = [...new Set(points.map(({ members }) => members))]
  return {
    name,
    svg: drawn({
      title,
      x: { label: 'share of the time that a perturbed member sleeps', from: 0, to: 0.9 },
      y: { label: 'messages a second at a healthy member', from: 0, to: 250 },
      series: [
        { name: 'Spinglass: 32, calm', style: 'reference', points: [0, 0.9].map((sleep) => [sleep, PAPER]) },
        ...sizes.map((members) => ({
          name: `${members} members`,
          points: points
            .filter((point) => point.members === members)
            .map((point): [number, number] => [point.sleep, name === 'acknowledged' ? point.mean : point.least]),
        })),
      ],
    }),
  }
}

function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}
