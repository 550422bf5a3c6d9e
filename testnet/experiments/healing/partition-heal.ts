import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { percent, ROUND, row, Stacks } from './stacks.ts'

const FULL = { nodes: 1000, apart: 600_000 }
/** Two minutes: twice as long as anybody remembers a death, so that only those kept as lost lead back. */
const QUICK = { nodes: 120, apart: 120_000 }
const LIMIT = 15
const ROUNDS = 60

const CASES = [
  { split: 0.5, oneWay: false },
  { split: 0.9, oneWay: false },
  { split: 0.5, oneWay: true },
  { split: 0.9, oneWay: true },
] as const

interface Heal {
  readonly name: string
  readonly sides: readonly [number, number]
  readonly ring: readonly number[]
  readonly count: { readonly counted: number; readonly missing: number | null }
  readonly load: readonly Row[]
}

export const experiment: Experiment = {
  name: 'partition-heal',
  title: 'parts of the network that could not hear each other for ten minutes become one ring again by themselves',
  source: 'a target of this project (no published figure: serf and SWIM never merge such halves)',
  heap: (quick) => (quick ? 0 : 4 * 2 ** 30),
  run({ seed, quick, progress }) {
    const { nodes, apart } = quick ? QUICK : FULL
    const heals = CASES.map(({ split, oneWay }, i) => {
      const name = `${nodes} nodes, ${split * 100}/${Math.round((1 - split) * 100)}${oneWay ? ', one way' : ''}, ${apart / 60_000} min`
      progress(i / CASES.length, name)
      return heal(name, nodes, split, oneWay, apart, seed)
    })
    return {
      rows: heals.flatMap((one) => rowsOf(one, nodes)),
      tables: [
        {
          name: 'ring',
          columns: ['case', 'round', 'correct'],
          rows: heals.flatMap(({ name, ring }) => ring.map((correct, i) => [name, i, correct])),
        },
      ],
      figures: [
        {
          name: 'ring',
          svg: drawn({
            title: 'ring links right after the heal',
            x: { label: `rounds of ${ROUND} ms` },
            y: { label: 'correct ring links', from: 0, to: 1 },
            series: heals.map(({ name, ring }) => ({
              name: name.split(', ').slice(1, -1).join(', '),
              points: ring.map((correct, i) => [i, correct] as const),
            })),
          }),
        },
      ],
    }
  },
}

function heal(name: string, nodes: number, split: number, oneWay: boolean, apart: number, seed: number): Heal {
  const stacks = new Stacks(seed)
  stacks.settle(nodes)
  const { simulation } = stacks
  const ids = simulation.random.sample(simulation.nodes, nodes).map(({ id }) => id)
  const [left, right] = [ids.slice(0, Math.floor(nodes * split)), ids.slice(Math.floor(nodes * split))]
  if (oneWay) simulation.block(left, right)
  else simulation.partition([left, right])
  simulation.run(apart)
  const sides = [stacks.ring(new Set(left)), stacks.ring(new Set(right))] as const
  simulation.heal()
  const ring = [stacks.ring()]
  while (ring.length <= ROUNDS && ring.at(-1) !== 1) {
    simulation.run(ROUND)
    ring.push(stacks.ring())
  }
  return { name, sides, ring, count: stacks.count(), load: stacks.loadRows(name) }
}

function rowsOf({ name, sides, ring, count, load }: Heal, nodes: number): Row[] {
  const whole = ring.indexOf(1)
  return [
    row(name, 'ring links right within each part, before the heal', null, sides.map(percent).join(' / '), true),
    row(name, 'ring links right at the heal', null, percent(ring[0] as number), true),
    row(
      name,
      `rounds of ${ROUND} ms until one ring`,
      `<= ${LIMIT}`,
      whole < 0 ? `never by ${ring.length - 1}` : whole,
      whole >= 0 && whole <= LIMIT,
    ),
    row(
      name,
      'a count then',
      `${nodes}, 0 missing`,
      `${count.counted}, ${count.missing} missing`,
      count.counted === nodes && count.missing === 0,
    ),
    ...load,
  ]
}
