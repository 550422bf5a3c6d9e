import type { Protocol, Timer } from '../../core/environment.ts'
import type { Random } from '../../core/random.ts'
import { exponential, logarithm } from './elementary.ts'
import { EventHeap } from './heap.ts'
import type { Simulation } from './simulation.ts'
import { join, type Overlay } from './start.ts'

/** A node comes or goes. Nodes are numbers. */
export interface ChurnEvent {
  /** ms since the churn began. */
  readonly at: number
  readonly node: number
  readonly state: 'up' | 'down'
}

/** A trace, checked and in the order of time; events of the same time stay in the order given. @throws RangeError naming the event */
export function churnTrace(events: readonly ChurnEvent[]): ChurnEvent[] {
  events.forEach(({ at, node, state }, i) => {
    const wrong = (what: string) => new RangeError(`event ${i} of the trace: ${what}`)
    if (!(at >= 0 && at < Number.POSITIVE_INFINITY)) throw wrong(`at is a number of ms, got ${at}`)
    if (!(Number.isSafeInteger(node) && node >= 0)) throw wrong(`node is a whole number, got ${node}`)
    if (state !== 'up' && state !== 'down') throw wrong(`state is up or down, got ${state}`)
  })
  return events.toSorted((a, b) => a.at - b.at)
}

/**
 * In every round a share of the nodes dies, each at a random moment of the round, and as many new ones come in at the same
 * moments. Who dies is drawn from all that are up, newcomers included. Never ends.
 *
 * @param churn nodes: 0 to nodes - 1 are up at first, newcomers are numbered from `nodes`; share: of the nodes, in one round, 0.01
 *   is 1 % (a share of a node is carried over to the next round); period: of a round, ms
 */
export function* replacement(churn: {
  nodes: number
  share: number
  period: number
  random: Random
}): Generator<ChurnEvent, never> {
  const { nodes, share, period, random } = churn
  checkNodes(nodes)
  if (!(share >= 0 && share <= 1)) throw new RangeError(`a share of the nodes is between 0 and 1, got ${share}`)
  checkDuration(period, 'a round')
  const up = Int32Array.from({ length: nodes }, (_, node) => node)
  let next = nodes
  let owed = 0
  for (let round = 0; ; round++) {
    owed += share * nodes
    // A share such as 0.1 of 10 nodes, added up, falls a little short of the whole.
    const due = Math.floor(owed + 1e-9)
    owed -= due
    const times = Float64Array.from({ length: due }, () => (round + random.float()) * period).sort()
    for (const at of times) {
      const place = random.integer(nodes)
      yield { at, node: up[place] as number, state: 'down' }
      up[place] = next++
      yield { at, node: up[place] as number, state: 'up' }
    }
  }
}

/** How long a node stays up, or away. Both kinds have the mean `mean`. */
export type Duration =
  /** Memoryless: how long it was up says nothing about how long it will be. */
  | { readonly distribution: 'exponential'; readonly mean: number }
  /**
   * Heavy-tailed, as sessions measured in peer-to-peer networks: most are short, a few very long, and who stayed long stays on.
   * No shorter than mean (shape - 1) / shape. shape > 1; the smaller, the heavier. @default 2, whose variance is infinite
   */
  | { readonly distribution: 'pareto'; readonly mean: number; readonly shape?: number }

/**
 * Nodes come and go, each on its own: up for a time of one distribution, away for a time of another, then back, the same node.
 * Without `away` a node never comes back: at the same moment a new one takes its place, numbered from `nodes`. Never ends.
 *
 * @param churn nodes: 0 to nodes - 1, all up at first, in the middle of their sessions: what is left of each is drawn as
 *   it would be of nodes found up at a random moment
 */
export function* sessions(churn: {
  nodes: number
  up: Duration
  away?: Duration
  random: Random
}): Generator<ChurnEvent, never> {
  const { nodes, up, away, random } = churn
  checkNodes(nodes)
  const session = drawOf(up)
  const absence = away && drawOf(away)
  const left = residualOf(up)
  /** Next change of each node, a node that comes back as the complement of its number. */
  const changes = new EventHeap(Math.max(16, nodes))
  for (let node = 0; node < nodes; node++) changes.push(left(random), node)
  for (let next = nodes; ; ) {
    const at = changes.time
    const value = changes.pop()
    if (value < 0) {
      yield { at, node: ~value, state: 'up' }
      changes.push(at + session(random), ~value)
    } else if (absence !== undefined) {
      yield { at, node: value, state: 'down' }
      changes.push(at + absence(random), ~value)
    } else {
      yield { at, node: value, state: 'down' }
      yield { at, node: next, state: 'up' }
      changes.push(at + session(random), next++)
    }
  }
}

/**
 * Makes events happen, each at its time from now; events without end are drawn as they are due.
 *
 * @param host anything whose time goes on: a Simulation @returns cancelled, the churn stops
 */
export function churn(
  host: { after(delay: number, task: () => void): unknown },
  events: Iterable<ChurnEvent>,
  nodes: { up(node: number): void; down(node: number): void },
): Timer {
  const iterator = events[Symbol.iterator]()
  let cancelled = false
  const next = (now: number) => {
    const { done, value } = iterator.next()
    if (done) return
    host.after(value.at - now, () => {
      if (cancelled) return
      if (value.state === 'up') nodes.up(value.node)
      else nodes.down(value.node)
      next(value.at)
    })
  }
  next(0)
  return {
    cancel: () => {
      cancelled = true
    },
  }
}

/**
 * What churn does to the nodes n<number> of an overlay. Down is silent death, or a crash. Up is a node that is added or, if it was
 * there before, restarted; it is introduced to random nodes that are up. A node that is up or down already stays it.
 *
 * @param options contacts: to how many it is introduced @default 1; crash: senders are told, see `Simulation.crash` @default false;
 *   keep: a node that comes back has what its disk kept, see `Simulation.restart` @default false
 */
export function turnover<Message, P extends Protocol<Message>>(
  simulation: Simulation<Message, P>,
  overlay: Overlay<Message, P>,
  options: { readonly contacts?: number; readonly crash?: boolean; readonly keep?: boolean } = {},
): { up(node: number): void; down(node: number): void } {
  const { contacts = 1, crash = false, keep = false } = options
  const down = (node: number) => {
    const id = `n${node}`
    if (!simulation.has(id)) return
    if (crash) simulation.crash(id)
    else simulation.kill(id)
  }
  const up = (node: number) => {
    const id = `n${node}`
    if (simulation.has(id) && simulation.node(id).alive) return
    const peers = Array.from({ length: contacts }, () => someone(simulation)).filter((peer) => peer !== undefined)
    const { protocol } = simulation.has(id)
      ? simulation.restart(id, overlay.make, { keep })
      : join(simulation, overlay, node)
    overlay.introduce(protocol, [...new Set(peers.map(({ self }) => self))])
  }
  return { up, down }
}

/** A random node that is alive. */
function someone<Message, P extends Protocol<Message>>(simulation: Simulation<Message, P>) {
  const { nodes, random } = simulation
  // After a long churn most nodes that ever were are dead: then all are looked at.
  for (let i = 0; i < 64 && nodes.length > 0; i++) {
    const node = nodes[random.integer(nodes.length)]
    if (node?.alive) return node
  }
  return random.pick(nodes.filter(({ alive }) => alive))
}

/** -ln of a uniform variable: exponential with mean 1. */
function unit(random: Random): number {
  return -logarithm((random.word() + 1) / 0x1_0000_0000)
}

function shapeOf({ shape = 2 }: Extract<Duration, { distribution: 'pareto' }>): number {
  if (!(shape > 1 && shape < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`a Pareto distribution with a mean has a shape above 1, got ${shape}`)
  }
  return shape
}

function drawOf(duration: Duration): (random: Random) => number {
  const { mean } = duration
  checkDuration(mean, 'a mean duration')
  if (duration.distribution === 'exponential') return (random) => mean * unit(random)
  const shape = shapeOf(duration)
  const least = (mean * (shape - 1)) / shape
  return (random) => least * exponential(unit(random) / shape)
}

/**
 * What is left of the session that a random moment falls into: its density is proportional to the share of sessions that are
 * longer. Pareto: with probability (shape - 1) / shape uniform below the least, otherwise Pareto again with shape - 1.
 */
function residualOf(duration: Duration): (random: Random) => number {
  if (duration.distribution === 'exponential') return drawOf(duration)
  const shape = shapeOf(duration)
  const least = (duration.mean * (shape - 1)) / shape
  return (random) =>
    random.chance((shape - 1) / shape) ? random.float() * least : least * exponential(unit(random) / (shape - 1))
}

function checkNodes(nodes: number): void {
  if (!(Number.isSafeInteger(nodes) && nodes > 0)) throw new RangeError(`churn needs nodes, got ${nodes}`)
}

function checkDuration(ms: number, what: string): void {
  if (!(ms > 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`${what} is a positive number of ms, got ${ms}`)
}
