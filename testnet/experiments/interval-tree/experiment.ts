import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Random } from '../../../core/random.ts'
import { ringRanking } from '../../../overlays/tman/ring.ts'
import { loadOf } from '../../observers/load.ts'
import { settledRing } from '../../simulator/ring.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { TManNetwork } from '../tman/network.ts'
import { Waves } from './waves.ts'

const SIZES = { quick: [100, 1000, 10_000], full: [100, 1000, 10_000, 100_000] }

/** The models of DESIGN, N = 10^4: how many of the living a count lacks when a share of the nodes died undetected. */
const DEATHS = [
  { side: 4, perBand: 2, share: 0.1, lacking: 1 },
  { side: 4, perBand: 2, share: 0.3, lacking: 44 },
  { side: 8, perBand: 3, share: 0.3, lacking: 0 },
  { side: 8, perBand: 3, share: 0.5, lacking: 19 },
]

/** View sizes over which T-Man built the contacts, and the depth that DESIGN's model came to at 10^4. */
const BUILT = [
  { view: 32, hops: 10 },
  { view: 20, hops: 19 },
]
const CYCLES = 25

/** Nodes of the rows about deaths: the models'. */
const MODEL = 10_000
/** Nodes of the rows about built views, which take T-Man's time. */
const builtSize = (quick: boolean) => (quick ? 2000 : MODEL)

export const experiment: Experiment = {
  name: 'interval-tree',
  title:
    'a count down the tree that the order gives: exact, N - 1 delegations, logarithmic depth; and what deaths cost',
  source:
    "this project's model: about 30 contacts a node, N = 10^4; Birman, The promise, and limitations, of gossip protocols: exact answers in log time",
  run(trial) {
    const sizes = trial.quick ? SIZES.quick : SIZES.full
    const growth = sizes.map((nodes, i) => {
      trial.progress((0.4 * i) / sizes.length, `a count over ${nodes} nodes`)
      return undisturbed(nodes, trial.seed)
    })
    const deaths = DEATHS.map((plan, i) => {
      trial.progress(0.4 + (0.3 * i) / DEATHS.length, `${plan.share * 100} % died, nobody knows`)
      return afterDeaths(plan, trial)
    })
    const built = BUILT.map((plan, i) => {
      trial.progress(0.7 + (0.3 * i) / BUILT.length, `T-Man builds views of ${plan.view}`)
      return overBuilt(plan, trial)
    })
    return report(growth, [...deaths, ...built].flat())
  },
}

interface Growth {
  readonly nodes: number
  readonly hops: number
  readonly ms: number
  readonly rows: readonly Row[]
}

function undisturbed(nodes: number, seed: number): Growth {
  const waves = settled(nodes, seed, 4, 2)
  const { answer, ms, exact } = waves.count()
  const { delegations, hops, messages } = answer.cost
  const load = loadOf(waves.simulation.nodes, 1)
  const row = rowsOf(`N = ${nodes}, undisturbed`)
  const rows = [
    row('count exact', 'yes', exact ? 'yes' : 'no', exact),
    row('delegations', nodes - 1, delegations, delegations === nodes - 1),
    row('hops', nodes === 10_000 ? '<= 10' : null, hops, nodes !== 10_000 || hops <= 10),
    row('virtual ms, links of 50 ms', null, Math.round(ms)),
    row('messages a node, mean', '<= 3', round(messages / nodes), messages <= 3 * nodes),
    row('messages a node, most', null, load.messagesPerRound.max),
    row('bytes a node, mean', null, Math.round(load.bytesPerRound.mean)),
    row('bytes a node, most', null, load.bytesPerRound.max),
  ]
  return { nodes, hops, ms, rows }
}

function afterDeaths({ side, perBand, share, lacking }: (typeof DEATHS)[number], { seed }: Trial): Row[] {
  const waves = settled(MODEL, seed, side, perBand)
  waves.kill(share)
  const asked = waves.count()
  const row = rowsOf(`N = ${MODEL}, ${share * 100} % dead and undetected, ${side} a side + ${perBand} a band`)
  const { answered, intervals } = asked.answer.coverage
  return [
    row('living nodes not counted', `<= ${lacking}`, asked.lacking, asked.lacking >= 0 && asked.lacking <= lacking),
    row('named intervals, of living nodes counted', null, `${intervals.length}, ${answered}`),
  ]
}

function overBuilt({ view, hops }: (typeof BUILT)[number], { quick, seed }: Trial): Row[] {
  const nodes = builtSize(quick)
  const options = { view, message: 20, quietAfter: Number.POSITIVE_INFINITY }
  const network = new TManNetwork({ nodes, seed, ranking: ringRanking(), options })
  for (let cycle = 0; cycle < CYCLES; cycle++) network.cycle()
  const contacts = new Map(network.members.map(({ self, tman }) => [self.id, tman.view]))
  const asked = new Waves(nodes, seed, (id) => contacts.get(id) ?? []).count()
  const row = rowsOf(`N = ${nodes}, views of ${view} that T-Man built in ${CYCLES} cycles`)
  return [
    row('count exact', 'yes', asked.exact ? 'yes' : 'no', asked.exact),
    row('hops', `<= ${hops}`, asked.answer.cost.hops, asked.answer.cost.hops <= hops),
  ]
}

/** Waves over a ring whose views are right. */
function settled(nodes: number, seed: number, side: number, perBand: number): Waves {
  let contacts = new Map<string, PeerDescriptor[]>()
  const waves = new Waves(nodes, seed, (id) => contacts.get(id) ?? [])
  contacts = settledRing(waves.peers, new Random(seed), side, perBand)
  return waves
}

function rowsOf(name: string) {
  return (metric: string, reference: Row['reference'], measured: Row['measured'], ok = true): Row => {
    return { case: name, metric, reference, measured, ok }
  }
}

function report(growth: readonly Growth[], others: readonly Row[]): Result {
  const points = (of: (one: Growth) => number) => growth.map((one): [number, number] => [one.nodes, of(one)])
  return {
    rows: [...growth.flatMap(({ rows }) => rows), ...others],
    tables: [
      {
        name: 'growth',
        columns: ['nodes', 'hops', 'ms'],
        rows: growth.map(({ nodes, hops, ms }) => [nodes, hops, ms]),
      },
    ],
    figures: [
      {
        name: 'growth',
        svg: drawn({
          title: 'Depth of the interval tree',
          x: { label: 'nodes', scale: 'log' },
          y: { label: 'hops', from: 0 },
          series: [
            { name: 'hops', points: points(({ hops }) => hops) },
            { name: 'log2 N', style: 'reference', points: points(({ nodes }) => Math.log2(nodes)) },
          ],
        }),
      },
    ],
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
