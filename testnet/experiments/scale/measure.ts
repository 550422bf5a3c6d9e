// The process of one measurement: started by `measured`, with nothing else in its heap. Says how far it is, and its result.

import { ringRanking } from '../../../overlays/tman/ring.ts'
import type { Load } from '../../observers/load.ts'
import { loadOf } from '../../observers/load.ts'
import { byPosition, chain, inOrder, missing } from '../tman/links.ts'
import { type Member, TManNetwork } from '../tman/network.ts'
import { AveragingNetwork, PERIOD } from './averaging.ts'
import { QueriedRing } from './queried-ring.ts'

/** What is measured. */
export type Task =
  | { readonly kind: 'averaging'; readonly nodes: number; readonly seed: number; readonly budgets: boolean }
  | { readonly kind: 'ring' | 'queried-ring'; readonly nodes: number; readonly seed: number }

export interface AveragingResult {
  readonly events: number
  /** Events per CPU-second in each interval, every thread of the process counted. */
  readonly rates: readonly number[]
  /** Heap and typed arrays after a collection, against what was there before the network. */
  readonly bytesPerNode: number
  /** Offers that were absorbed in time, of those sent. */
  readonly absorbed: number
  readonly trace: string
}

export interface RingResult {
  /** Cycles until no link was missing, or as far as it went. */
  readonly cycles: number
  readonly missing: number
  /** CPU seconds of each cycle. */
  readonly seconds: readonly number[]
  readonly load: Load
  /** Largest resident size of the process, bytes. */
  readonly peak: number
  readonly trace: string
}

export interface QueriedRingResult extends RingResult {
  readonly exact: boolean
  readonly hops: number
  /** Virtual. */
  readonly ms: number
}

/** Lines of the process's output. */
export type Line = { readonly share: number; readonly doing: string } | { readonly result: unknown }

const INTERVALS = 5
/** Cycles after which a ring is given up: one that needs more has a stuck tail. */
const CYCLES = 60

function averaging({ nodes, seed, budgets }: Task & { kind: 'averaging' }): AveragingResult {
  new AveragingNetwork(seed, 100, budgets).simulation.run(20 * PERIOD) // code that is compiled is no memory of a node
  const before = used()
  const { simulation } = new AveragingNetwork(seed, nodes, budgets)
  used() // moves the nodes to where they stay
  simulation.run(2 * PERIOD)
  const began = simulation.events
  const rates: number[] = []
  for (let i = 0; i < INTERVALS; i++) {
    say({ share: i / INTERVALS, doing: `averaging, ${nodes} nodes` })
    const events = simulation.events
    const seconds = cpu(() => simulation.run(PERIOD))
    rates.push((simulation.events - events) / seconds)
  }
  const events = simulation.events - began
  const bytesPerNode = (used() - before) / nodes
  let offers = 0
  let absorbed = 0
  for (const { protocol } of simulation.nodes) {
    offers += protocol.tally.get('offers')
    absorbed += protocol.tally.get('absorbed')
  }
  return { events, rates, bytesPerNode, absorbed: absorbed / offers, trace: simulation.traceHash }
}

function ring({ nodes, seed }: Task): RingResult {
  const network = new TManNetwork({ nodes, seed, ranking: ringRanking() })
  const course = complete(network)
  const load = loadOf(network.simulation.nodes, course.cycles)
  return { ...course, load, peak: peak(), trace: network.simulation.traceHash }
}

function queriedRing({ nodes, seed }: Task): QueriedRingResult {
  const network = new QueriedRing(nodes, seed)
  const course = complete(network)
  const load = loadOf(network.simulation.nodes, course.cycles)
  const { answer, ms, exact } = network.count()
  const { hops } = answer.cost
  return { ...course, load, exact, hops, ms, peak: peak(), trace: network.simulation.traceHash }
}

/** Cycle after cycle until the ring is there. */
function complete(network: { readonly members: readonly Member[]; cycle(): void }) {
  const { members } = network
  const links = chain(inOrder(members, byPosition), true)
  const seconds: number[] = []
  let left = missing(members, links)
  const all = left
  while (left > 0 && seconds.length < CYCLES) {
    seconds.push(cpu(() => network.cycle()))
    left = missing(members, links)
    say({ share: 1 - Math.log1p(left) / Math.log1p(all), doing: `${members.length} nodes, ${left} links missing` })
  }
  return { cycles: seconds.length, missing: left, seconds }
}

/** CPU seconds. */
function cpu(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

/** Bytes that live, after several collections: one leaves what only its own finalisers let go of. */
function used(): number {
  if (globalThis.gc === undefined) throw new Error('memory is measured with --expose-gc')
  for (let i = 0; i < 4; i++) globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function peak(): number {
  return process.resourceUsage().maxRSS * 1024
}

function say(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const task = JSON.parse(process.argv[2] as string) as Task
const result = task.kind === 'averaging' ? averaging(task) : task.kind === 'ring' ? ring(task) : queriedRing(task)
say({ result })
