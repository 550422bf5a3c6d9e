import { PUBLISHED } from '../../../protocols/broadcast/adaptive/controller.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { Agb, type AgbSettings, type Mark, NODES } from './network.ts'
import { ideal, loadRows, round, rowsOf } from './rows.ts'

/** Buffers of a fifth of the nodes, one phase after the other; the others keep the first. */
const PHASES = [90, 45, 60] as const
const CHANGED = NODES / 5
/** Messages a second: less than 90 events carry, and more than 60. */
const LOAD = 22
const WARM_UP = 200
/** Messages a second of a node at the start: a little more than its share of the load. */
const CONTROL = { start: 0.4 }
/** s */
const QUICK = { phase: 180, runs: 2 }
const FULL = { phase: 400, runs: 10 }
/** s between two looks, and what a rate is averaged over. */
const STEP = 5
const WINDOW = 30
/** s, of the seed: "no instability can be observed around 60 s after the configuration change". */
const SETTLED = 60
const TOLERANCE = 0.1
/** Messages that reach almost all, by the smaller buffer: PAPERS section 5, Fig. 9 simulated. */
const ATOMICITY: Readonly<Record<number, number>> = { 60: 0.87 }

interface Course {
  /** Messages a second admitted in each step, mean over the runs; the first phase begins at 0. */
  readonly admitted: readonly number[]
  /** By phase: share of messages that reached 95 % of the nodes, and of nodes reached. */
  readonly atomicity: readonly number[]
  readonly delivery: readonly number[]
  readonly last: Agb
}

export const experiment: Experiment = {
  name: 'agb-fig9',
  title: 'buffers of a fifth of the nodes change from 90 to 45 to 60 events while it runs: how fast the rate follows',
  source:
    'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), Fig. 9; what it gives no number for: a model run by this project',
  run(trial) {
    const { phase, runs } = trial.quick ? QUICK : FULL
    const follow = (name: string, settings: Pick<AgbSettings, 'control' | 'delivery'>, count: number, from: number) =>
      average(
        Array.from({ length: count }, (_, i) => {
          trial.progress(from + i / count / 2, name)
          return followed({ seed: trial.seed + i, buffer: PHASES[0], offered: LOAD, ...settings }, phase)
        }),
      )
    const ours = follow('tendril', { control: CONTROL, delivery: {} }, runs, 0)
    const published = follow('published', { control: { ...PUBLISHED, ...CONTROL } }, trial.quick ? 1 : 3, 0.5)
    const plain = follow('lpbcast', {}, trial.quick ? 1 : 3, 0.75)
    const rows = [
      ...judged(ours, phase, runs),
      ...beside('published', published, phase),
      ...beside('lpbcast', plain, phase),
    ]
    const rate = drawn({
      title: `Rate admitted, ${CHANGED} of ${NODES} nodes change their buffers, ${LOAD} msg/s offered`,
      x: { label: 'seconds' },
      y: { label: 'messages a second', from: 0 },
      series: [
        { name: 'tendril', points: ours.admitted.map((_, i) => [i * STEP, windowed(ours.admitted, i)]) },
        { name: 'published', points: published.admitted.map((_, i) => [i * STEP, windowed(published.admitted, i)]) },
        { name: 'lpbcast', points: plain.admitted.map((_, i) => [i * STEP, windowed(plain.admitted, i)]) },
        {
          name: 'ideal',
          points: PHASES.flatMap((buffer, i) => [
            [i * phase, Math.min(LOAD, ideal(buffer))] as const,
            [(i + 1) * phase, Math.min(LOAD, ideal(buffer))] as const,
          ]),
          style: 'reference',
        },
      ],
    })
    const atomicity = drawn({
      title: 'Messages that reached at least 95 % of the nodes, by the buffer of a fifth of them',
      x: { label: 'phase' },
      y: { label: 'share', from: 0, to: 1 },
      series: [
        { name: 'tendril', points: ours.atomicity.map((share, i) => [i + 1, share]) },
        { name: 'published', points: published.atomicity.map((share, i) => [i + 1, share]) },
        { name: 'lpbcast', points: plain.atomicity.map((share, i) => [i + 1, share]) },
      ],
    })
    const table = ours.admitted.map((admitted, i) => [i * STEP, admitted, published.admitted[i] ?? null])
    return {
      rows,
      tables: [{ name: 'agb-fig9', columns: ['s', 'tendril', 'published'], rows: table }],
      figures: [
        { name: 'agb-fig9-rate', svg: rate },
        { name: 'agb-fig9-atomicity', svg: atomicity },
      ],
    }
  },
}

function followed(settings: AgbSettings, phase: number): Course {
  const network = new Agb(settings)
  network.simulation.run(WARM_UP * 1000)
  const admitted: number[] = []
  const marks = [network.mark()]
  for (const buffer of PHASES) {
    for (const node of network.nodes.slice(0, CHANGED)) node.resize(buffer)
    for (let s = 0; s < phase; s += STEP) {
      const before = network.mark()
      network.simulation.run(STEP * 1000)
      admitted.push((network.mark().admitted - before.admitted) / STEP)
    }
    marks.push(network.mark())
  }
  network.spread()
  const spans = PHASES.map((_, i) => network.between(marks[i] as Mark, marks[i + 1] as Mark))
  return {
    admitted,
    atomicity: spans.map((span) => span.atomicity),
    delivery: spans.map((span) => span.delivery),
    last: network,
  }
}

function average(courses: readonly Course[]): Course {
  const mean = (of: (course: Course) => readonly number[]) => {
    const [first] = courses
    return (first === undefined ? [] : of(first)).map(
      (_, i) => courses.reduce((sum, course) => sum + (of(course)[i] as number), 0) / courses.length,
    )
  }
  return {
    admitted: mean(({ admitted }) => admitted),
    atomicity: mean(({ atomicity }) => atomicity),
    delivery: mean(({ delivery }) => delivery),
    last: courses.at(-1)?.last as Agb,
  }
}

/** Mean of the last WINDOW seconds. */
function windowed(values: readonly number[], at: number): number {
  const window = values.slice(Math.max(0, at + 1 - WINDOW / STEP), at + 1)
  return window.reduce((sum, value) => sum + value, 0) / window.length
}

function judged(course: Course, phase: number, runs: number): Row[] {
  const steps = phase / STEP
  const rows = PHASES.flatMap((buffer, i) => {
    const row = rowsOf(`${CHANGED} of ${NODES} nodes have ${buffer} events`)
    const values = course.admitted.slice(i * steps, (i + 1) * steps)
    const settled = values.slice(SETTLED / STEP)
    const level = settled.reduce((sum, value) => sum + value, 0) / settled.length
    const best = Math.min(LOAD, ideal(buffer))
    const after = lastOff(values, level)
    return [
      row('msg/s admitted', `>= ${best}, less 10 %`, round(level), level >= (1 - TOLERANCE) * best),
      ...(i === 0
        ? []
        : [
            row(`s until it stays within 10 % of that, mean of ${runs} runs`, `<= ${SETTLED}`, after, after <= SETTLED),
          ]),
      row(
        'messages that reached 95 % of the nodes',
        buffer in ATOMICITY ? `>= ${ATOMICITY[buffer]}` : null,
        round(course.atomicity[i] as number),
        (course.atomicity[i] as number) >= (ATOMICITY[buffer] ?? 0),
      ),
      row('nodes reached', '>= 0.95', round(course.delivery[i] as number), (course.delivery[i] as number) >= 0.95),
    ]
  })
  return [...rows, ...loadRows('tendril', course.last)]
}

/** s from which on every mean over WINDOW that begins then stays close to the level. */
function lastOff(values: readonly number[], level: number): number {
  const size = WINDOW / STEP
  for (let i = values.length; i >= size; i--) {
    if (Math.abs(windowed(values, i - 1) - level) > TOLERANCE * level) return (i - size + 1) * STEP
  }
  return 0
}

/** What stands beside ours and is held to nothing. */
function beside(name: string, { admitted, atomicity, delivery, last }: Course, phase: number): Row[] {
  const steps = phase / STEP
  const rows = PHASES.flatMap((buffer, i) => {
    const row = rowsOf(`${name}, ${CHANGED} of ${NODES} nodes have ${buffer} events`)
    const settled = admitted.slice(i * steps + SETTLED / STEP, (i + 1) * steps)
    return [
      row('msg/s admitted', null, round(settled.reduce((sum, value) => sum + value, 0) / settled.length)),
      row('messages that reached 95 % of the nodes', null, round(atomicity[i] as number)),
      row('nodes reached', null, round(delivery[i] as number)),
    ]
  })
  return [...rows, ...loadRows(name, last)]
}
