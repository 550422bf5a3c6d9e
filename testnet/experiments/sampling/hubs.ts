import { describe, type PeerDescriptor } from '../../../core/descriptor.ts'
import { MAX_SAMPLE, type SamplingOptions } from '../../../overlays/sampling/sampling.ts'
import { type Load, loadOf } from '../../observers/load.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { Hub } from './hub.ts'
import { BUDGET, NEWSCAST, Overlay } from './overlay.ts'
import { ringUnderHubs } from './ring-hubs.ts'

interface Sizes {
  readonly nodes: number
  readonly hubs: number
  readonly seeds: number
  /** Nodes of the runs of many seeds. */
  readonly many: number
  readonly ring: number
}

const FULL: Sizes = { nodes: 1000, hubs: 30, seeds: 50, many: 1000, ring: 1000 }
const QUICK: Sizes = { nodes: 300, hubs: 30, seeds: 2, many: 200, ring: 200 }

/** Cycles that a network runs before its attackers wake, and then. */
const BEFORE = 40
const AFTER = 60
/** Attackers of the second part, as a share of all, and their pushes a cycle. */
const SHARE = 0.2
const PUSHES = 10
/** What a liar says beside itself: a whole list, where an honest node of the plain protocol tells of half a view. */
const LIES = MAX_SAMPLE - 1

interface Moment {
  /** Since the attack began. */
  readonly cycle: number
  /** In-degree of the attackers over the mean of all, over the views of the honest. */
  readonly advantage: number
  /** Of what honest nodes sample. */
  readonly samples: number
  /** Honest nodes that know nobody honest, as a share. */
  readonly isolated: number
}

interface Attack {
  readonly nodes: number
  readonly attackers: number
  readonly pushes: number
  readonly options: Partial<SamplingOptions>
  readonly seed: number
  /** Cycles until the attack. */
  readonly before: number
  readonly looks: readonly number[]
  /** Made-up peers instead of the attackers themselves. */
  readonly madeUp?: boolean
}

interface Outcome {
  readonly moments: readonly Moment[]
  readonly load: Load
}

function attack({ nodes, attackers, pushes, options, seed, before, looks, madeUp = false }: Attack): Outcome {
  const overlay = new Overlay({ nodes, seed, options })
  overlay.startRandom()
  overlay.cycles(before)
  const victims = overlay.peers()
  const hubs: PeerDescriptor[] = []
  let made = 0
  const invent = () => {
    made++
    return describe({ id: `made${made}`, addresses: [], sequence: 1, issued: 1_700_000_000_000 })
  }
  overlay.corrupt(attackers, (environment) => {
    hubs.push(environment.self)
    return new Hub(environment, {
      victims,
      pushes,
      lies: (random) => (madeUp ? Array.from({ length: LIES }, invent) : random.sample(hubs, LIES)),
    })
  })
  const moments: Moment[] = []
  let cycle = 0
  for (const next of looks) {
    overlay.cycles(next - cycle)
    cycle = next
    moments.push(momentOf(overlay, cycle, attackers / nodes))
  }
  const honest = overlay
    .honest()
    .map((index) => overlay.simulation.nodes[index] as (typeof overlay.simulation.nodes)[number])
  return { moments, load: loadOf(honest, before + cycle) }
}

function momentOf(overlay: Overlay, cycle: number, share: number): Moment {
  const honest = overlay.honest()
  const good = new Set(honest.map((index) => overlay.simulation.nodes[index]?.id as string))
  let links = 0
  let bad = 0
  let drawn = 0
  let badDrawn = 0
  let isolated = 0
  for (const index of honest) {
    const sampling = overlay.sampling(index)
    const view = sampling.view.filter(({ id }) => !good.has(id)).length
    const sample = sampling.sample(8)
    const badSample = sample.filter(({ id }) => !good.has(id)).length
    links += sampling.view.length
    bad += view
    drawn += sample.length
    badDrawn += badSample
    if (view === sampling.view.length && badSample === sample.length) isolated++
  }
  return {
    cycle,
    advantage: bad / links / share,
    samples: badDrawn / Math.max(1, drawn),
    isolated: isolated / honest.length,
  }
}

export const experiment: Experiment = {
  name: 'sampling-hubs',
  title: 'colluding hubs and pushing attackers against plain Newscast, against the defended sampler, and against T-Man',
  source: 'a known attack, run by this project; Auvolat et al., Basalt (2021); Bortnikov et al., Brahms (2009)',
  run({ seed, quick, progress }) {
    const sizes = quick ? QUICK : FULL
    const looks = [1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60]
    const { nodes, hubs: attackers } = sizes
    const hubs = { nodes, attackers, pushes: PUSHES, seed, before: BEFORE, looks, options: {} }
    const rows: Row[] = []

    progress(0, 'hubs against plain Newscast')
    const control = attack({ ...hubs, options: NEWSCAST, before: 10 })
    rows.push(...controlRows(`${attackers} hubs of ${nodes}, plain Newscast`, control))
    progress(0.05, 'hubs against the defended sampler')
    const defended = attack(hubs)
    rows.push(...defendedRows(`${attackers} hubs of ${nodes}, tendril`, defended))
    const cold = attack({ ...hubs, before: 0, looks: quick ? [10, 20, 60, 100] : [10, 20, 60, 100, 150, 200] })
    rows.push(coldRow(`${attackers} hubs of ${nodes}, tendril, attacked from the first cycle`, cold))

    progress(0.15, 'defences switched off')
    rows.push(...switchedOff(sizes, seed))

    const many: Moment[][] = []
    for (let i = 0; i < sizes.seeds; i++) {
      progress(0.2 + (0.6 * i) / sizes.seeds, `20 % attackers, seed ${seed + i}`)
      const init = { nodes: sizes.many, attackers: sizes.many * SHARE, pushes: PUSHES, options: {}, before: BEFORE }
      many.push([...attack({ ...init, seed: seed + i, looks: [AFTER / 3, (2 * AFTER) / 3, AFTER] }).moments])
    }
    rows.push(...manyRows(`${SHARE * 100} % attackers of ${sizes.many}, ${PUSHES}x pushes, ${sizes.seeds} seeds`, many))

    progress(0.8, 'hubs against T-Man')
    rows.push(...ringUnderHubs(sizes.ring, Math.round(sizes.ring * 0.03), seed))
    return {
      rows,
      tables: [
        {
          name: 'hubs',
          columns: ['network', 'cycle', 'advantage', 'samples', 'isolated'],
          rows: [
            ...control.moments.map((m) => ['newscast', m.cycle, m.advantage, m.samples, m.isolated]),
            ...defended.moments.map((m) => ['tendril', m.cycle, m.advantage, m.samples, m.isolated]),
            ...cold.moments.map((m) => ['tendril, from the first cycle', m.cycle, m.advantage, m.samples, m.isolated]),
          ],
        },
        {
          name: 'attackers',
          columns: ['seed', 'cycle', 'advantage', 'samples', 'isolated'],
          rows: many.flatMap((moments, i) =>
            moments.map((m) => [seed + i, m.cycle, m.advantage, m.samples, m.isolated]),
          ),
        },
      ],
      figures: [
        {
          name: 'hubs',
          svg: drawn({
            title: `in-degree of ${attackers} hubs over the fair one`,
            x: { label: 'cycles since the attack began' },
            y: { label: 'times the fair in-degree', scale: 'log' },
            series: [
              { name: 'plain Newscast', points: control.moments.map((m) => [m.cycle, m.advantage] as const) },
              { name: 'tendril', points: defended.moments.map((m) => [m.cycle, m.advantage] as const) },
              {
                name: 'fair',
                style: 'reference',
                points: [
                  [1, 1],
                  [AFTER, 1],
                ],
              },
            ],
          }),
        },
      ],
    }
  },
}

const fixed = (value: number, digits = 3) => Number(value.toPrecision(digits))
const percent = (share: number) => `${fixed(share * 100)} %`
const at = ({ moments }: Outcome, cycle: number) => moments.find((m) => m.cycle === cycle) as Moment

function controlRows(name: string, control: Outcome): Row[] {
  const early = at(control, 10).isolated
  const late = at(control, 20).isolated
  return [
    {
      case: name,
      metric: 'honest nodes isolated by cycle 10',
      reference: '97 % (>= 90 %: the attack works)',
      measured: percent(early),
      ok: early >= 0.9,
    },
    {
      case: name,
      metric: 'honest nodes isolated by cycle 20',
      reference: '100 % (>= 99 %)',
      measured: percent(late),
      ok: late >= 0.99,
    },
  ]
}

function defendedRows(name: string, { moments, load }: Outcome): Row[] {
  const worst = Math.max(...moments.map(({ advantage }) => advantage))
  const samples = Math.max(...moments.map((m) => m.samples))
  const isolated = Math.max(...moments.map((m) => m.isolated))
  return [
    {
      case: name,
      metric: 'in-degree of the hubs over the fair one, at its worst',
      reference: '<= 1.5',
      measured: fixed(worst),
      ok: worst <= 1.5,
    },
    {
      case: name,
      metric: 'hubs among the samples, at the worst',
      reference: null,
      measured: percent(samples),
      ok: true,
    },
    { case: name, metric: 'honest nodes isolated', reference: 0, measured: isolated, ok: isolated === 0 },
    ...loadRows(name, load),
  ]
}

function coldRow(name: string, { moments }: Outcome): Row {
  const last = moments.at(-1) as Moment
  const told = moments.map((m) => `${m.cycle}: ${fixed(m.advantage)}`).join(', ')
  return {
    case: name,
    metric: 'in-degree of the hubs over the fair one, cycle by cycle',
    reference: '<= 1.5 in the end',
    measured: told,
    ok: last.advantage <= 1.5,
  }
}

function manyRows(name: string, many: readonly (readonly Moment[])[]): Row[] {
  const shares = many.map((moments) => moments.reduce((sum, m) => sum + m.samples, 0) / moments.length)
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
  const isolated = many.flat().filter((m) => m.isolated > 0).length
  const limit = 1.15 * SHARE
  return [
    {
      case: name,
      metric: 'attackers among the samples, mean of the seeds',
      reference: `<= ${percent(limit)} (1.15 f)`,
      measured: percent(mean),
      ok: mean <= limit,
    },
    {
      case: name,
      metric: 'attackers among the samples, the worst seed',
      reference: null,
      measured: percent(Math.max(...shares)),
      ok: true,
    },
    { case: name, metric: 'runs in which anybody was isolated', reference: 0, measured: isolated, ok: isolated === 0 },
  ]
}

/** Each defence off, where its attack must then succeed. */
function switchedOff({ nodes, hubs, many }: Sizes, seed: number): Row[] {
  const rows: Row[] = []
  const base = { nodes, attackers: hubs, pushes: PUSHES, seed, before: 20, looks: [20] }
  const slots = at(attack({ ...base, options: { slots: 0 } }), 20)
  rows.push({
    case: 'without slots: hubs',
    metric: 'in-degree of the hubs over the fair one',
    reference: '> 5 (the attack works)',
    measured: fixed(slots.advantage),
    ok: slots.advantage > 5,
  })
  const liars = {
    nodes: many,
    attackers: Math.ceil(many * 0.02),
    pushes: PUSHES,
    seed,
    before: 20,
    looks: [30],
    madeUp: true,
  }
  for (const [name, options] of [
    ['with hearsay', { hearsay: true }],
    ['without it', {}],
  ] as const) {
    const { samples } = at(attack({ ...liars, options }), 30)
    const off = name === 'with hearsay'
    rows.push({
      case: `${name}: 2 % push peers that do not exist`,
      metric: 'made-up peers among the samples',
      reference: off ? '> 20 % (the attack works)' : '<= 5 %',
      measured: percent(samples),
      ok: off ? samples > 0.2 : samples <= 0.05,
    })
  }
  for (const pushInterval of [0, 800]) {
    const bytes = flooded(pushInterval, seed)
    const off = pushInterval === 0
    rows.push({
      case: `limits of pushes and of Rounds ${off ? 'off' : 'on'}: one node pushes 100 times a second`,
      metric: 'bytes a second that its victim answers',
      reference: off ? '> 50000 (the attack works)' : '<= 16000',
      measured: Math.round(bytes),
      ok: off ? bytes > 50_000 : bytes <= 16_000,
    })
  }
  return rows
}

/** Bytes a second that a node sends while another one pushes to it a hundred times a second: 30 descriptors for each of one. */
function flooded(pushInterval: number, seed: number): number {
  const overlay = new Overlay({ nodes: 100, seed, options: { pushInterval }, unpaced: pushInterval === 0 })
  overlay.startRandom()
  overlay.cycles(30)
  const victim = overlay.simulation.nodes[0] as (typeof overlay.simulation.nodes)[number]
  const before = victim.sent.bytes
  overlay.simulation.corrupt(
    'n1',
    (environment) => new Hub(environment, { victims: [victim.self], pushes: 100, lies: () => [] }),
  )
  overlay.cycles(20)
  return (victim.sent.bytes - before) / 20
}

function loadRows(name: string, load: Load): Row[] {
  const { messagesPerRound: messages, bytesPerRound: bytes, mostBytes } = load
  return [
    {
      case: name,
      metric: 'messages an honest node and round, mean / most',
      reference: null,
      measured: `${fixed(messages.mean)} / ${fixed(messages.max)}`,
      ok: true,
    },
    {
      case: name,
      metric: 'bytes an honest node and round, mean / most',
      reference: null,
      measured: `${fixed(bytes.mean)} / ${fixed(bytes.max)}`,
      ok: true,
    },
    {
      case: name,
      metric: 'most bytes of any honest node in any second',
      reference: `<= ${BUDGET} (budget)`,
      measured: mostBytes,
      ok: mostBytes <= BUDGET,
    },
  ]
}
