import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Protocol } from '../../core/environment.ts'
import type { Random } from '../../core/random.ts'
import { randomGraph } from '../observers/graph.ts'
import type { SimulatedNode } from './node.ts'
import type { Make, NodeInit, Simulation } from './simulation.ts'

/**
 * How an overlay begins: when each node joins and whom it knows then. Nodes are numbers, `first` to `first + nodes - 1`, in the
 * order in which they join. A node knows only nodes that join no later than itself.
 */
export interface Start {
  readonly first: number
  readonly nodes: number
  /** ms from the beginning until the node joins. */
  at(node: number): number
  knows(node: number): readonly number[]
}

/** Everybody is there at once and knows `degree` others, each as likely as any. @param degree 1 to nodes - 1 */
export function randomStart({ nodes, degree, random }: { nodes: number; degree: number; random: Random }): Start {
  checkWhole(nodes, 1, 'nodes')
  checkDegree(degree, nodes)
  const graph = randomGraph(nodes, degree, random)
  return { first: 0, nodes, at: () => 0, knows: (node) => graph.out(node) }
}

/** Everybody is there at once and knows the `degree` nearest by number on a ring, half of them on each side. @param degree even */
export function latticeStart({ nodes, degree }: { nodes: number; degree: number }): Start {
  checkWhole(nodes, 1, 'nodes')
  checkDegree(degree, nodes)
  if (degree % 2 === 1)
    throw new RangeError(`a ring lattice has half of its links on each side: degree ${degree} is odd`)
  const knows = (node: number) =>
    Array.from({ length: degree }, (_, i) => {
      const step = (i >> 1) + 1
      return (node + (i % 2 === 0 ? step : nodes - step)) % nodes
    })
  return { first: 0, nodes, at: () => 0, knows }
}

/** Everybody knows node 0 and nobody else. @param within ms over which they join, at equal intervals @default 0 */
export function bootstrapStart({ nodes, within = 0 }: { nodes: number; within?: number }): Start {
  checkWhole(nodes, 1, 'nodes')
  checkTime(within, 'the time within which nodes join')
  return { first: 0, nodes, at: (node) => (node * within) / nodes, knows: (node) => (node === 0 ? [] : [0]) }
}

/**
 * `perRound` nodes join at the beginning of every round of `period` ms. A newcomer knows the oldest node alone (Jelasity et al.,
 * Gossip-based peer sampling, 2007: the growing scenario), or with `random` a random one of those that joined in earlier rounds.
 */
export function growingStart(growth: { nodes: number; perRound: number; period: number; random?: Random }): Start {
  const { nodes, perRound, period, random } = growth
  checkWhole(nodes, 1, 'nodes')
  checkWhole(perRound, 1, 'nodes a round')
  checkTime(period, 'a round')
  const round = (node: number) => Math.floor(node / perRound)
  const known = Int32Array.from({ length: nodes }, (_, node) => {
    const earlier = round(node) * perRound
    return random === undefined || earlier === 0 ? 0 : random.integer(earlier)
  })
  const knows = (node: number) => (node === 0 ? [] : [known[node] as number])
  return { first: 0, nodes, at: (node) => round(node) * period, knows }
}

/**
 * A flash crowd: `nodes` more join at random times within `within` ms, each through a random one of the seeds.
 *
 * @param crowd first: number of the first of them, the number of nodes that are there already; seeds: numbers of some of those
 */
export function flashCrowd(crowd: {
  first: number
  nodes: number
  within: number
  seeds: readonly number[]
  random: Random
}): Start {
  const { first, nodes, within, seeds, random } = crowd
  checkWhole(nodes, 1, 'nodes')
  checkWhole(first, 1, 'the first number')
  checkTime(within, 'the time within which nodes join')
  if (seeds.length === 0) throw new RangeError('a flash crowd needs a seed to join through')
  for (const seed of seeds) {
    if (!(Number.isInteger(seed) && seed >= 0 && seed < first))
      throw new RangeError(`node ${seed} cannot be a seed: it is not there`)
  }
  const times = Float64Array.from({ length: nodes }, () => random.float() * within).sort()
  const through = Int32Array.from({ length: nodes }, () => random.pick(seeds) as number)
  return {
    first,
    nodes,
    at: (node) => times[node - first] as number,
    knows: (node) => [through[node - first] as number],
  }
}

/** What a simulation needs to know of an overlay to let nodes join it. */
export interface Overlay<Message, P> {
  readonly make: Make<Message, P>
  /** Tells a node, when it joins, whom it knows. */
  introduce(protocol: P, peers: readonly PeerDescriptor[]): void
  /** What else a node is given; not its id, which is `n` and its number. */
  init?(node: number): Omit<NodeInit, 'id'>
}

/**
 * Adds the nodes of a start to a simulation, each at its time from now and under the id `n<number>`, and introduces it to those it
 * knows. Those of the same time are all there before the first of them is introduced.
 */
export function begin<Message, P extends Protocol<Message>>(
  simulation: Simulation<Message, P>,
  start: Start,
  overlay: Overlay<Message, P>,
): void {
  const began = simulation.now
  const last = start.first + start.nodes - 1
  const from = (next: number) => {
    const time = start.at(next)
    let node = next
    for (; node <= last && start.at(node) === time; node++) join(simulation, overlay, node)
    for (let each = next; each < node; each++) {
      const peers = start.knows(each).map((known) => simulation.node(`n${known}`).self)
      overlay.introduce(simulation.node(`n${each}`).protocol, peers)
    }
    if (node > last) return
    const then = node
    simulation.after(began + start.at(then) - simulation.now, () => from(then))
  }
  if (start.at(start.first) === 0) from(start.first)
  else simulation.after(start.at(start.first), () => from(start.first))
}

/** Adds a node of an overlay under the id of its number. */
export function join<Message, P extends Protocol<Message>>(
  simulation: Simulation<Message, P>,
  { make, init }: Overlay<Message, P>,
  node: number,
): SimulatedNode<Message, P> {
  return simulation.add({ ...init?.(node), id: `n${node}` }, make)
}

function checkWhole(number: number, least: number, what: string): void {
  if (!(Number.isSafeInteger(number) && number >= least)) {
    throw new RangeError(`${what}: a whole number from ${least}, got ${number}`)
  }
}

function checkDegree(degree: number, nodes: number): void {
  checkWhole(degree, 1, 'degree')
  if (degree >= nodes) throw new RangeError(`a node cannot know ${degree} others of ${nodes} nodes`)
}

function checkTime(ms: number, what: string): void {
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`${what} is a number of ms, got ${ms}`)
}
