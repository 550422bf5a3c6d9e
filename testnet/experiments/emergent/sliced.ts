import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { type RoundMessage, Rounds } from '../../../core/rounds.ts'
import { slicesCodec } from '../../../overlays/slices/codec.ts'
import { Slices } from '../../../overlays/slices/slices.ts'
import type { SignedValue } from '../../../overlays/slices/value.ts'
import { Simulation } from '../../simulator/simulation.ts'
import type { Flow } from '../../simulator/traffic.ts'
import { Ordering, type Pair } from './ordering.ts'

export const PERIOD = 1000
/** Bytes a node may send in any second. */
export const BUDGET = 16_384
/** A pair of numbers and an id. */
const PAIR_BYTES = 40

export type Method = 'ranking' | 'ordering'
type Offer = Pair | null
type Answer = Pair | readonly SignedValue[]
type Message = RoundMessage<Offer, Answer>

interface Node {
  readonly id: string
  readonly value: number
  /** Its rank as it believes. */
  rank(): number
  readonly values: () => number
}

export interface Setup {
  readonly method: Method
  readonly seed: number
  /** Of the nodes at the start. */
  readonly values: readonly number[]
  /** ms for which ranking remembers. */
  readonly expiry: number
}

/**
 * Nodes that find their slices, by either method: one exchange a node and round with a node at random, which stands for peer
 * sampling. Messages take 10-50 ms.
 */
export class Sliced {
  readonly simulation: Simulation<Message, Rounds<Offer, Answer>>
  readonly #setup: Setup
  #live: Node[] = []
  #peers: PeerDescriptor[] = []
  /** By index: the cycles in which each node that ever was lived. */
  readonly #cycles: number[] = []
  #highest: number

  constructor(setup: Setup) {
    this.#setup = setup
    const size = sizeOf(setup.method)
    const codec = { size, encode: () => new Uint8Array(0), decode: () => undefined as never }
    this.simulation = new Simulation({ seed: setup.seed, codec })
    this.#highest = setup.values.reduce((most, value) => Math.max(most, value), 0)
    for (const value of setup.values) this.#add(value)
  }

  /** One round; before it this share of the nodes, those with the lowest values, makes way for as many that have higher ones than any. */
  cycle(churn = 0): void {
    const count = Math.round(churn * this.#live.length)
    if (count > 0) {
      const leaving = new Set(sorted(this.#live).slice(0, count))
      this.#live = this.#live.filter((node) => !leaving.has(node))
      const gone = new Set([...leaving].map(({ id }) => id))
      this.#peers = this.#peers.filter(({ id }) => !gone.has(id))
      for (const id of gone) this.simulation.kill(id)
      for (let i = 0; i < count; i++) this.#add(++this.#highest)
    }
    this.simulation.run(PERIOD)
    for (const { index, alive } of this.simulation.nodes)
      if (alive) this.#cycles[index] = (this.#cycles[index] ?? 0) + 1
  }

  /** What every node that ever lived sent in a cycle of its life. */
  sentPerCycle(): { readonly sent: Flow }[] {
    return this.simulation.nodes.map(({ index, sent }) => {
      const cycles = this.#cycles[index] ?? 1
      return { sent: { ...sent, messages: sent.messages / cycles, bytes: sent.bytes / cycles } }
    })
  }

  /**
   * How many slices nodes are off, on average: the slice disorder measure (Fernandez et al.) of these slices over the nodes.
   * @param counts of slices
   */
  disorder(counts: readonly number[]): number[] {
    const off = counts.map(() => 0)
    const nodes = sorted(this.#live)
    for (const [i, node] of nodes.entries()) {
      const rank = node.rank()
      for (const [k, count] of counts.entries()) {
        const believed = Math.min(count - 1, Math.floor(rank * count))
        off[k] = (off[k] as number) + Math.abs(believed - Math.floor((i * count) / nodes.length))
      }
    }
    return off.map((sum) => sum / nodes.length)
  }

  /** Values that a node's estimate rests on, on average. */
  values(): number {
    return this.#live.reduce((sum, node) => sum + node.values(), 0) / this.#live.length
  }

  #add(value: number): void {
    const { method, expiry } = this.#setup
    let node: Node | undefined
    const { self } = this.simulation.add({}, (environment: Environment<Message>) => {
      const sample = () => this.#other(environment)
      const budget = new TokenBucket(BUDGET * 0.75, BUDGET * 0.25)
      const options = { period: PERIOD, budget, size: sizeOf(method) }
      const { id } = environment.self
      if (method === 'ordering') {
        const ordering = new Ordering(environment, () => value, sample)
        node = { id, value, rank: () => ordering.random, values: () => 0 }
        return new Rounds(environment as never, ordering, options as never) as unknown as Rounds<Offer, Answer>
      }
      const slices = new Slices(environment, {
        attribute: 'load',
        value: () => value,
        sample: () => [sample()].filter((peer) => peer !== undefined),
        options: { expiry },
      })
      const estimate = () => slices.estimate()
      node = { id, value, rank: () => estimate()?.rank ?? 0.5, values: () => estimate()?.values ?? 0 }
      return new Rounds(environment as never, slices, options as never) as unknown as Rounds<Offer, Answer>
    })
    this.#live.push(node as unknown as Node)
    this.#peers.push(self)
  }

  #other({ self, random }: Environment<Message>): PeerDescriptor | undefined {
    const peer = random.pick(this.#peers)
    return peer?.id === self.id ? undefined : peer
  }
}

function sorted(nodes: readonly Node[]): Node[] {
  return [...nodes].sort((a, b) => a.value - b.value || (a.id < b.id ? -1 : 1))
}

function sizeOf(method: Method): (message: Message) => number {
  return method === 'ordering' ? () => PAIR_BYTES : (message) => slicesCodec.size(message as never)
}
