import { TokenBucket } from '../../../core/bucket.ts'
import { describe, type PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Task } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import type { BeliefKind } from '../../../protocols/broadcast/reliable/belief.ts'
import type { Trust } from '../../../protocols/broadcast/reliable/believed.ts'
import { type ReliableMessage, reliableCodec } from '../../../protocols/broadcast/reliable/codec.ts'
import { Reliable } from '../../../protocols/broadcast/reliable/reliable.ts'
import type { Topology } from './topology.ts'

/** ms. Nothing here takes time but a step. */
const PERIOD = 1000
const EPOCH = 1_700_000_000_000

/** Which algorithm learns. */
export interface Learner {
  readonly belief: BeliefKind
  readonly trust: Trust
}
export const PAPER: Learner = { belief: 'intervals', trust: 'nearest' }
export const OURS: Learner = { belief: 'counters', trust: 'witnesses' }

export interface Rates {
  /** P by node. */
  readonly processes: number[]
  /** L by link, in the topology's order. */
  readonly links: number[]
}

/** The same everywhere, as in the paper. */
export function uniformRates({ nodes, links }: Topology, process: number, link: number): Rates {
  return { processes: Array.from({ length: nodes }, () => process), links: links.map(() => link) }
}

/** Heartbeats and bytes of a node. */
interface Carried {
  messages: number
  bytes: number
}

/**
 * The paper's system model, with the real protocol in every process: in each step a process crashes with probability P and then
 * neither sends nor receives, links lose messages with probability L, all else happens in lock step. (The simulator's crash
 * ends a process, and its loss knows no steps.)
 */
export class Steps {
  readonly topology: Topology
  /** Can be changed between steps. */
  readonly rates: Rates
  readonly processes: readonly Reliable[]
  readonly carried: readonly Carried[]
  readonly #random: Random
  readonly #peers: readonly PeerDescriptor[]
  readonly #tasks: (Task | undefined)[] = []
  /** Link number by both ends. */
  readonly #links = new Map<number, number>()
  #outbox: { readonly from: number; readonly to: number; readonly message: ReliableMessage }[] = []
  #steps = 0

  constructor(topology: Topology, rates: Rates, learner: Learner, seed: number) {
    this.topology = topology
    this.rates = rates
    this.#random = new Random(seed).fork('steps')
    const numbers = Array.from({ length: topology.nodes }, (_, i) => i)
    this.#peers = numbers.map((i) => describe({ id: `n${i}`, addresses: [], sequence: 1, issued: EPOCH }))
    this.carried = numbers.map(() => ({ messages: 0, bytes: 0 }))
    const contacts: PeerDescriptor[][] = numbers.map(() => [])
    for (const [link, [a, b]] of topology.links.entries()) {
      contacts[a]?.push(this.#peers[b] as PeerDescriptor)
      contacts[b]?.push(this.#peers[a] as PeerDescriptor)
      this.#links.set(a * topology.nodes + b, link)
      this.#links.set(b * topology.nodes + a, link)
    }
    const byId = new Map(this.#peers.map(({ id }, i) => [id, i]))
    this.processes = numbers.map((i) => {
      const near = contacts[i] ?? []
      const budget = new TokenBucket(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      // The paper's heartbeats carry everything, and a process's estimates as they are now.
      const options = { ...learner, period: PERIOD, renewal: 1, reports: 256, heartbeatBytes: 1 << 20 }
      const init = { contacts: () => near, budget, accept: () => 'new' as const }
      return new Reliable(this.#environment(i, byId, new Random(seed).fork(`n${i}`)), init, options)
    })
    for (const process of this.processes) process.start()
  }

  /** Heartbeats sent so far, a link. */
  get messagesPerLink(): number {
    return this.carried.reduce((sum, { messages }) => sum + messages, 0) / this.topology.links.length
  }

  get steps(): number {
    return this.#steps
  }

  step(): void {
    this.#steps++
    const up = this.rates.processes.map((rate) => !this.#random.chance(rate))
    for (const [i, task] of this.#tasks.entries()) {
      if (!up[i] || task === undefined) continue
      if (typeof task === 'function') task()
      else task.turn()
    }
    const outbox = this.#outbox
    this.#outbox = []
    for (const { from, to, message } of outbox) {
      const link = this.#links.get(from * this.topology.nodes + to) as number
      if (!up[to] || this.#random.chance(this.rates.links[link] as number)) continue
      this.processes[to]?.receive(this.#peers[from] as PeerDescriptor, message)
    }
  }

  /** What one process believes of the failure rate of each process and each link; undefined where it knows nothing yet. */
  beliefs(observer: number): { readonly processes: (number | undefined)[]; readonly links: (number | undefined)[] } {
    const network = (this.processes[observer] as Reliable).network()
    const places = new Map(network.positions.map((position, place) => [position, place]))
    const placeOf = this.#peers.map(({ position }) => places.get(position))
    return {
      processes: placeOf.map((place) => (place === undefined ? undefined : network.failures[place])),
      links: this.topology.links.map(([a, b]) => {
        const from = placeOf[a]
        const to = placeOf[b]
        return from === undefined ? undefined : network.links[from]?.find((link) => link.to === to)?.loss
      }),
    }
  }

  #environment(i: number, byId: ReadonlyMap<string, number>, random: Random): Environment<ReliableMessage> {
    const carried = this.carried[i] as Carried
    const none = { cancel: () => {} }
    let last: ReliableMessage | undefined
    let size = 0
    return {
      self: this.#peers[i] as PeerDescriptor,
      random,
      now: () => EPOCH + this.#steps * PERIOD,
      send: (to, message) => {
        // A heartbeat is the same to all neighbours: its size is counted once.
        if (message !== last) size = reliableCodec.size(message)
        last = message
        carried.messages++
        carried.bytes += size
        this.#outbox.push({ from: i, to: byId.get(to.id) as number, message })
      },
      after: () => none,
      every: (_, task) => {
        this.#tasks[i] = task
        return none
      },
    }
  }
}
