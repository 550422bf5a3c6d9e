import { drawn, type Series } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { fixed, percent, ROUND, row, Stacks } from './stacks.ts'

const FULL = { nodes: 10_000, shares: [0.5, 0.8, 0.9, 0.95] }
const QUICK = { nodes: 250, shares: [0.5, 0.9] }
/** Rounds that are watched. */
const ROUNDS = 40
/** The share of the ring links that counts as a ring again: where fewer than 500 survive, all of them. */
const RIGHT = 0.999

/** `silent`: nobody is told. `crash`: the machines live on and refuse connections. */
const DEATHS = ['silent', 'crash'] as const

interface Failure {
  readonly share: number
  readonly death: (typeof DEATHS)[number]
  readonly ring: readonly number[]
  readonly largest: number
  readonly count: { readonly counted: number; readonly missing: number | null }
  readonly survivors: number
  readonly load: readonly Row[]
}

export const experiment: Experiment = {
  name: 'mass-failure',
  title: 'half to 95 % of the nodes die at once: the survivors close the ring and count themselves exactly',
  source: 'Leitão et al., HyParView (DSN 2007), figs. 2-4; the rounds and the exact count: targets of this project',
  heap: (quick) => (quick ? 0 : 8 * 2 ** 30),
  run({ seed, quick, progress }) {
    const { nodes, shares } = quick ? QUICK : FULL
    const failures: Failure[] = []
    const total = shares.length * DEATHS.length
    for (const death of DEATHS) {
      for (const share of shares) {
        progress(failures.length / total, `${share * 100} % of ${nodes} die, ${death}`)
        failures.push(fail(nodes, share, death, seed))
      }
    }
    const points = failures.map(
      ({ share, death, ring }): Series => ({
        name: `${share * 100} %, ${death}`,
        points: ring.map((correct, i) => [i, correct] as const),
      }),
    )
    return {
      rows: failures.flatMap((one) => rowsOf(one, nodes)),
      tables: [
        {
          name: 'ring',
          columns: ['share', 'death', 'round', 'correct'],
          rows: failures.flatMap(({ share, death, ring }) => ring.map((correct, i) => [share, death, i, correct])),
        },
      ],
      figures: [
        {
          name: 'ring',
          svg: drawn({
            title: `ring of the survivors, ${nodes} nodes before`,
            x: { label: `rounds of ${ROUND} ms` },
            y: { label: 'correct ring links', from: 0, to: 1 },
            series: points,
          }),
        },
      ],
    }
  },
}

function fail(nodes: number, share: number, death: Failure['death'], seed: number): Failure {
  const stacks = new Stacks(seed)
  stacks.settle(nodes)
  const { simulation } = stacks
  for (const { id } of simulation.random.sample(simulation.nodes, Math.floor(nodes * share))) {
    if (death === 'silent') simulation.kill(id)
    else simulation.crash(id)
  }
  const ring = [stacks.ring()]
  let largest = 0
  for (let i = 1; i <= ROUNDS; i++) {
    simulation.run(ROUND)
    ring.push(stacks.ring())
    if (i === limitOf(share)) largest = stacks.largest()
  }
  const survivors = simulation.nodes.filter(({ alive }) => alive).length
  return {
    share,
    death,
    ring,
    largest,
    count: stacks.count(),
    survivors,
    load: stacks.loadRows(`${nodes} nodes, ${share * 100} %, ${death}`),
  }
}

function limitOf(share: number): number {
  return share > 0.9 ? 20 : 10
}

function rowsOf({ share, death, ring, largest, count, survivors, load }: Failure, nodes: number): Row[] {
  const name = `${nodes} nodes, ${share * 100} % die (${death})`
  const limit = limitOf(share)
  const reached = ring.findIndex((correct) => correct >= RIGHT)
  return [
    row(
      name,
      `rounds of ${ROUND} ms until ${percent(RIGHT)} of the ring links are right`,
      `<= ${limit}`,
      reached < 0 ? `never by ${ring.length - 1}` : reached,
      reached >= 0 && reached <= limit,
    ),
    row(name, `ring links right after ${limit} rounds`, null, percent(ring[limit] as number), true),
    row(name, `largest component of the ring after ${limit} rounds`, '100 %', percent(largest), largest === 1),
    row(
      name,
      `an interval-tree count after ${ring.length - 1} rounds`,
      `${survivors}, 0 missing`,
      `${fixed(count.counted, 6)}, ${count.missing} missing`,
      count.counted === survivors && count.missing === 0,
    ),
    ...load,
  ]
}
