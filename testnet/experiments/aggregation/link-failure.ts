import { Random } from '../../../core/random.ts'
import type { RoundMessage } from '../../../core/rounds.ts'
import { PushPull } from '../../../protocols/aggregation/push-pull.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { Crowd, Gossiper, moments, short } from './crowd.ts'

/** P: the authors' measured factor. Derived: an exchange halves a node's share of what it had, and a node takes part in Binomial(1, 1 - P) + Poisson(1 - P) of them. */
const REFERENCES: Readonly<Record<number, number>> = { 0: 0.303, 0.2: 0.398, 0.5: 0.583, 0.8: 0.813 }
const CYCLES = 25
const BYTES = 20

export const experiment: Experiment = {
  name: 'aggregation-link-failure',
  title: 'links that fail as a whole slow averaging down, and nothing else',
  source:
    'Jelasity, Montresor, Babaoglu, TOCS 2005, link failure, as run by this project; partners by an oracle, messages take 10-50 ms',
  run,
}

function run({ quick, seed, progress }: Trial): Result {
  const nodes = quick ? 10_000 : 100_000
  const rows: Row[] = []
  const measured: [number, number][] = []
  const courses: (readonly number[])[] = []
  const failures = Object.keys(REFERENCES).map(Number)
  for (const [k, failure] of failures.entries()) {
    const values = new Random(seed).fork('values')
    const crowd: Crowd<RoundMessage<number, number>, Gossiper<number, number, PushPull>> = new Crowd({
      nodes,
      seed,
      size: () => BYTES,
      make: (environment, _, partner) => {
        // Neither side of an exchange over a failed link hears of the other: nothing is lost but time.
        const reached = () => (environment.random.chance(failure) ? undefined : partner())
        return new Gossiper(environment, new PushPull(values.float(), reached), () => BYTES)
      },
    })
    const course: number[] = []
    for (let cycle = 0; cycle <= CYCLES; cycle++) {
      course.push(moments(crowd.live.map(({ protocol }) => protocol.exchange.value)).variance)
      if (cycle < CYCLES) crowd.cycle()
      progress((k + cycle / CYCLES) / failures.length, `P = ${failure}, cycle ${cycle}`)
    }
    courses.push(course)
    const factor = ((course.at(-1) as number) / (course[1] as number)) ** (1 / (CYCLES - 1))
    const reference = REFERENCES[failure] as number
    const bound = Math.exp(failure - 1)
    measured.push([failure, factor])
    const of = `push-pull, links fail with P = ${failure}, N = ${nodes}`
    rows.push(
      {
        case: of,
        metric: 'variance factor a cycle',
        reference: `${reference} within 3 %`,
        measured: short(factor, 4),
        ok: Math.abs(factor / reference - 1) <= 0.03,
      },
      {
        case: of,
        metric: 'variance factor a cycle, against the bound e^(P-1)',
        reference: `<= ${short(bound)}`,
        measured: short(factor, 4),
        ok: factor <= bound,
      },
      ...crowd.loadRows(of),
    )
  }
  return {
    rows,
    tables: [
      {
        name: 'factors',
        columns: ['failure', 'reference', 'bound', 'measured'],
        rows: measured.map(([failure, factor]) => [
          failure,
          REFERENCES[failure] ?? null,
          Math.exp(failure - 1),
          factor,
        ]),
      },
      {
        name: 'variance',
        columns: ['cycle', ...failures.map((failure) => `P = ${failure}`)],
        rows: courses[0]?.map((_, cycle) => [cycle, ...courses.map((course) => course[cycle] ?? null)]) ?? [],
      },
    ],
    figures: [
      {
        name: 'factors',
        svg: drawn({
          title: `What a cycle leaves of the variance, N = ${nodes}`,
          x: { label: 'probability that a link fails', from: 0, to: 1 },
          y: { label: 'variance factor a cycle', from: 0, to: 1 },
          series: [
            {
              name: 'bound e^(P-1)',
              style: 'reference',
              points: Array.from({ length: 21 }, (_, i) => [i / 20, Math.exp(i / 20 - 1)]),
            },
            {
              name: 'paper',
              style: 'dots',
              points: failures.map((failure) => [failure, REFERENCES[failure] as number]),
            },
            { name: 'here', points: measured },
          ],
        }),
      },
    ],
  }
}
