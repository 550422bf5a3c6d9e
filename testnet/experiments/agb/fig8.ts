import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { type Adapted, adapted, points, tableOf, type Variant } from './adapted.ts'
import { round, rowsOf } from './rows.ts'

const VARIANTS: readonly Variant[] = ['lpbcast', 'published', 'tendril']
const GOAL = 0.95
/** PAPERS section 5, by buffer: messages that reached 95 % of the nodes, of an untuned Fig. 5 and of plain lpbcast. */
const ADAPTIVE: Readonly<Record<number, number>> = { 30: 0.81, 60: 0.81, 90: 0.86, 120: 0.93, 150: 0.99, 180: 1 }
const PLAIN: Readonly<Record<number, number>> = { 60: 0.015, 90: 0.33, 120: 0.76 }
/** Nodes that plain lpbcast reaches. */
const REACHED: Readonly<Record<number, number>> = { 60: 0.808, 90: 0.916, 120: 0.96 }

export const experiment: Experiment = {
  name: 'agb-fig8',
  title: 'how many nodes a message reaches, and how many messages reach almost all, with and without admission control',
  source:
    'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), Fig. 8; what it gives no number for: a model run by this project',
  run(trial) {
    const all = adapted(VARIANTS, trial)
    const reference = (values: Readonly<Record<number, number>>) =>
      Object.entries(values).map(([buffer, value]) => [Number(buffer), value] as const)
    const receivers = drawn({
      title: 'Nodes that a message reaches, of 60, 30 msg/s offered',
      x: { label: 'buffer, events', from: 0 },
      y: { label: 'share', from: 0, to: 1 },
      series: VARIANTS.map((variant) => ({ name: variant, points: points(all, variant, ({ delivery }) => delivery) })),
    })
    const atomicity = drawn({
      title: 'Messages that reach at least 95 % of 60 nodes, 30 msg/s offered',
      x: { label: 'buffer, events', from: 0 },
      y: { label: 'share', from: 0, to: 1 },
      series: [
        ...VARIANTS.map((variant) => ({ name: variant, points: points(all, variant, (span) => span.atomicity) })),
        { name: 'a model of Fig. 5', points: reference(ADAPTIVE), style: 'reference' },
        { name: 'a model of lpbcast', points: reference(PLAIN), style: 'dots' },
      ],
    })
    return {
      rows: all.flatMap(judged),
      tables: [tableOf('agb-fig8', all)],
      figures: [
        { name: 'agb-fig8-receivers', svg: receivers },
        { name: 'agb-fig8-atomicity', svg: atomicity },
      ],
    }
  },
}

/** Plain lpbcast is held to what PAPERS found; the published rule stands beside ours. PAPERS gives two digits. */
function judged({ variant, buffer, span, load }: Adapted): Row[] {
  const row = rowsOf(`B = ${buffer}, ${variant}`)
  const { delivery, atomicity } = span
  const share = Math.round(atomicity * 100) / 100
  const plain = PLAIN[buffer]
  const goal = ADAPTIVE[buffer] ?? 1
  const metric = 'messages that reached 95 % of the nodes'
  if (variant === 'lpbcast') {
    const near = (measured: number, reference: number | undefined, by: number) =>
      [
        reference === undefined ? null : `${reference} +- ${by}`,
        round(measured),
        reference === undefined || Math.abs(measured - reference) <= by,
      ] as const
    return [
      row('nodes reached', ...near(delivery, REACHED[buffer], 0.02)),
      row(metric, ...near(atomicity, plain, 0.05)),
      ...load,
    ]
  }
  if (variant === 'published') {
    return [row('nodes reached', null, round(delivery)), row(metric, null, round(atomicity)), ...load]
  }
  return [
    row('nodes reached', `>= ${GOAL}`, round(delivery), delivery >= GOAL),
    row(metric, `>= ${goal}`, round(atomicity), share >= goal),
    ...load,
  ]
}
