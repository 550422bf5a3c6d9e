import { drawn } from '../chart.ts'
import type { Experiment } from '../experiment.ts'
import { measured } from './fig4.ts'
import { loadRows, round, rowsOf } from './rows.ts'

const BUFFER = 60
/** The seed's text: messages a second, and rounds. The first is read off its figure: "approximately 8.5"; PAPERS: about 8. */
const AGES: readonly (readonly [rate: number, age: number, tolerance: number])[] = [
  [10, 8, 0.5],
  [30, 3.7, 0.2],
  [60, 2.7, 0.2],
]
const RATES = { quick: [10, 30, 60], full: [5, 10, 15, 20, 25, 30, 40, 50, 60] }
const SECONDS = { quick: 250, full: 1000 }

export const experiment: Experiment = {
  name: 'agb-fig2',
  title:
    'lpbcast loses reliability as the rate grows: nodes reached, messages that reached almost all, age of what is dropped',
  source: 'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), Fig. 2',
  run(trial) {
    const size = trial.quick ? 'quick' : 'full'
    const runs = RATES[size].map((offered, i) => {
      trial.progress(i / RATES[size].length, `${offered} msg/s`)
      return { offered, ...measured({ seed: trial.seed, buffer: BUFFER, offered }, SECONDS[size]) }
    })
    const rows = runs.flatMap(({ offered, span, network }) => {
      const row = rowsOf(`B = ${BUFFER}, ${offered} msg/s`)
      const [, age, tolerance] = AGES.find(([rate]) => rate === offered) ?? []
      const near = age === undefined || tolerance === undefined || Math.abs(span.droppedAge - age) <= tolerance
      return [
        row('age dropped, rounds', age === undefined ? null : `${age} +- ${tolerance}`, round(span.droppedAge), near),
        row('nodes reached', null, round(span.delivery)),
        row('messages that reached 95 % of the nodes', null, round(span.atomicity)),
        ...loadRows(`B = ${BUFFER}, ${offered} msg/s`, network),
      ]
    })
    const at = (value: (span: (typeof runs)[number]['span']) => number) =>
      runs.map(({ offered, span }) => [offered, value(span)] as const)
    const reached = drawn({
      title: `lpbcast, 60 nodes, B = ${BUFFER}`,
      x: { label: 'messages a second' },
      y: { label: 'share', from: 0, to: 1 },
      series: [
        { name: 'nodes reached', points: at(({ delivery }) => delivery) },
        { name: 'reached almost all', points: at(({ atomicity }) => atomicity) },
        { name: '95 %', points: at(() => 0.95), style: 'reference' },
      ],
    })
    const ages = drawn({
      title: `Age of what is dropped, 60 nodes, B = ${BUFFER}`,
      x: { label: 'messages a second' },
      y: { label: 'rounds', from: 0 },
      series: [
        { name: 'measured', points: at(({ droppedAge }) => droppedAge) },
        { name: 'the seed', points: AGES.map(([rate, age]) => [rate, age]), style: 'dots' },
      ],
    })
    const columns = ['offered', 'delivery', 'atomicity', 'dropped_age']
    const table = runs.map(({ offered, span }) => [offered, span.delivery, span.atomicity, span.droppedAge])
    return {
      rows,
      tables: [{ name: 'agb-fig2', columns, rows: table }],
      figures: [
        { name: 'agb-fig2-reached', svg: reached },
        { name: 'agb-fig2-age', svg: ages },
      ],
    }
  },
}
