import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { type Adapted, adapted, points, tableOf } from './adapted.ts'
import { ideal, OFFERED, round, rowsOf } from './rows.ts'

/** The whole load: what noise of a hundredth cannot be told from. */
const WHOLE = 0.99
/** PAPERS section 5: what the published rule takes of a load that the buffers could carry. */
const LOST = '12 % lost (a model of it)'

export const experiment: Experiment = {
  name: 'agb-fig6',
  title: 'the rate that admission control finds beside the ideal one, by buffer size, 30 msg/s offered',
  source:
    'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), Fig. 6; what it gives no number for: a model run by this project',
  run(trial) {
    const all = adapted(['published', 'tendril'], trial)
    const figure = drawn({
      title: 'Rate admitted, 60 nodes, 30 msg/s offered',
      x: { label: 'buffer, events', from: 0 },
      y: { label: 'messages a second', from: 0 },
      series: [
        {
          name: 'ideal: B / 4',
          points: points(all, 'tendril', () => 0).map(([b]) => [b, ideal(b)]),
          style: 'reference',
        },
        { name: 'offered', points: points(all, 'tendril', ({ offered }) => offered), style: 'reference' },
        { name: 'published rule', points: points(all, 'published', ({ admitted }) => admitted) },
        { name: 'tendril', points: points(all, 'tendril', ({ admitted }) => admitted) },
      ],
    })
    return {
      rows: all.flatMap(judged),
      tables: [tableOf('agb-fig6', all)],
      figures: [{ name: 'agb-fig6', svg: figure }],
    }
  },
}

/** The published rule stands beside ours and is held to nothing. */
function judged({ variant, buffer, span, load }: Adapted): Row[] {
  const row = rowsOf(`B = ${buffer}, ${variant}`)
  const best = ideal(buffer)
  const { admitted, offered } = span
  const ours = variant === 'tendril'
  const share = admitted / offered
  const rows =
    best < OFFERED
      ? [row('msg/s admitted', `${best} +- 10 %`, round(admitted), !ours || Math.abs(admitted - best) <= 0.1 * best)]
      : [
          row('msg/s admitted', null, round(admitted)),
          row('share of the offered load admitted', ours ? `>= ${WHOLE}` : LOST, round(share), !ours || share >= WHOLE),
        ]
  return [...rows, ...load]
}
