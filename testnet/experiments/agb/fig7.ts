import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { type Adapted, adapted, points, tableOf, type Variant } from './adapted.ts'
import type { Span } from './network.ts'
import { OFFERED, round, rowsOf } from './rows.ts'

const VARIANTS: readonly Variant[] = ['lpbcast', 'published', 'tendril']
/** "Input equals output": so many of the nodes, on average, get what is admitted. */
const GOAL = 0.95

export const experiment: Experiment = {
  name: 'agb-fig7',
  title: 'what goes in, what comes out and how old dropped messages are, with and without admission control',
  source: 'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), Fig. 7',
  run(trial) {
    const all = adapted(VARIANTS, trial)
    const chart = (title: string, label: string, measure: (span: Span) => number) =>
      drawn({
        title,
        x: { label: 'buffer, events', from: 0 },
        y: { label, from: 0 },
        series: VARIANTS.map((variant) => ({ name: variant, points: points(all, variant, measure) })),
      })
    return {
      rows: all.flatMap(judged),
      tables: [tableOf('agb-fig7', all)],
      figures: [
        { name: 'agb-fig7-input', svg: chart('Input', 'messages a second', ({ admitted }) => admitted) },
        { name: 'agb-fig7-output', svg: chart('Output at a node', 'messages a second', ({ output }) => output) },
        { name: 'agb-fig7-age', svg: chart('Age of what is dropped', 'rounds', ({ droppedAge }) => droppedAge) },
      ],
    }
  },
}

function judged({ variant, buffer, span, load }: Adapted): Row[] {
  const row = rowsOf(`B = ${buffer}, ${variant}`)
  const { admitted, output, droppedAge } = span
  const plain = variant === 'lpbcast'
  return [
    row(
      'msg/s in',
      plain ? `${OFFERED}: all that is offered` : null,
      round(admitted),
      !plain || admitted > 0.95 * OFFERED,
    ),
    row('output over input', plain ? null : `>= ${GOAL}`, round(output / admitted), plain || output >= GOAL * admitted),
    row('age dropped, rounds', null, round(droppedAge)),
    ...load,
  ]
}
