import { TokenBucket } from '../../../core/bucket.ts'
import { descriptorSize, type PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import type { Random } from '../../../core/random.ts'
import { Rounds } from '../../../core/rounds.ts'
import type { SamplingMessage } from '../../../overlays/sampling/codec.ts'
import { Sampling, type SamplingOptions } from '../../../overlays/sampling/sampling.ts'
import type { Graph } from '../../observers/graph.ts'
import { Simulation } from '../../simulator/simulation.ts'

/** ms between two rounds of a node: one cycle of the papers. */
export const CYCLE = 1000

/** The node's gossip budget as in protocols/options.ts: bytes in any second. */
export const BUDGET = 256 * 1024
const BURST = BUDGET / 4

/** c of the papers' experiments. */
export const VIEW = 30

/** PAPERS section 2. */
export const NEWSCAST: Partial<SamplingOptions> = { slots: 0, hearsay: true, heal: VIEW / 2, swap: 0 }
export const CYCLON: Partial<SamplingOptions> = { slots: 0, hearsay: true, heal: 0, swap: VIEW / 2, oldest: true }

/** A node that samples. */
class Sampler implements Protocol<SamplingMessage> {
  readonly sampling: Sampling
  readonly #rounds: Rounds<Parameters<Sampling['absorb']>[1], Parameters<Sampling['absorb']>[1]>

  constructor(environment: Environment<SamplingMessage>, { options, unpaced = false }: OverlayInit, size: Size) {
    this.sampling = new Sampling(environment, { options })
    const budget = new TokenBucket(BUDGET - BURST, BURST)
    const pace = unpaced ? { pause: 0, reserve: 0 } : {}
    this.#rounds = new Rounds(environment, this.sampling, { period: CYCLE, budget, size, ...pace })
  }

  start(): void {
    this.#rounds.start()
  }

  stop(): void {
    this.#rounds.stop()
  }

  receive(from: PeerDescriptor, message: SamplingMessage): void {
    this.#rounds.receive(from, message)
  }
}

type Size = (message: SamplingMessage) => number

export interface OverlayInit {
  readonly nodes: number
  readonly seed: number
  readonly options: Partial<SamplingOptions>
  /** Rounds answers whoever asks, as often as it asks. @default false */
  readonly unpaced?: boolean
}

/** Peer sampling alone on the simulator, event by event through Rounds. Every node has an address group of its own. */
export class Overlay {
  readonly simulation: Simulation<SamplingMessage>
  readonly random: Random
  readonly #init: OverlayInit
  readonly #samplers: Sampler[] = []
  /** Whoever was taken over. */
  readonly hostile = new Set<string>()
  readonly #size: Size

  constructor(init: OverlayInit) {
    this.#init = init
    // Every descriptor is counted as if it were as large as the largest.
    let each = 0
    this.#size = ({ body }) => 16 + body.length * (each + 8)
    const codec = { encode: unused, decode: unused, size: this.#size }
    this.simulation = new Simulation<SamplingMessage>({ seed: init.seed, codec })
    this.random = this.simulation.random.fork('overlay')
    for (let i = 0; i < init.nodes; i++) this.#add()
    each = this.simulation.nodes.reduce((most, { self }) => Math.max(most, descriptorSize(self)), 0)
  }

  /** Everybody knows `VIEW` others at random. */
  startRandom(): void {
    const all = this.peers()
    this.#samplers.forEach((sampler, i) => {
      const known = new Set<number>()
      while (known.size < Math.min(VIEW, all.length - 1)) {
        const other = this.random.integer(all.length)
        if (other !== i) known.add(other)
      }
      this.#begin(
        sampler,
        [...known].map((other) => all[other] as PeerDescriptor),
      )
    })
  }

  /** A ring in which everybody knows the `VIEW` nearest. */
  startLattice(): void {
    const all = this.peers()
    this.#samplers.forEach((sampler, i) => {
      const known: PeerDescriptor[] = []
      for (let d = 1; d <= VIEW / 2; d++) {
        known.push(
          all[(i + d) % all.length] as PeerDescriptor,
          all[(i - d + all.length) % all.length] as PeerDescriptor,
        )
      }
      this.#begin(sampler, known)
    })
  }

  /** So many more a cycle, each of which knows the first node; runs until all are there. @param count nodes in all */
  grow(count: number, perCycle: number, each: () => void): void {
    const [first] = this.peers() as [PeerDescriptor]
    this.#samplers[0]?.start()
    while (this.#samplers.length < count) {
      for (let i = 0; i < perCycle && this.#samplers.length < count; i++) this.#begin(this.#add(), [first])
      this.cycles(1)
      each()
    }
  }

  cycles(count: number): void {
    this.simulation.run(count * CYCLE)
  }

  get nodes(): number {
    return this.#samplers.length
  }

  peers(): PeerDescriptor[] {
    return this.simulation.nodes.map(({ self }) => self)
  }

  sampling(index: number): Sampling {
    return (this.#samplers[index] as Sampler).sampling
  }

  /** Indices of the living nodes that still do what they should. */
  honest(): number[] {
    return this.simulation.nodes.filter(({ alive, id }) => alive && !this.hostile.has(id)).map(({ index }) => index)
  }

  /** Silent death of so many. */
  kill(count: number): void {
    for (const index of this.random.sample(this.honest(), count)) this.simulation.kill(this.#id(index))
  }

  /** So many nodes are someone else's from now on. */
  corrupt(count: number, make: (environment: Environment<SamplingMessage>) => Protocol<SamplingMessage>): void {
    const taken = this.random.sample(this.honest(), count)
    for (const index of taken) this.hostile.add(this.#id(index))
    for (const index of taken) this.simulation.corrupt(this.#id(index), (environment) => make(environment))
  }

  /** The views of the living, dead links left out. */
  graph(): Graph {
    const live = this.honest()
    const places = new Map(live.map((index, place) => [this.#id(index), place]))
    const rows = live.map((index) =>
      this.sampling(index)
        .view.map(({ id }) => places.get(id))
        .filter((place) => place !== undefined),
    )
    return { nodes: rows.length, out: (node) => rows[node] ?? [] }
  }

  /** Links of the living that lead to the dead, as a share of their links. */
  deadLinks(): number {
    let dead = 0
    let all = 0
    const gone = new Set(this.simulation.nodes.filter(({ alive }) => !alive).map(({ id }) => id))
    for (const index of this.honest()) {
      for (const { id } of this.sampling(index).view) {
        all++
        if (gone.has(id)) dead++
      }
    }
    return all === 0 ? 0 : dead / all
  }

  #id(index: number): string {
    return (this.simulation.nodes[index] as { id: string }).id
  }

  #add(): Sampler {
    const make = (environment: Environment<SamplingMessage>) =>
      new Sampler(environment, { ...this.#init, options: { view: VIEW, ...this.#init.options } }, this.#size)
    const { protocol } = this.simulation.add({ start: false }, make)
    this.#samplers.push(protocol)
    return protocol
  }

  #begin(sampler: Sampler, known: readonly PeerDescriptor[]): void {
    sampler.sampling.introduce(known)
    sampler.start()
  }
}

function unused(): never {
  throw new Error('messages stay objects here')
}
