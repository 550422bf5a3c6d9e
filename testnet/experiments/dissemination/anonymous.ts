import { loadOf, overBudget } from '../../observers/load.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { BUDGET, RadioGroup } from './radio-group.ts'

interface Setting {
  readonly name: string
  readonly nodes: number
  readonly side: number
  readonly range: number
  readonly speed: readonly [number, number]
}

/** Mean neighbours: 7, 5 and 4 nodes in range, were they spread evenly; and nodes that walk instead of driving. */
const SETTINGS: readonly Setting[] = [
  { name: '60 nodes, range 190 m, 1-20 m/s', nodes: 60, side: 1000, range: 190, speed: [1, 20] },
  { name: '60 nodes, range 160 m, 1-20 m/s', nodes: 60, side: 1000, range: 160, speed: [1, 20] },
  { name: '60 nodes, range 145 m, 1-20 m/s', nodes: 60, side: 1000, range: 145, speed: [1, 20] },
  { name: '60 nodes, range 160 m, 1-5 m/s', nodes: 60, side: 1000, range: 160, speed: [1, 5] },
]
const LARGE: Setting = { name: '200 nodes, range 170 m, 1-20 m/s', nodes: 200, side: 1700, range: 170, speed: [1, 20] }
const LOSS = 0.1
/** Of issue 4: losses of the flood over those that remain. */
const FEWER = 10
const PUBLISHERS = 10
const PAYLOAD = 256
/** ms between two publications. */
const GAP = 500
const MESSAGES = { quick: 120, full: 1200 }
/** s after the last publication: nobody takes it in later, and what waited for an earlier one is delivered. */
const DRAIN = 240

export const experiment: Experiment = {
  name: 'anonymous',
  title: 'random walks repair a flood where a node knows only its radio neighbours, who move',
  source:
    'Birman, van Renesse, Vogels, Spinglass (Anonymous Gossip): up to two orders of magnitude less loss than the multicast under it',
  run(trial) {
    const settings = trial.quick ? SETTINGS : [...SETTINGS, LARGE]
    const compared = settings.map((setting, i) => {
      trial.progress(i / settings.length, setting.name)
      return compare(setting, trial)
    })
    return {
      rows: compared.flatMap(({ rows }) => rows),
      tables: [
        {
          name: 'anonymous',
          columns: [
            'setting',
            'reachable',
            'lost by the flood',
            'lost with walks',
            'messages, flood',
            'messages, walks',
            'bytes, flood',
            'bytes, walks',
          ],
          rows: compared.map(({ cells }) => cells),
        },
      ],
      figures: [{ name: 'anonymous', svg: figure(compared) }],
    }
  },
}

interface Compared {
  readonly rows: readonly Row[]
  readonly cells: readonly (string | number)[]
}

interface Outcome {
  /** (publication, node) pairs that did not come about. */
  readonly lost: number
  readonly pairs: number
  /** Share of the nodes in the largest part that hangs together, in the mean over the run. */
  readonly reachable: number
  readonly load: ReturnType<typeof loadOf>
  readonly over: number
  readonly repaired: number
}

function compare(setting: Setting, trial: Trial): Compared {
  const flood = run(setting, 0, trial)
  const walks = run(setting, 1, trial)
  const row = (metric: string, reference: Row['reference'], measured: Row['measured'], ok = true): Row => {
    return { case: setting.name, metric, reference, measured, ok }
  }
  const [lostByFlood, lostByWalks] = [flood.lost / flood.pairs, walks.lost / walks.pairs]
  // Where nothing is lost any more there are at least as many times fewer as the flood lost.
  const fewer = flood.lost / Math.max(1, walks.lost)
  const limit = BUDGET.rate + BUDGET.burst
  const measured = walks.lost === 0 ? `${flood.lost} : 0` : `${fewer.toFixed(1)} (${flood.lost} : ${walks.lost})`
  const rows = [
    row('nodes in the largest connected part, mean', null, percent(walks.reachable)),
    row('lost by the flood alone', null, percent(lostByFlood)),
    row('lost with walks', null, percent(lostByWalks)),
    row('losses of the flood over those with walks', `>= ${FEWER}`, measured, fewer >= FEWER),
    row('publications that walks repaired', null, walks.repaired),
    row('messages a node and second, mean / max; flood alone', null, pair(flood.load.messagesPerRound)),
    row('messages a node and second, mean / max; with walks', null, pair(walks.load.messagesPerRound)),
    row('bytes a node and second, mean / max; flood alone', null, pair(flood.load.bytesPerRound)),
    row('bytes a node and second, mean / max; with walks', null, pair(walks.load.bytesPerRound)),
    row(`nodes that sent over ${limit} bytes in any second, flood included`, 0, walks.over, walks.over === 0),
  ]
  const loads = [flood, walks].map(({ load }) => load)
  return {
    rows,
    cells: [
      setting.name,
      walks.reachable,
      lostByFlood,
      lostByWalks,
      ...loads.map(({ messagesPerRound }) => messagesPerRound.mean),
      ...loads.map(({ bytesPerRound }) => bytesPerRound.mean),
    ],
  }
}

/** The same movement, publishers and times, whatever the number of walks. */
function run(setting: Setting, walks: number, { seed, quick }: Trial): Outcome {
  const messages = quick ? MESSAGES.quick : MESSAGES.full
  const got = new Map<string, number>()
  const delivered = (_: number, id: string) => void got.set(id, (got.get(id) ?? 0) + 1)
  const group = new RadioGroup({ ...setting, seed, loss: LOSS, walks, delivered })
  const { simulation, radio } = group
  simulation.run(5000)
  const ids: string[] = []
  let connected = 0
  for (let i = 0; i < messages; i++) {
    ids.push(group.publish(i % PUBLISHERS, new Uint8Array(PAYLOAD)))
    connected += (radio.parts(simulation.now)[0] ?? 0) / setting.nodes
    simulation.run(GAP)
  }
  const load = loadOf(simulation.nodes, simulation.now / 1000)
  simulation.run(DRAIN * 1000)
  const missing = ids.map((id) => setting.nodes - (got.get(id) ?? 0))
  return {
    lost: missing.reduce((sum, one) => sum + one, 0),
    pairs: ids.length * setting.nodes,
    reachable: connected / messages,
    load,
    over: overBudget(simulation.nodes, BUDGET.rate + BUDGET.burst).length,
    repaired: simulation.nodes.reduce((sum, { protocol }) => sum + (protocol.status().done.repaired ?? 0), 0),
  }
}

function figure(compared: readonly Compared[]): string {
  return drawn({
    title: 'Publications that nodes missed at 10 % link loss',
    x: { label: 'setting: sparser and sparser, slower, larger', from: 1 },
    y: { label: 'lost, %', from: 0 },
    series: [
      { name: 'flood', points: compared.map(({ cells }, i) => [i + 1, 100 * (cells[2] as number)]) },
      {
        name: 'a tenth of that',
        points: compared.map(({ cells }, i) => [i + 1, 10 * (cells[2] as number)]),
        style: 'reference',
      },
      {
        name: 'with walks',
        points: compared.map(({ cells }, i) => [i + 1, 100 * (cells[3] as number)]),
        style: 'dots',
      },
    ],
  })
}

function percent(share: number): string {
  return `${(100 * share).toFixed(3)} %`
}

function pair({ mean, max }: { readonly mean: number; readonly max: number }): string {
  return `${mean.toFixed(1)} / ${max.toFixed(1)}`
}
