import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { RootOrder } from '../../../overlays/tree/beacon.ts'
import { treeCodec } from '../../../overlays/tree/codec.ts'
import { MAX_DEPTH, type TreeMessage } from '../../../overlays/tree/messages.ts'
import { FAN_OUT, Tree } from '../../../overlays/tree/tree.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { loadRows, round, rowsOf } from './rows.ts'

const PERIOD = 1000
const EPOCH = 3_600_000
const START = 1_700_000_000_000
/** Each node chooses so many others at random; with those who chose it they are its contacts. */
const CHOSEN = 5
/** Looks a round. */
const LOOKS = 4
/** Bytes a node may send in any second. */
const BUDGET = 64 * 1024
const SIZES = { quick: [1000], full: [1000, 10_000] }
const LOSS = 0.2
/** Rounds of the phases; nothing but silence tells of the dead, who stay among the contacts: from nothing to a tree at rest, after the root died, after half of the nodes died. */
const PHASES = { growth: 30, root: 20, half: 30 }
/** Rounds within which a dead root is gone, and any cycle (targets of this project). */
const GONE = 3
const NEVER = Number.POSITIVE_INFINITY
const TOTAL = PHASES.growth + PHASES.root + PHASES.half

export const experiment: Experiment = {
  name: 'spanning-tree',
  title:
    'one tree over all within logarithmic rounds, without a cycle; a dead root is gone in three rounds, half of the nodes in a few more',
  source:
    "targets of this project: fan-out 16, depth 24, a dead root replaced within 3 rounds; against cycles DSDV's and Babel's condition",
  run(trial) {
    const plans = (trial.quick ? SIZES.quick : SIZES.full).flatMap((nodes) =>
      [0, LOSS].map((loss) => ({ nodes, loss })),
    )
    const total = plans.reduce((sum, { nodes }) => sum + nodes, 0)
    let done = 0
    const courses = plans.map((plan) => {
      const course = followed(plan, trial, (share) => trial.progress((done + share * plan.nodes) / total, caseOf(plan)))
      done += plan.nodes
      return course
    })
    return report(courses)
  },
}

interface Plan {
  readonly nodes: number
  readonly loss: number
}

/** The live nodes of the largest component at one moment. */
interface Look {
  /** Rounds since the start. */
  readonly round: number
  /** Share that has the best live node for its root and hangs on it, parent by parent. */
  readonly inside: number
  /** Nodes whose root is dead. */
  readonly deadRoot: number
  readonly inCycles: number
  readonly depth: number
  readonly children: number
}

interface Course extends Plan {
  readonly looks: readonly Look[]
  readonly load: readonly Row[]
}

function followed({ nodes, loss }: Plan, { seed }: Trial, progress: (share: number) => void): Course {
  const simulation = new Simulation<TreeMessage, Tree>({ seed, loss, codec: treeCodec, epoch: START })
  const contacts: PeerDescriptor[][] = Array.from({ length: nodes }, () => [])
  for (let i = 0; i < nodes; i++) {
    simulation.add({ start: false }, (environment) => {
      const budget = new TokenBucket(BUDGET * 0.75, BUDGET * 0.25)
      const mine = contacts[i] as PeerDescriptor[]
      return new Tree(environment, { contacts: () => mine, budget, period: PERIOD, epoch: EPOCH })
    })
  }
  for (const [i, mine] of contacts.entries()) {
    for (let k = 0; k < CHOSEN; k++) {
      const j = simulation.random.integer(nodes)
      const [one, other] = [simulation.nodes[i], simulation.nodes[j]]
      if (i === j || one === undefined || other === undefined || mine.includes(other.self)) continue
      mine.push(other.self)
      contacts[j]?.push(one.self)
    }
  }
  for (const { protocol } of simulation.nodes) protocol.start()
  const looks: Look[] = []
  const rounds = (count: number) => {
    const members = component(simulation, contacts)
    for (let i = 0; i < count * LOOKS; i++) {
      simulation.run(PERIOD / LOOKS)
      looks.push(look(simulation, members))
      progress(looks.length / (TOTAL * LOOKS))
    }
  }
  rounds(PHASES.growth)
  simulation.kill(bestOf(simulation.nodes))
  rounds(PHASES.root)
  for (const { id } of simulation.random.sample(simulation.nodes, nodes / 2)) simulation.kill(id)
  rounds(PHASES.half)
  const present = simulation.nodes.filter(({ alive }) => alive)
  return { nodes, loss, looks, load: loadRows(caseOf({ nodes, loss }), present, TOTAL, BUDGET, simulation.nodes) }
}

type Node = Simulation<TreeMessage, Tree>['nodes'][number]

/** The largest group of live nodes that hang together by their contacts: some lost all of theirs. */
function component(
  simulation: Simulation<TreeMessage, Tree>,
  contacts: readonly (readonly PeerDescriptor[])[],
): Node[] {
  const seen = new Set<Node>()
  let largest: Node[] = []
  for (const start of simulation.nodes) {
    if (!start.alive || seen.has(start)) continue
    const group = [start]
    seen.add(start)
    for (const node of group) {
      for (const { id } of contacts[node.index] ?? []) {
        const next = simulation.node(id)
        if (!next.alive || seen.has(next)) continue
        seen.add(next)
        group.push(next)
      }
    }
    if (group.length > largest.length) largest = group
  }
  return largest
}

/** Who ought to be root: the one with the lowest hash. */
function bestOf(nodes: readonly Node[]): string {
  const order = new RootOrder(EPOCH)
  const epoch = order.epochOf(START)
  const hashes = nodes.map(({ id }) => ({ id, hash: order.hash(id, epoch) }))
  return hashes.reduce((best, one) => (one.hash < best.hash ? one : best)).id
}

function look(simulation: Simulation<TreeMessage, Tree>, members: readonly Node[]): Look {
  const live = members.filter(({ alive }) => alive)
  const root = bestOf(live)
  const INSIDE = 1
  const OUTSIDE = 2
  const states = new Map<string, number>([[root, INSIDE]])
  let inside = 0
  let deadRoot = 0
  let inCycles = 0
  let depth = 0
  let children = 0
  for (const { id, protocol } of live) {
    if (!simulation.node(protocol.root).alive) deadRoot++
    depth = Math.max(depth, protocol.distance)
    children = Math.max(children, protocol.children.length)
    const path: string[] = []
    const walked = new Set<string>()
    let at: string | undefined = id
    while (at !== undefined && !states.has(at) && !walked.has(at) && simulation.node(at).alive) {
      path.push(at)
      walked.add(at)
      at = simulation.node(at).protocol.parent?.id
    }
    if (at !== undefined && walked.has(at)) inCycles += path.length - path.indexOf(at)
    const state = (at !== undefined ? states.get(at) : undefined) ?? OUTSIDE
    for (const one of path) states.set(one, state)
    if (states.get(id) === INSIDE && protocol.root === root) inside++
  }
  return { round: simulation.now / PERIOD, inside: inside / live.length, deadRoot, inCycles, depth, children }
}

function caseOf({ nodes, loss }: Plan): string {
  return `N = ${nodes}${loss > 0 ? `, ${loss * 100} % of messages lost` : ''}`
}

function report(courses: readonly Course[]): Result {
  const columns = ['nodes', 'loss', 'round', 'inside', 'dead_root', 'in_cycles', 'depth', 'children']
  const table = courses.flatMap(({ nodes, loss, looks }) =>
    looks.map((one) => [nodes, loss, one.round, one.inside, one.deadRoot, one.inCycles, one.depth, one.children]),
  )
  const svg = drawn({
    title: 'Share of the nodes in the one tree',
    x: { label: `round; the root dies after ${PHASES.growth}, half of the nodes after ${PHASES.growth + PHASES.root}` },
    y: { label: 'share', from: 0, to: 1 },
    series: courses.map((course) => ({
      name: `${course.nodes}${course.loss > 0 ? ', 20 % loss' : ''}`,
      points: course.looks.map(({ round: at, inside }) => [at, inside] as const),
    })),
  })
  return {
    rows: courses.flatMap(rowsFor),
    tables: [{ name: 'spanning-tree', columns, rows: table }],
    figures: [{ name: 'spanning-tree', svg }],
  }
}

function rowsFor(course: Course): Row[] {
  const { nodes, loss, looks, load } = course
  const row = rowsOf(caseOf(course))
  const [growth, root, half] = [
    looks.slice(0, PHASES.growth * LOOKS),
    looks.slice(PHASES.growth * LOOKS, -PHASES.half * LOOKS),
    looks.slice(-PHASES.half * LOOKS),
  ] as [Look[], Look[], Look[]]
  const whole = loss > 0 ? 0.99 : 1
  const share = loss > 0 ? '99 %' : 'all'
  const log = Math.ceil(Math.log2(nodes))
  const rest = growth.slice(-10 * LOOKS)
  const inside = rest.reduce((sum, one) => sum + one.inside, 0) / rest.length
  // With loss a beacon that was sent before the root died is under way for a few rounds.
  const gone = rounds(root, ({ deadRoot }) => deadRoot <= (1 - whole) * nodes)
  const goneWithin = loss > 0 ? 2 * GONE : GONE
  const [formed, again] = [growth, root].map((part) => rounds(part, (one) => one.inside >= whole))
  // Half of everybody's contacts are dead, nobody is told, and the tree over the rest is three times as deep.
  const most = loss > 0 ? 0.97 : 1
  const recovered = rounds(half, (one) => one.inside >= most)
  const late = loss > 0 ? 3 : 1
  const cycles = longest(looks, ({ inCycles }) => inCycles > 0)
  const depth = growth.at(-1)?.depth ?? 0
  const children = Math.max(...looks.map((one) => one.children))
  const deepest = Math.max(...looks.map((one) => one.depth))
  return [
    row(
      `rounds until ${share} are in one tree`,
      `<= ${late * log} (${late > 1 ? `${late} ` : ''}log2 N)`,
      formed ?? 'never',
      (formed ?? NEVER) <= late * log,
    ),
    row(
      'share in the tree, mean of ten rounds at rest',
      `>= ${loss > 0 ? 0.98 : 1}`,
      round(inside, 5),
      inside >= (loss > 0 ? 0.98 : 1),
    ),
    row(
      `rounds until ${share === 'all' ? 'nobody' : '1 %'} has the dead root`,
      `<= ${goneWithin}`,
      gone ?? 'never',
      (gone ?? NEVER) <= goneWithin,
    ),
    row(
      `rounds until ${share} are in the next root's tree`,
      `<= ${late * log}`,
      again ?? 'never',
      (again ?? NEVER) <= late * log,
    ),
    row(
      `rounds until ${most < 1 ? '97 %' : share} of the rest are in one tree, half of the nodes dead`,
      `<= ${2 * late * log}`,
      recovered ?? 'never',
      (recovered ?? NEVER) <= 2 * late * log,
    ),
    row('longest time of any cycle, rounds', `<= ${GONE}`, cycles / LOOKS, cycles / LOOKS <= GONE),
    row('children, most', `<= ${FAN_OUT}`, children, children <= FAN_OUT),
    row('depth at rest / most ever', `<= ${MAX_DEPTH}`, `${depth} / ${deepest}`, deepest <= MAX_DEPTH),
    ...load,
  ]
}

/** Rounds from the beginning of a phase until this holds. */
function rounds(part: readonly Look[], holds: (one: Look) => boolean): number | undefined {
  const at = part.findIndex(holds)
  return at < 0 ? undefined : (at + 1) / LOOKS
}

/** Looks in a row for which this holds, at most. */
function longest(looks: readonly Look[], holds: (one: Look) => boolean): number {
  let most = 0
  let now = 0
  for (const one of looks) {
    now = holds(one) ? now + 1 : 0
    most = Math.max(most, now)
  }
  return most
}
