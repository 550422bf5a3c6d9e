import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import type { RoundMessage } from '../../../core/rounds.ts'
import { wholeOf } from '../../../protocols/aggregation/first-hand.ts'
import { PushPull } from '../../../protocols/aggregation/push-pull.ts'
import type { Sample } from '../../../protocols/aggregation/sample.ts'
import { Samples, type SamplesExchange } from '../../../protocols/aggregation/samples.ts'
import { type SamplesMessage, sampleOf, samplesCodec } from '../../../protocols/aggregation/samples-codec.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { Crowd, Gossiper, moments } from './crowd.ts'

/** Share of liars, what the error of the defended average may be, and what a run of push-pull came to after 30 cycles. All of the range. */
const CASES = [
  { share: 0.01, aim: 0.05, drift: '13 %' },
  { share: 0.05, aim: 0.07, drift: '39 %' },
  { share: 0.1, aim: 0.11, drift: null },
] as const
/** More than a node keeps samples of: where it knows all of them it is another thing. */
const QUICK = 450
const CYCLES = 40
/** Cycles between two looks: who looks has every node sort its samples. */
const STEP = 5
const BUDGET = 64 * 1024
const BYTES = 20
/** The one attribute that there is. */
const KEY = 1
const RANGES = new Map([[KEY, [0, 1] as const]])

/** How honest nodes' values, between 0 and 1, are distributed. */
const VALUES = {
  uniform: (u: number) => u,
  'skewed (u^4)': (u: number) => u ** 4,
} as const

export const experiment: Experiment = {
  name: 'aggregation-liars',
  title: 'averages when some always say the maximum: push-pull, and trimmed means of signed samples',
  source:
    'as run by this project: 1 % of liars move push-pull by 13 % of the range in 30 cycles; partners by an oracle',
  run,
}

function run({ quick, seed, progress }: Trial): Result {
  const nodes = quick ? QUICK : 10_000
  const rows: Row[] = []
  const table: (string | number)[][] = []
  const curves: { name: string; points: [number, number][] }[] = []
  let done = 0
  for (const [name, shape] of Object.entries(VALUES)) {
    for (const { share, aim, drift } of CASES) {
      progress(done++ / 6, `${share * 100} % of liars, ${name} values`)
      const random = new Random(seed).fork('values')
      const values = Array.from({ length: nodes }, () => shape(random.float()))
      const setting = { nodes, seed, liars: Math.round(nodes * share), values }
      const plain = undefended(setting)
      const guarded = defended(setting)
      const of = `${share * 100} % say the maximum, ${name} values, N = ${nodes}`
      const judged = name === 'uniform'
      rows.push(
        {
          case: of,
          metric: 'push-pull after 30 cycles: mean error, of the range (beside)',
          reference: judged ? drift : null,
          measured: percent(plain.course[30 / STEP] as number),
          ok: true,
        },
        {
          case: of,
          metric: `signed samples after ${CYCLES} cycles: largest error of an honest node, of the range`,
          reference: `<= ${Math.round(aim * 100)} %`,
          measured: percent(guarded.worst),
          ok: guarded.worst <= aim,
        },
      )
      if (judged) rows.push(...guarded.loadRows(`signed samples, ${of}`))
      const points = (course: readonly number[]) => course.map((error, i): [number, number] => [i * STEP, error])
      if (judged) curves.push({ name: `push-pull, ${share * 100} %`, points: points(plain.course) })
      if (judged) curves.push({ name: `samples, ${share * 100} %`, points: points(guarded.course) })
      for (const [i, error] of plain.course.entries()) {
        table.push([name, share, i * STEP, error, guarded.course[i] as number])
      }
    }
  }
  const title = `Mean error among liars, uniform values, N = ${nodes}`
  const svg = drawn({ title, x: { label: 'cycle' }, y: { label: 'error, of the range', from: 0 }, series: curves })
  const columns = ['values', 'liars', 'cycle', 'push-pull', 'samples']
  return { rows, tables: [{ name: 'errors', columns, rows: table }], figures: [{ name: 'errors', svg }] }
}

interface Setting {
  readonly nodes: number
  readonly seed: number
  /** The first so many nodes lie. */
  readonly liars: number
  readonly values: readonly number[]
}

interface Outcome {
  /** Mean over the honest nodes of the distance to the truth, after every STEP cycles. */
  readonly course: readonly number[]
  /** The largest in the end. */
  readonly worst: number
  loadRows(of: string): Row[]
}

/** Says the maximum, whatever it hears. */
class Maximum extends PushPull {
  override offer(): number {
    this.value = 1
    return super.offer()
  }

  override answer(from: PeerDescriptor, theirs: number): number {
    super.answer(from, theirs)
    return 1
  }
}

function undefended({ nodes, seed, liars, values }: Setting): Outcome {
  const crowd = new Crowd<RoundMessage<number, number>, Gossiper<number, number, PushPull>>({
    nodes,
    seed,
    size: () => BYTES,
    make: (environment, index, partner) => {
      const lies = index < liars
      const exchange = lies ? new Maximum(1, partner) : new PushPull(values[index] as number, partner)
      return new Gossiper(environment, exchange, () => BYTES)
    },
  })
  return follow(crowd, liars, values, (protocol) => protocol.exchange.value)
}

/** Signs the maximum, claims to have found it, and passes on nobody's values but its own. */
class LoudSamples extends Samples {
  readonly #own: () => Sample

  constructor(environment: Environment<never>, own: () => Sample, partner: () => PeerDescriptor | undefined) {
    super(environment, { partner, own, ranges: RANGES })
    this.#own = own
  }

  override offer(): SamplesExchange {
    const estimates = new Map([
      [KEY, 1],
      [wholeOf(KEY), 1],
    ])
    return { samples: [this.#own()], estimates }
  }

  override answer(): SamplesExchange {
    return this.offer()
  }
}

function defended({ nodes, seed, liars, values }: Setting): Outcome {
  const size = (message: SamplesMessage) => samplesCodec.size(message) + message.body.samples.length * 64 // of the signatures
  const crowd = new Crowd<SamplesMessage, Gossiper<SamplesExchange, SamplesExchange, Samples>>({
    nodes,
    seed,
    budget: BUDGET,
    size,
    make: (environment, index, partner) => {
      const lies = index < liars
      // A value is signed when it changes, and now and then.
      const value = lies ? 1 : (values[index] as number)
      const sample = sampleOf(environment.self.id, environment.now(), new Map([[KEY, value]]))
      const own = () => sample
      const exchange = lies
        ? new LoudSamples(environment, own, partner)
        : new Samples(environment, { partner, own, ranges: RANGES })
      return new Gossiper(environment, exchange, size, BUDGET)
    },
  })
  return follow(crowd, liars, values, (protocol) => protocol.exchange.estimate(KEY)?.value)
}

function follow<M, P extends Protocol<M>>(
  crowd: Crowd<M, P>,
  liars: number,
  values: readonly number[],
  estimate: (protocol: P) => number | undefined,
): Outcome {
  const truth = moments(values.slice(liars)).mean
  const course: number[] = []
  let worst = 0
  for (let cycle = 0; cycle <= CYCLES; cycle++) {
    if (cycle > 0) crowd.cycle()
    if (cycle % STEP > 0) continue
    const honest = crowd.live.filter(({ index }) => index >= liars)
    // Who knows nothing yet takes the middle of the range.
    const errors = honest.map(({ protocol }) => Math.abs((estimate(protocol) ?? 0.5) - truth))
    course.push(moments(errors).mean)
    worst = Math.max(...errors)
  }
  return { course, worst, loadRows: (of) => crowd.loadRows(of) }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
