import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Random } from '../../../core/random.ts'
import { superPeersCodec } from '../../../overlays/superpeers/codec.ts'
import type { SuperPeersMessage } from '../../../overlays/superpeers/messages.ts'
import { SuperPeers } from '../../../overlays/superpeers/superpeers.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { type Axis, drawn } from '../chart.ts'
import type { Experiment, Result, Row, Trial } from '../experiment.ts'
import { loadRows, rowsOf } from './rows.ts'

const PERIOD = 1000
/** Rounds before and after half of the super-peers die; ten times the nodes take some twenty more. */
const ROUNDS = { quick: 50, full: 80 }
/** Rounds by which everybody must be assigned again: the patience of clients, and a few to find another. */
const REASSIGNED = 13
/** Bytes a node may send in any second. */
const BUDGET = 512 * 1024
/** Largest capacity of either law. */
const MOST = 500
/** Random contacts of a node, some of them dead after the deaths: they stand for peer sampling. */
const CONTACTS = 20
/** How far above the fewest super-peers is good: this share, and one. */
const NEAR = 1.05

interface Case {
  readonly name: string
  readonly nodes: number
  capacity(random: Random): number
}

const uniform = { name: 'capacity U[1, 500]', capacity: (random: Random) => 1 + random.integer(MOST) }
const powerLaw = {
  name: 'capacity power law 2',
  capacity: (random: Random) => Math.min(MOST, Math.floor(1 / (1 - random.float()))),
}
const QUICK: readonly Case[] = [uniform, powerLaw].map((law) => ({ ...law, nodes: 1000 }))
const FULL: readonly Case[] = [
  ...[1000, 10_000].flatMap((nodes) => [uniform, powerLaw].map((law) => ({ ...law, nodes }))),
  { ...uniform, nodes: 100_000 },
]

export const experiment: Experiment = {
  name: 'superpeers',
  title: 'super-peers fall to about as few as can serve all, everybody is assigned, and again after half of them die',
  source: 'Montresor, A Robust Protocol for Building Superpeer Overlay Topologies (SG-1): N = 10^3...10^6',
  heap: (quick) => (quick ? 0 : 4 * 2 ** 30),
  run(trial) {
    const cases = trial.quick ? QUICK : FULL
    const total = cases.reduce((sum, { nodes }) => sum + nodes, 0)
    let done = 0
    const courses = cases.map((what) => {
      const course = followed(what, trial, (share) => {
        trial.progress((done + share * what.nodes) / total, caseOf(what))
      })
      done += what.nodes
      return course
    })
    return report(courses)
  },
}

type Network = Simulation<SuperPeersMessage, SuperPeers>

/** The state of all live nodes after a round. */
interface State {
  readonly superPeers: number
  /** The fewest that could serve all that live. */
  readonly fewest: number
  /** Clients whose super-peer is dead. */
  readonly unassigned: number
  /** Clients whose super-peer lives and does not list them: a goodbye was overtaken by a new wish; the next renewal mends it. */
  readonly unlisted: number
  /** Clients that more than one live super-peer lists: their lease of a former place still runs. */
  readonly doubled: number
  /** Super-peers with more clients than their capacity. */
  readonly above: number
}

interface Course {
  readonly what: Case
  /** Rounds before the deaths, and after them. */
  readonly phase: number
  readonly states: readonly State[]
  readonly load: readonly Row[]
}

function followed(what: Case, { seed, quick }: Trial, progress: (share: number) => void): Course {
  const simulation: Network = new Simulation({ seed, codec: superPeersCodec })
  const peers: PeerDescriptor[] = []
  for (let i = 0; i < what.nodes; i++) {
    const attributes = { capacity: what.capacity(simulation.random) }
    const { self } = simulation.add({ attributes, start: false }, (environment) => {
      let contacts: readonly PeerDescriptor[] | undefined
      const sample = (count: number): readonly PeerDescriptor[] => {
        contacts ??= Array.from({ length: CONTACTS }, () => environment.random.pick(peers) as PeerDescriptor)
        return environment.random.sample(contacts, count).filter(({ id }) => id !== environment.self.id)
      }
      const budget = new TokenBucket(BUDGET * 0.75, BUDGET * 0.25)
      return new SuperPeers(environment, { capacityOf, sample, budget, period: PERIOD })
    })
    peers.push(self)
  }
  for (const { protocol } of simulation.nodes) protocol.start()
  const phase = quick ? ROUNDS.quick : ROUNDS.full
  const states: State[] = []
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      simulation.run(PERIOD)
      states.push(stateOf(simulation))
      progress(states.length / (2 * phase))
    }
  }
  rounds(phase)
  const serving = simulation.nodes.filter(({ protocol }) => protocol.superPeer === undefined)
  for (const { id } of simulation.random.sample(serving, Math.ceil(serving.length / 2))) simulation.kill(id)
  rounds(phase)
  const present = simulation.nodes.filter(({ alive }) => alive)
  return { what, phase, states, load: loadRows(caseOf(what), present, 2 * phase, BUDGET, simulation.nodes) }
}

function capacityOf({ attributes }: PeerDescriptor): number | undefined {
  return attributes.capacity
}

function stateOf(simulation: Network): State {
  /** Client -> a live super-peer that lists it. */
  const listedBy = new Map<string, string>()
  const twice = new Map<string, string[]>()
  const capacities: number[] = []
  let superPeers = 0
  let above = 0
  for (const { id, alive, protocol } of simulation.nodes) {
    if (!alive) continue
    capacities.push(protocol.capacity)
    if (protocol.superPeer === undefined) superPeers++
    const { clients } = protocol
    if (clients.length > protocol.capacity) above++
    for (const client of clients) {
      const other = listedBy.get(client.id)
      if (other === undefined) listedBy.set(client.id, id)
      else twice.set(client.id, [...(twice.get(client.id) ?? [other]), id])
    }
  }
  let unassigned = 0
  let unlisted = 0
  let doubled = 0
  for (const { id, alive, protocol } of simulation.nodes) {
    const superPeer = alive ? protocol.superPeer : undefined
    if (superPeer === undefined) continue
    if (!simulation.node(superPeer.id).alive) unassigned++
    else if (listedBy.get(id) !== superPeer.id && !twice.get(id)?.includes(superPeer.id)) unlisted++
    if (twice.has(id)) doubled++
  }
  return { superPeers, fewest: fewest(capacities), unassigned, unlisted, doubled, above }
}

/** The most capable first, each with itself, until all are served. */
function fewest(capacities: number[]): number {
  capacities.sort((a, b) => b - a)
  let served = 0
  let count = 0
  for (const capacity of capacities) {
    if (served >= capacities.length) break
    served += capacity + 1
    count++
  }
  return count
}

function caseOf({ name, nodes }: Case): string {
  return `N = ${nodes}, ${name}`
}

function report(courses: readonly Course[]): Result {
  const columns = ['case', 'round', 'super_peers', 'fewest', 'unassigned', 'unlisted', 'doubled', 'above_capacity']
  const table = courses.flatMap(({ what, states }) =>
    states.map(({ superPeers, fewest: best, unassigned, unlisted, doubled, above }, i) => {
      return [caseOf(what), i + 1, superPeers, best, unassigned, unlisted, doubled, above]
    }),
  )
  const chart = (name: string, title: string, y: Axis, of: (state: State) => number) => ({
    name,
    svg: drawn({
      title,
      x: { label: `round; half of the super-peers die after ${courses[0]?.phase}` },
      y,
      series: courses.flatMap(({ what, states }) => [
        { name: `${what.nodes}, ${what.name.slice(9)}`, points: states.map((state, i) => [i + 1, of(state)] as const) },
      ]),
    }),
  })
  return {
    rows: courses.flatMap(rowsFor),
    tables: [{ name: 'superpeers', columns, rows: table }],
    figures: [
      chart(
        'superpeers',
        'Super-peers over the fewest possible',
        { label: 'times the fewest possible', scale: 'log' },
        ({ superPeers, fewest: best }) => superPeers / best,
      ),
      chart(
        'superpeers-unassigned',
        'Clients without a live super-peer',
        { label: 'nodes', scale: 'linear' },
        ({ unassigned }) => unassigned,
      ),
    ],
  }
}

function rowsFor({ what, phase, states, load }: Course): Row[] {
  const row = rowsOf(caseOf(what))
  const before = states.slice(0, phase)
  const after = states.slice(phase)
  const near = (name: string, part: readonly State[]): Row => {
    const { superPeers, fewest: best } = part.at(-1) as State
    const allowed = Math.floor(best * NEAR) + 1
    return row(name, `<= ${allowed} (fewest possible: ${best})`, superPeers, superPeers <= allowed)
  }
  const first = before.findIndex(({ superPeers, fewest: best }) => superPeers <= Math.floor(best * NEAR) + 1)
  const last = after.findLastIndex(({ unassigned }) => unassigned > 0)
  const end = [before.at(-1), after.at(-1)] as [State, State]
  const lost = end.reduce((sum, { unassigned, unlisted }) => sum + unassigned + unlisted, 0)
  const doubled = end.map((state) => state.doubled).join(', ')
  const above = Math.max(...states.map((state) => state.above))
  return [
    row('rounds to as few super-peers as that', 'tens', first < 0 ? 'never' : first + 1, first >= 0),
    near(`super-peers after ${phase} rounds`, before),
    row(
      `rounds until everybody has one again, half of them dead`,
      `<= ${REASSIGNED}`,
      last + 1,
      last + 1 <= REASSIGNED,
    ),
    near(`super-peers ${phase} rounds after that`, after),
    row('clients that nobody serves in the end, both times', 0, lost, lost === 0),
    row('clients listed twice then: the lease of a place that was left still runs', null, doubled),
    row('super-peers above their capacity, most in any round', 0, above, above === 0),
    ...load,
  ]
}
