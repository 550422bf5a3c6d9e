import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Random } from '../../../core/random.ts'
import { lineRanking } from '../../../overlays/tman/line.ts'
import type { Ranking } from '../../../overlays/tman/ranking.ts'
import { ringRanking } from '../../../overlays/tman/ring.ts'
import { torusRanking, torusTargets } from '../../../overlays/tman/torus.ts'
import { searchTreeRanking, searchTreeTargets } from '../../../overlays/tman/tree.ts'
import { drawn, type Series } from '../chart.ts'
import type { Experiment, Row, Trial } from '../experiment.ts'
import { LivingNetwork } from './living.ts'
import { loadRows } from './load-rows.ts'
import type { Member } from './network.ts'
import { byValue } from './plain.ts'

const NODES = { quick: 320, full: 1024 }
/** Cycles from a random start to order, before anything happens. */
const SETTLING = 15
/** Cycles under churn. */
const CHURN = { quick: 8, full: 30 }
/** Cycles in which the dead are out of all views after a tenth of a quiet network died: what the issue gives half of it. */
const REPAIR = 10
const LIMIT = 40
const KEEP_ALIVE = 8

interface Structure {
  readonly ranking: () => Ranking
  /** Whom each of these should have in its view, by id. */
  targets(peers: readonly PeerDescriptor[]): ReadonlyMap<string, readonly PeerDescriptor[]>
}

const STRUCTURES: Readonly<Record<string, Structure>> = {
  ring: {
    ranking: ringRanking,
    targets: (peers) =>
      neighbours(
        sorted(peers, (a, b) => a.position - b.position),
        true,
      ),
  },
  line: { ranking: () => lineRanking('load'), targets: (peers) => neighbours(sorted(peers, byValue('load')), false) },
  torus: {
    ranking: torusRanking,
    targets: (peers) => new Map(peers.map((peer) => [peer.id, torusTargets(peer, peers)])),
  },
  tree: { ranking: searchTreeRanking, targets: searchTreeTargets },
}

/** Per cycle and in percent: what is replaced and lost, and how much of the target links has to be there at any time. */
const TROUBLES = [
  { name: '20 % loss', churn: 0, loss: 0.2, least: 98 },
  { name: '1 % churn', churn: 0.01, loss: 0, least: 98 },
  { name: '10 % churn', churn: 0.1, loss: 0, least: 90 },
] as const

export const experiment: Experiment = {
  name: 'tman-churn',
  title: 'T-Man under loss and churn, at rest, and woken by deaths',
  source: 'T-Man (Jelasity, Babaoglu): churn, suspension after convergence; 98 and 90 %: targets of this project',
  run(trial) {
    const names = Object.keys(STRUCTURES)
    const runs = names.flatMap((structure, s) => {
      return TROUBLES.map((trouble, t) => {
        trial.progress(
          (s * TROUBLES.length + t) / (names.length * (TROUBLES.length + 1)),
          `${structure}, ${trouble.name}`,
        )
        return disturbed(structure, trouble, trial)
      })
    })
    const rests = names.map((structure, i) => {
      trial.progress(0.75 + (0.25 * i) / names.length, `${structure}: quiet, then a tenth dies`)
      return atRest(structure, trial)
    })
    return {
      rows: [...runs, ...rests].flatMap(({ rows }) => rows),
      tables: [
        {
          name: 'links',
          columns: ['case', 'cycle', 'correct', 'exchanges a node', 'dead in a view'],
          rows: [...runs, ...rests].flatMap(({ name, course }) => {
            return course.map(({ correct, exchanges, dead }, cycle) => [name, cycle + 1, correct, exchanges, dead])
          }),
        },
      ],
      figures: [
        figure('tman-churn', 'Missing links under loss and churn', runs),
        figure('tman-rest', 'A tenth dies in a quiet network', rests),
      ],
    }
  },
}

interface Moment {
  /** Share of the target links that are there. */
  readonly correct: number
  /** A node, in this cycle. */
  readonly exchanges: number
  /** Dead peers in a view, mean. */
  readonly dead: number
}

interface Run {
  readonly name: string
  readonly course: readonly Moment[]
  readonly rows: readonly Row[]
}

/** Watches a network, cycle by cycle. */
class Watch {
  readonly network: LivingNetwork
  readonly course: Moment[] = []
  readonly #structure: Structure

  constructor(structure: Structure, network: LivingNetwork) {
    this.#structure = structure
    this.network = network
  }

  /** `replaced` of the nodes leave and as many join in each of so many cycles. */
  run(cycles: number, replaced = 0): Moment[] {
    for (let i = 0; i < cycles; i++) {
      const before = this.network.exchanges
      this.network.cycle(replaced)
      const exchanges = (this.network.exchanges - before) / this.network.members.length
      this.course.push(this.look(exchanges))
    }
    return this.course.slice(-cycles)
  }

  look(exchanges: number): Moment {
    const { members } = this.network
    return { correct: correctLinks(members, this.#structure), exchanges, dead: deadInView(members) }
  }
}

function start(name: string, { seed, quick }: Trial, settings: { loss?: number; quietAfter?: number }): Watch {
  const structure = STRUCTURES[name] as Structure
  const attributes = (random: Random) => ({ load: random.float() })
  const nodes = quick ? NODES.quick : NODES.full
  return new Watch(structure, new LivingNetwork({ nodes, seed, ranking: structure.ranking(), attributes, ...settings }))
}

function disturbed(structure: string, trouble: (typeof TROUBLES)[number], trial: Trial): Run {
  const { churn, loss, least } = trouble
  const watch = start(structure, trial, { loss })
  const { network } = watch
  const nodes = network.members.length
  const name = `${structure}, N = ${nodes}, ${trouble.name}`
  watch.run(SETTLING)
  const moments = watch.run(trial.quick ? CHURN.quick : CHURN.full, Math.round(nodes * churn))
  const correct = moments.map((moment) => 100 * moment.correct)
  const worst = Math.min(...correct)
  const rows: Row[] = [
    {
      case: name,
      metric: 'correct links at the end of a cycle, least, %',
      reference: `> ${least}`,
      measured: rounded(worst),
      ok: worst > least,
    },
    fact(name, 'correct links, mean, %', rounded(mean(correct))),
    fact(name, 'dead in a view, mean', rounded(mean(moments.map(({ dead }) => dead)))),
    fact(name, 'exchanges a node and cycle', rounded(mean(moments.map(({ exchanges }) => exchanges)))),
    ...loadRows(name, network.survivors, watch.course.length, network.simulation.nodes),
  ]
  return { name, course: watch.course, rows }
}

function atRest(structure: string, trial: Trial): Run {
  const watch = start(structure, trial, { quietAfter: 4 })
  const { network } = watch
  const nodes = network.members.length
  const name = `${structure}, N = ${nodes}, at rest`
  const rising = watch.run(4)
  watch.run(SETTLING + 4 * KEEP_ALIVE)
  const resting = watch.run(2 * KEEP_ALIVE)
  const quiet = mean(resting.map(({ exchanges }) => exchanges))
  network.kill(Math.round(nodes / 10))
  const { dead } = watch.look(0)
  let repaired: number | undefined
  const before = watch.course.length
  for (let cycle = 1; cycle <= LIMIT && repaired === undefined; cycle++) {
    const [moment] = watch.run(1)
    if (moment?.correct === 1 && moment.dead === 0) repaired = cycle
  }
  const woken = Math.max(...watch.course.slice(before).map(({ exchanges }) => exchanges))
  const again = mean(
    watch
      .run(6 * KEEP_ALIVE)
      .slice(-2 * KEEP_ALIVE)
      .map(({ exchanges }) => exchanges),
  )
  // Now and then a better long link turns up, and its node is awake for four rounds.
  const most = 2 / KEEP_ALIVE
  const rows: Row[] = [
    fact(
      name,
      'exchanges a node and cycle, first four cycles',
      rounded(mean(rising.map(({ exchanges }) => exchanges))),
    ),
    limited(name, 'exchanges a node and cycle, when converged', quiet, most),
    { ...fact(name, 'dead in a view right after 10 % died, mean', rounded(dead)), reference: '> 0', ok: dead > 0 },
    limited(name, 'cycles until no view holds a dead node and every link is there', repaired, REPAIR),
    fact(name, 'exchanges a node in a cycle after the deaths, most', rounded(woken)),
    limited(name, 'exchanges a node and cycle, quiet again', again, most),
    ...loadRows(name, network.survivors, watch.course.length, network.simulation.nodes),
  ]
  return { name, course: watch.course, rows }
}

function fact(name: string, metric: string, measured: number): Row {
  return { case: name, metric, reference: null, measured, ok: true }
}

function limited(name: string, metric: string, measured: number | undefined, most: number): Row {
  const ok = measured !== undefined && measured <= most
  return {
    case: name,
    metric,
    reference: `<= ${rounded(most)}`,
    measured: measured === undefined ? 'never' : rounded(measured),
    ok,
  }
}

function correctLinks(members: readonly Member[], structure: Structure): number {
  const targets = structure.targets(members.map(({ self }) => self))
  let total = 0
  let there = 0
  for (const { self, tman } of members) {
    for (const target of targets.get(self.id) ?? []) {
      total++
      if (tman.view.includes(target)) there++
    }
  }
  return there / total
}

function deadInView(members: readonly Member[]): number {
  const living = new Set(members.map(({ self }) => self.id))
  return mean(members.map(({ tman }) => tman.view.filter(({ id }) => !living.has(id)).length))
}

function sorted(peers: readonly PeerDescriptor[], compare: (a: PeerDescriptor, b: PeerDescriptor) => number) {
  return [...peers].sort(compare)
}

function neighbours(order: readonly PeerDescriptor[], closed: boolean): Map<string, PeerDescriptor[]> {
  return new Map(
    order.map((peer, i) => {
      const beside = closed
        ? [order.at(i - 1), order[(i + 1) % order.length]]
        : [i > 0 ? order[i - 1] : undefined, order[i + 1]]
      return [peer.id, beside.filter((other) => other !== undefined)]
    }),
  )
}

function figure(name: string, title: string, runs: readonly Run[]) {
  const series = runs.map((run): Series => {
    return { name: run.name, points: run.course.map(({ correct }, cycle) => [cycle + 1, 100 * (1 - correct)]) }
  })
  return {
    name,
    svg: drawn({ title, x: { label: 'cycle', from: 0 }, y: { label: 'missing links, %', scale: 'log' }, series }),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
