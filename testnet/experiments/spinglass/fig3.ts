import type { Environment } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import { sendingThrough } from '../../../core/sending.ts'
import type { BimodalMessage, Data } from '../../../protocols/broadcast/bimodal/codec.ts'
import type { BroadcastMessage } from '../../../protocols/broadcast/deliveries.ts'
import { loadOf } from '../../observers/load.ts'
import type { Flow } from '../../simulator/traffic.ts'
import { drawn } from '../chart.ts'
import { BroadcastGroup } from '../dissemination/broadcast-group.ts'
import { budgetRow } from '../dissemination/gossip.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { Routes } from './routes.ts'
import { LINK, SrmGroup } from './srm-group.ts'

/** Fig. 3: messages a second, their bytes, the share that every link loses. */
const RATE = 100
const PAYLOAD = new Uint8Array(210)
const LOSS = 0.001

const SRM_SIZES = { quick: [10, 40, 70, 100], full: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] }
const BIMODAL_SIZES = { quick: [10, 50, 150], full: [10, 100, 1000, 10_000] }
const BIMODAL_TREE_SIZES = { quick: [10, 100], full: [10, 40, 70, 100] }
const SRM_SECONDS = { quick: 10, full: 120 }
/** A star is also measured before its timers have adapted. */
const SOON = 10
/** Seconds that a bimodal group runs: as many publications arrive in a small one as in a large one, within these bounds. */
const BIMODAL = { quick: { work: 1000, least: 10, most: 20 }, full: { work: 20_000, least: 10, most: 1000 } }
/** Seconds before what is measured, and after it, for everything under way to be repaired. */
const BEFORE = 2
const AFTER = 6

/** What one member had to do for others' losses, a second, mean over members: as the paper measures it, what it receives. */
interface Overhead {
  readonly members: number
  readonly requests: number
  readonly repairs: number
  readonly digests: number
  /** Share of the publications that all members together got. */
  readonly delivered: number
  readonly load: { readonly mean: number; readonly max: number; readonly meanBytes: number; readonly maxBytes: number }
  /** Of members that have a gossip budget: the most that any gossiped in a second, and that budget. */
  readonly gossip?: { readonly most: number; readonly budget: number }
}

export const experiment: Experiment = {
  name: 'spinglass-fig3',
  title:
    "repair overhead as the group grows: SRM's requests and repairs are everybody's, bimodal multicast's are constant",
  source:
    'Birman, van Renesse, Vogels, Spinglass, Fig. 3: 100 messages of 210 bytes a second, 0.1 % loss on every link of a 4-level tree',
  run(trial) {
    const size = trial.quick ? 'quick' : 'full'
    const srm = (topology: 'tree' | 'star', adaptive: boolean, sizes: readonly number[], seconds = SRM_SECONDS[size]) =>
      sizes.map((members) => {
        trial.progress(0.2, `SRM, ${topology} of ${members}`)
        return ofSrm(topology, adaptive, members, trial, seconds)
      })
    const series = {
      'SRM, tree': srm('tree', false, SRM_SIZES[size]),
      'adaptive SRM, tree': srm('tree', true, SRM_SIZES[size]),
      'SRM, star': srm('star', false, [100]),
      [`adaptive SRM, star, first ${SOON} s`]: srm('star', true, [100], SOON),
      ...(trial.quick ? {} : { 'adaptive SRM, star': srm('star', true, [100]) }),
      'bimodal, tree': BIMODAL_TREE_SIZES[size].map((members) => ofBimodal('tree', 'multicast', members, trial)),
      'bimodal, members at the leaves': BIMODAL_SIZES[size].map((members) =>
        ofBimodal('leaves', 'multicast', members, trial),
      ),
      'bimodal down the interval tree': BIMODAL_SIZES[size].map((members) =>
        ofBimodal('leaves', 'intervals', members, trial),
      ),
    }
    return report(series)
  },
}

function ofSrm(
  topology: 'tree' | 'star',
  adaptive: boolean,
  members: number,
  { seed }: Trial,
  seconds: number,
): Overhead {
  const group = new SrmGroup({ members, seed, topology, loss: LOSS, options: { adaptive } })
  publish(group, seconds)
  const requests = group.total('heard-requests')
  const repairs = group.total('heard-repairs')
  group.simulation.run(AFTER * 1000)
  const share = seconds * members
  return {
    members,
    requests: requests / share,
    repairs: repairs / share,
    digests: 0,
    delivered: group.delivered / (seconds * RATE * (members - 1)),
    load: loadPerSecond(group.simulation.nodes, seconds + AFTER),
  }
}

/**
 * Bimodal multicast over the same links. What its members say to one member crosses the links of the path.
 *
 * @param first how the first copy travels: by the same multicast as SRM's, as in the paper, or as it does on real nodes, down
 *   the publisher's interval tree, every hop of it a path of its own that may lose it for all behind
 */
function ofBimodal(
  topology: 'tree' | 'leaves',
  first: 'multicast' | 'intervals',
  members: number,
  { seed, quick, progress }: Trial,
): Overhead {
  progress(0.5, `bimodal (${first}), ${members} members`)
  const { work, least, most } = quick ? BIMODAL.quick : BIMODAL.full
  const seconds = Math.min(most, Math.max(least, Math.round(work / members)))
  const routes = Routes[topology](members, LOSS, new Random(seed).fork('links'))
  routes.align(BEFORE * RATE) // what is measured is whole blocks
  const numbers = new Map<string, number>()
  const number = (id: string) => numbers.get(id) as number
  const said = { digest: 0, pull: 0, repair: 0 }
  let got = 0
  /** Whether a publication is one of those that are measured. */
  const counts = (sequence: number) => sequence > BEFORE * RATE && sequence <= (BEFORE + seconds) * RATE
  const group: BroadcastGroup = new BroadcastGroup({
    members,
    seed,
    latency: (_, from, to) => LINK * routes.hops(number(from.id), number(to.id)),
    options: {
      ...{ rate: RATE, burst: RATE, retention: 5000, bufferBytes: 2 ** 23, publisherBytes: 2 ** 23 },
      ...(first === 'multicast' && { told: 0 }), // the paper's: digests alone repair
    },
    between: (environment, member) => {
      numbers.set(environment.self.id, member)
      return lossy(environment, (to, sent) => {
        const message = sent.message as BimodalMessage
        if (message.kind === 'digest' || message.kind === 'have') {
          said.digest++
        } else if (message.kind === 'pull' || message.kind === 'want') {
          if (counts(message.holdings[0]?.runs[0]?.last ?? 0)) said.pull++
        } else if (message.until === undefined) {
          if (counts(message.publication.sequence)) said.repair++
        } else if (first === 'multicast') {
          multicast(sent, message)
          return false
        }
        return routes.arrives(member, number(to))
      })
    },
    delivered: (member) => {
      if (member > 0) got++
    },
  })
  const { nodes } = group.simulation
  let last: unknown
  /** The publisher's first copy goes to all whom the links let it reach, each responsible for itself alone. */
  const multicast = (sent: BroadcastMessage, message: Data) => {
    if (message.publication === last) return
    last = message.publication
    for (const member of routes.multicast(0)) {
      const { self } = nodes[member] as (typeof nodes)[number]
      nodes[0]?.environment.send(self, { ...sent, message: { ...message, until: self.position + 1 } })
    }
  }
  publish(group, BEFORE + seconds)
  group.simulation.run(AFTER * 1000)
  const share = seconds * (members - 1) // the publisher lacks nothing
  return {
    members,
    requests: said.pull / share,
    repairs: said.repair / share,
    digests: said.digest / ((BEFORE + seconds + AFTER) * members),
    delivered: got / ((BEFORE + seconds) * RATE * (members - 1)),
    load: loadPerSecond(nodes, BEFORE + seconds + AFTER),
    gossip: { most: group.gossip.most, budget: group.budget },
  }
}

function publish(
  group: { publish(payload: Uint8Array): void; simulation: { run(ms: number): void } },
  seconds: number,
): void {
  for (let i = 0; i < seconds * RATE; i++) {
    group.publish(PAYLOAD)
    group.simulation.run(1000 / RATE)
  }
}

/** An environment whose messages leave only when `sends` says so. */
function lossy(
  environment: Environment<BroadcastMessage>,
  sends: (to: string, message: BroadcastMessage) => boolean,
): Environment<BroadcastMessage> {
  return sendingThrough(environment, (to, message) => {
    if (sends(to.id, message)) environment.send(to, message)
  })
}

/** What members receive: a multicast is sent once and received by all. */
function loadPerSecond(nodes: readonly { readonly received: Flow }[], seconds: number): Overhead['load'] {
  const received = nodes.map((node) => ({ sent: node.received }))
  const { messagesPerRound, bytesPerRound } = loadOf(received, seconds)
  return {
    mean: messagesPerRound.mean,
    max: messagesPerRound.max,
    meanBytes: bytesPerRound.mean,
    maxBytes: bytesPerRound.max,
  }
}

type Series = Readonly<Record<string, readonly Overhead[]>>

function report(series: Series): Result {
  const rows = Object.entries(series).flatMap(([name, points]) => [
    ...(name.startsWith('SRM, tree') || name.startsWith('adaptive SRM, tree') ? growing(name, points) : []),
    ...(name.includes('star') ? starry(name, points) : []),
    ...(name.startsWith('bimodal') && name !== 'bimodal, tree' ? constant(name, points) : []),
    ...points.slice(-1).flatMap((point) => always(name, point)),
    ...points.flatMap(({ members, gossip }) =>
      gossip === undefined ? [] : budgetRow(`${name}, ${members} members`, gossip.most, gossip.budget),
    ),
  ])
  const [srm, bimodal] = [series['SRM, tree']?.at(-1), series['bimodal, tree']?.at(-1)]
  if (srm !== undefined && bimodal !== undefined) {
    const factor = (srm.requests + srm.repairs) / (bimodal.requests + bimodal.repairs)
    rows.push({
      case: 'SRM over bimodal, tree of 100',
      metric: 'requests and repairs a member and second, ratio',
      reference: '> 10',
      measured: round(factor),
      ok: factor > 10,
    })
  }
  const columns = ['protocol', 'members', 'requests', 'repairs', 'digests', 'delivered'] as const
  return {
    rows,
    tables: [
      {
        name: 'overhead',
        columns: [...columns, 'messages', 'most messages', 'bytes', 'most bytes'],
        rows: Object.entries(series).flatMap(([name, points]) =>
          points.map(({ members, requests, repairs, digests, delivered, load }) => [
            name,
            members,
            requests,
            repairs,
            digests,
            delivered,
            load.mean,
            load.max,
            load.meanBytes,
            load.maxBytes,
          ]),
        ),
      },
    ],
    figures: [figure('requests', series, 15), figure('repairs', series, 15)],
  }
}

/** Fig. 3: linear, up to about 15 a second at 100. */
function growing(name: string, points: readonly Overhead[]): Row[] {
  return (['requests', 'repairs'] as const).flatMap((what): Row[] => {
    const at = points.map((point): [number, number] => [point.members, point[what]])
    const fit = linearity(at)
    const last = points.at(-1)?.[what] ?? 0
    return [
      {
        case: name,
        metric: `${what}: share of the variation that a straight line explains`,
        reference: '>= 0.95',
        measured: round(fit),
        ok: fit >= 0.95,
      },
      {
        case: name,
        metric: `${what} a second at 100 members`,
        reference: 'about 15 (within a half)',
        measured: round(last),
        ok: last >= 7.5 && last <= 22.5,
      },
    ]
  })
}

function starry(name: string, points: readonly Overhead[]): Row[] {
  return points.map(({ members, requests, repairs }) => {
    const ratio = repairs / requests
    const metric = `repairs a request, star of ${members}`
    return { case: name, metric, reference: '3 to 5', measured: round(ratio), ok: ratio >= 3 && ratio <= 5 }
  })
}

/** Within 10 % from the smallest group to the largest: most over least. */
function constant(name: string, points: readonly Overhead[]): Row[] {
  const ends = `${points[0]?.members} to ${points.at(-1)?.members} members`
  return (['requests', 'repairs'] as const).flatMap((what): Row[] => {
    const values = points.map((point) => point[what])
    const spread = Math.max(...values) / Math.min(...values)
    return [
      {
        case: `${name}, ${ends}`,
        metric: `${what} a member and second, most over least`,
        reference: '<= 1.1',
        measured: round(spread),
        ok: spread <= 1.1,
      },
      {
        case: `${name}, ${ends}`,
        metric: `${what} a member and second`,
        reference: null,
        measured: values.map((value) => round(value)).join(', '),
        ok: true,
      },
    ]
  })
}

function always(name: string, { members, delivered, digests, load }: Overhead): Row[] {
  const row = { case: `${name}, ${members} members`, reference: null, ok: true }
  const pair = (mean: number, max: number) => `${round(mean)} / ${round(max)}`
  return [
    { ...row, metric: 'delivered', reference: '>= 0.999', measured: round(delivered, 5), ok: delivered >= 0.999 },
    { ...row, metric: 'messages received a member and second, mean / most', measured: pair(load.mean, load.max) },
    {
      ...row,
      metric: 'bytes received a member and second, mean / most',
      measured: pair(load.meanBytes, load.maxBytes),
    },
    ...(digests > 0 ? [{ ...row, metric: 'digests a member and second', measured: round(digests) }] : []),
  ]
}

function figure(what: 'requests' | 'repairs', series: Series, paper: number) {
  const shown = Object.entries(series).filter(([name]) => !name.includes('star'))
  return {
    name: what,
    svg: drawn({
      title: `${what} a second at a typical member`,
      x: { label: 'members', scale: 'log' },
      y: { label: `${what} a member and second`, scale: 'log' },
      series: [
        { name: 'Spinglass: to ~15 at 100', style: 'reference', points: [10, 100].map((n) => [n, (paper * n) / 100]) },
        ...shown.map(([name, points]) => ({
          name: name.replace('bimodal, members at the leaves', 'bimodal, leaves').replace('down the ', ''),
          points: points.map((point): [number, number] => [point.members, point[what]]),
        })),
      ],
    }),
  }
}

/** R squared of a straight line through these points. */
function linearity(points: readonly (readonly [number, number])[]): number {
  const n = points.length
  const mx = points.reduce((sum, [x]) => sum + x, 0) / n
  const my = points.reduce((sum, [, y]) => sum + y, 0) / n
  let xy = 0
  let xx = 0
  let yy = 0
  for (const [x, y] of points) {
    xy += (x - mx) * (y - my)
    xx += (x - mx) ** 2
    yy += (y - my) ** 2
  }
  return xy ** 2 / (xx * yy)
}

function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}
