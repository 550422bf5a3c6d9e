import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { Agb, type AgbSettings, type Span } from './network.ts'
import { BUFFERS, ideal, loadRows, round, rowsOf } from './rows.ts'

const QUICK = { buffers: [30, 60], seconds: 600, tries: 4 }
const FULL = { buffers: BUFFERS, seconds: 1000, tries: 5 }
/** s: what a network takes until its buffers are full and their ages steady. */
const WARM_UP = 100
/** On average so many nodes are to be reached. */
const GOAL = 0.95
/** The seed's. */
const CRITICAL_AGE = 5.3

/** Full membership, or lpbcast's own partial views. */
type Kind = 'full membership' | 'partial views'

interface Found {
  readonly kind: Kind
  readonly buffer: number
  /** Messages a second at which GOAL is just met, and the age dropped at it. */
  readonly rate: number
  readonly age: number
  readonly tries: readonly Span[]
  readonly load: readonly Row[]
}

export const experiment: Experiment = {
  name: 'agb-fig4',
  title: 'the highest rate that reaches 95 % of the nodes, and the age of what is dropped then, by buffer size',
  source:
    'Rodrigues et al., Adaptive Gossip-Based Broadcast (DSN 2003), Fig. 4; what it gives no number for: a model run by this project',
  run(trial) {
    const { buffers, seconds, tries } = trial.quick ? QUICK : FULL
    const cases = [
      ...buffers.map((buffer) => ({ kind: 'full membership' as const, buffer })),
      ...buffers
        .filter((_, i) => i % 2 === 1)
        .slice(0, trial.quick ? 0 : 3)
        .map((buffer) => ({ kind: 'partial views' as const, buffer })),
    ]
    const found = cases.map(({ kind, buffer }, i) =>
      search(kind, buffer, trial, seconds, tries, (share) =>
        trial.progress((i + share) / cases.length, `${kind}, B = ${buffer}`),
      ),
    )
    return report(found)
  },
}

/** Delivery falls with the rate, nearly along a straight line close to the goal: regula falsi from both sides of the ideal. */
function search(
  kind: Kind,
  buffer: number,
  { seed }: Trial,
  seconds: number,
  tries: number,
  progress: (share: number) => void,
): Found {
  const spans: Span[] = []
  let load: readonly Row[] = []
  let rate = ideal(buffer)
  for (let i = 0; i < tries; i++) {
    progress(i / tries)
    const { span, network } = measured(
      { seed: seed + i, buffer, offered: rate, views: kind === 'partial views' },
      seconds,
    )
    spans.push(span)
    load = loadRows(`B = ${buffer}, ${kind}, ${round(span.admitted)} msg/s`, network)
    rate = i === 0 ? ideal(buffer) * (span.delivery > GOAL ? 1.1 : 0.9) : fitted(spans).rate
    rate = Math.min(Math.max(rate, ideal(buffer) * 0.7), ideal(buffer) * 1.4)
  }
  return { kind, buffer, ...fitted(spans), tries: spans, load }
}

export function measured(settings: AgbSettings, seconds: number): { readonly span: Span; readonly network: Agb } {
  const network = new Agb(settings)
  network.simulation.run(WARM_UP * 1000)
  return { span: network.span(seconds * 1000), network }
}

/** Where the straight line through the measurements meets the goal. */
function fitted(spans: readonly Span[]): { readonly rate: number; readonly age: number } {
  const rate = line(spans.map(({ delivery, admitted }) => [delivery, admitted]))(GOAL)
  return { rate, age: line(spans.map(({ admitted, droppedAge }) => [admitted, droppedAge]))(rate) }
}

/** Least squares. */
function line(points: readonly (readonly [number, number])[]): (x: number) => number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length
  const [x0, y0] = [mean(0), mean(1)]
  const above = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0)
  const below = points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0)
  const slope = below === 0 ? 0 : above / below
  return (x) => y0 + slope * (x - x0)
}

function report(found: readonly Found[]): Result {
  const rows = found.flatMap(({ kind, buffer, rate, age, load }) => {
    const row = rowsOf(`B = ${buffer}, ${kind}`)
    const best = ideal(buffer)
    const full = kind === 'full membership'
    const near = Math.abs(rate - best) <= 0.1 * best
    return [
      row('msg/s at 95 % delivery', full ? `${best} +- 10 %` : null, round(rate), !full || near),
      row(
        'age dropped then, rounds',
        full ? `${CRITICAL_AGE} +- 0.3` : null,
        round(age),
        !full || Math.abs(age - CRITICAL_AGE) <= 0.3,
      ),
      ...load,
    ]
  })
  const of = (kind: Kind) => found.filter((one) => one.kind === kind)
  const table = found.flatMap(({ kind, buffer, tries }) =>
    tries.map(({ admitted, delivery, atomicity, droppedAge }) => [
      kind,
      buffer,
      admitted,
      delivery,
      atomicity,
      droppedAge,
    ]),
  )
  const rates = drawn({
    title: 'Highest rate that reaches 95 % of 60 nodes',
    x: { label: 'buffer, events', from: 0 },
    y: { label: 'messages a second', from: 0 },
    series: [
      { name: 'B / 4', points: of('full membership').map(({ buffer }) => [buffer, ideal(buffer)]), style: 'reference' },
      { name: 'lpbcast', points: of('full membership').map(({ buffer, rate }) => [buffer, rate]) },
      { name: 'partial views', points: of('partial views').map(({ buffer, rate }) => [buffer, rate]), style: 'dots' },
    ],
  })
  const ages = drawn({
    title: 'Age of what is dropped at that rate',
    x: { label: 'buffer, events', from: 0 },
    y: { label: 'rounds', from: 0, to: 8 },
    series: [
      { name: '5.3', points: of('full membership').map(({ buffer }) => [buffer, CRITICAL_AGE]), style: 'reference' },
      { name: 'lpbcast', points: of('full membership').map(({ buffer, age }) => [buffer, age]) },
      { name: 'partial views', points: of('partial views').map(({ buffer, age }) => [buffer, age]), style: 'dots' },
    ],
  })
  const columns = ['membership', 'buffer', 'rate', 'delivery', 'atomicity', 'dropped_age']
  return {
    rows,
    tables: [{ name: 'agb-fig4', columns, rows: table }],
    figures: [
      { name: 'agb-fig4-rate', svg: rates },
      { name: 'agb-fig4-age', svg: ages },
    ],
  }
}
