import type { ControllerOptions } from '../../../protocols/broadcast/adaptive/controller.ts'
import { type EpidemicOptions, LPBCAST } from '../../../protocols/broadcast/epidemic/epidemic.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { started } from './adapted.ts'
import { Agb, type AgbSettings, NODES } from './network.ts'
import { ideal, loadRows, OFFERED, round, rowsOf } from './rows.ts'

/** s */
const SECONDS = { quick: 150, full: 1000 }
const WARM_UP = { quick: 150, full: 300 }
/** They claim to have no buffer at all: one fewer than the rank that senders go by. */
const LIARS = 3
const WHOLE = 0.99

interface Case {
  readonly what: string
  readonly name: string
  readonly buffer: number
  readonly control?: Partial<ControllerOptions>
  readonly delivery?: Partial<EpidemicOptions>
  readonly liars?: number
  /** Half of the nodes begin to send when the others have settled. */
  readonly late?: boolean
}

const ALONE = { rank: 1, floor: 1 }
const CASES: readonly Case[] = [
  { what: 'liars', name: 'nobody lies', buffer: 90 },
  { what: 'liars', name: `${LIARS} lie, the 4th smallest buffer counts`, buffer: 90, liars: LIARS },
  { what: 'liars', name: `${LIARS} lie, the smallest counts`, buffer: 90, liars: LIARS, control: ALONE },
  { what: 'latecomers', name: 'all rise by the same', buffer: 60, late: true },
  { what: 'latecomers', name: 'each rises by a share of its own', buffer: 60, late: true, control: { fair: false } },
  { what: 'unused', name: 'an unused rate stays', buffer: 150 },
  { what: 'unused', name: 'an unused rate decays', buffer: 150, control: { decay: true } },
  { what: 'gossip', name: 'Fig. 1', buffer: 120, delivery: LPBCAST },
  { what: 'gossip', name: 'asking', buffer: 120, delivery: { copies: false } },
  { what: 'gossip', name: 'asking, and copies make older', buffer: 120, delivery: {} },
]

interface Outcome {
  readonly what: Case
  readonly offered: number
  readonly admitted: number
  readonly delivery: number
  readonly atomicity: number
  /** Jain's index of what nodes could send: 1 when all could send the same. */
  readonly fairness: number
  readonly load: readonly Row[]
}

export const experiment: Experiment = {
  name: 'agb-departures',
  title:
    'each departure from the published rules, switched on and off: k-th smallest buffer, fairness, no decay, asking',
  source:
    'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), sections 3 and 6; what it gives no number for: a model run by this project',
  run(trial) {
    const all = CASES.map((one, i) => {
      trial.progress(i / CASES.length, `${one.what}, ${one.name}`)
      return followed(one, trial)
    })
    const columns = ['what', 'case', 'buffer', 'offered', 'admitted', 'delivery', 'atomicity', 'fairness']
    const table = all.map(({ what, offered, admitted, delivery, atomicity, fairness }) => {
      return [what.what, what.name, what.buffer, offered, admitted, delivery, atomicity, fairness]
    })
    const figure = drawn({
      title: 'Rate admitted, by case',
      x: { label: 'case, in the order of the table' },
      y: { label: 'messages a second', from: 0 },
      series: [{ name: 'admitted', points: all.map(({ admitted }, i) => [i + 1, admitted]), style: 'dots' }],
    })
    return {
      rows: judged(all),
      tables: [{ name: 'agb-departures', columns, rows: table }],
      figures: [{ name: 'agb-departures', svg: figure }],
    }
  },
}

function followed(what: Case, { quick, seed }: Trial): Outcome {
  const size = quick ? 'quick' : 'full'
  const { buffer, liars = 0, late = false, delivery = {} } = what
  // Gossip alone is measured without admission control, at the load that the buffer is said to carry.
  const control = what.what === 'gossip' ? undefined : started(what.control ?? {})
  const settings: AgbSettings = {
    seed,
    buffer,
    offered: OFFERED,
    delivery,
    control,
    claimed: (node) => (node < liars ? 0 : undefined),
    share: (node) => (late && node % 2 === 1 ? 0 : 1 / NODES),
  }
  const network = new Agb(settings)
  network.simulation.run(WARM_UP[size] * 1000)
  if (late) {
    for (const [i, node] of network.nodes.entries()) if (i % 2 === 1) node.offer(OFFERED / NODES)
    network.simulation.run(WARM_UP[size] * 1000)
  }
  const before = [...network.sent]
  const { offered, admitted, delivery: reached, atomicity } = network.span(SECONDS[size] * 1000)
  const sent = network.sent.map((count, i) => count - (before[i] as number))
  const load = loadRows(`${what.what}, ${what.name}`, network)
  return { what, offered, admitted, delivery: reached, atomicity, fairness: jain(sent), load }
}

function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0)
  return sum ** 2 / (values.length * values.reduce((a, b) => a + b * b, 0))
}

function judged(all: readonly Outcome[]): Row[] {
  const [honest, defended, attacked, equal, unequal, whole, decayed, plain, asking, older] = all as unknown as Tuple
  const row = ({ what }: Outcome) => rowsOf(`${what.what}, B = ${what.buffer}, ${what.name}`)
  const rate = 0.9 * ideal(90)
  const accepted = (one: Outcome) => one.admitted / one.offered
  const rows = [
    row(honest)('msg/s admitted', `>= ${rate}`, round(honest.admitted), honest.admitted >= rate),
    row(defended)('msg/s admitted', `>= ${rate}`, round(defended.admitted), defended.admitted >= rate),
    row(attacked)(
      'msg/s admitted: the attack succeeds',
      '< a quarter',
      round(attacked.admitted),
      attacked.admitted < rate / 4,
    ),
    row(equal)("Jain's index of rates", '>= 0.9', round(equal.fairness), equal.fairness >= 0.9),
    row(unequal)(
      "Jain's index of rates",
      '< the same with fairness',
      round(unequal.fairness),
      unequal.fairness < equal.fairness,
    ),
    row(whole)('share of the offered load admitted', `>= ${WHOLE}`, round(accepted(whole)), accepted(whole) >= WHOLE),
    row(decayed)(
      'share of the offered load admitted',
      '< the same without decay',
      round(accepted(decayed)),
      accepted(decayed) < accepted(whole),
    ),
    row(plain)('messages that reached 95 % of the nodes', null, round(plain.atomicity)),
    row(asking)(
      'messages that reached 95 % of the nodes',
      '> Fig. 1',
      round(asking.atomicity),
      asking.atomicity > plain.atomicity,
    ),
    row(older)(
      'messages that reached 95 % of the nodes',
      '> Fig. 1',
      round(older.atomicity),
      older.atomicity > plain.atomicity,
    ),
  ]
  return [...rows, ...all.flatMap(({ load }) => load)]
}

type Tuple = readonly [Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome]
