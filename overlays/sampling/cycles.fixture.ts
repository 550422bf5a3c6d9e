// The networks that the tests of this folder run in: samplers that gossip in synchronous cycles, in random order.
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import type { Aged } from './held.ts'
import { Sampling, type SamplingOptions } from './sampling.ts'

export interface Node {
  readonly id: string
  readonly self: PeerDescriptor
  readonly sampling: Sampling
}

/** Each number is a network of its own. */
export function peer(id: string, network: number, sequence = 1): PeerDescriptor {
  const address = `/ip4/${10 + (network >> 16)}.${(network >> 8) & 255}.${network & 255}.1/tcp/1`
  return describe({ id, addresses: [address], sequence, issued: 0 })
}

export function aged(descriptor: PeerDescriptor, age = 0): Aged {
  return { id: descriptor.id, peer: descriptor, age }
}

export interface NetworkOptions {
  readonly nodes: number
  readonly seed?: number
  readonly options?: Partial<SamplingOptions>
  /** The first so many are attackers. They answer, and push to 10 others a round, what `lies` makes. */
  readonly attackers?: number
  readonly pushes?: number
  /** Cycles that the attackers first behave for: they push to one other a round, and tell of anybody. @default 0 */
  readonly sleep?: number
  lies?(random: Random): readonly Aged[]
}

export class Network {
  readonly honest: readonly Node[]
  readonly attackers: ReadonlySet<string>
  readonly dead = new Set<string>()
  readonly random: Random
  now = 0
  readonly #all: readonly PeerDescriptor[]
  readonly #byId: ReadonlyMap<string, Node>
  readonly #init: NetworkOptions

  constructor(init: NetworkOptions) {
    const { nodes, seed = 1, options = {}, attackers = 0 } = init
    this.#init = init
    this.random = new Random(seed)
    this.#all = Array.from({ length: nodes }, (_, i) => peer(`n${i}`, i))
    this.attackers = new Set(this.#all.slice(0, attackers).map(({ id }) => id))
    this.honest = this.#all.slice(attackers).map((self) => ({
      id: self.id,
      self,
      sampling: new Sampling({ self, random: this.random.fork(self.id), now: () => this.now }, { options }),
    }))
    this.#byId = new Map(this.honest.map((node) => [node.id, node]))
  }

  /** Everybody knows `count` others at random, attackers among them. */
  startRandom(count = 30): void {
    for (const { id, sampling } of this.honest) {
      sampling.introduce(this.random.sample(this.#all, count + 1).filter((other) => other.id !== id))
    }
  }

  /** Everybody knows one and the same honest node. */
  startFromOne(): void {
    const bootstrap = this.honest[0] as Node
    for (const { sampling } of this.honest) sampling.introduce([bootstrap.self])
  }

  get live(): readonly Node[] {
    return this.honest.filter(({ id }) => !this.dead.has(id))
  }

  cycles(count: number): void {
    for (let i = 0; i < count; i++) this.#cycle()
  }

  #cycle(): void {
    const { attackers = 0, sleep = 0 } = this.#init
    this.now += 1000
    const asleep = this.now <= sleep * 1000
    const pushes = asleep ? 1 : (this.#init.pushes ?? 10)
    const truth = (random: Random) => random.sample(this.#all, 15).map((one) => aged(one))
    const lies = asleep ? truth : (this.#init.lies ?? (() => []))
    for (const { self, sampling } of this.random.sample(this.live, this.live.length)) {
      const partner = sampling.partner()
      if (partner === undefined) continue
      const offer = sampling.offer(partner)
      const other = this.#byId.get(partner.id)
      const answer = this.attackers.has(partner.id)
        ? lies(this.random)
        : this.dead.has(partner.id)
          ? undefined
          : other?.sampling.answer(self, offer)
      if (answer === undefined) sampling.missed(partner, 'timeout')
      else sampling.absorb(partner, answer)
    }
    for (const attacker of this.#all.slice(0, attackers)) {
      for (const target of this.random.sample(this.honest, pushes)) {
        target.sampling.answer(attacker, lies(this.random))
      }
    }
  }

  /** How much of the views, and of what `sample` gives, is of the kind. */
  share(kind: (id: string) => boolean): { view: number; sample: number } {
    const views = this.live.flatMap(({ sampling }) => sampling.view.map(({ id }) => id))
    const samples = this.live.flatMap(({ sampling }) => sampling.sample(8).map(({ id }) => id))
    return { view: views.filter(kind).length / views.length, sample: samples.filter(kind).length / samples.length }
  }

  inDegrees(): number[] {
    const degrees = new Map(this.live.map(({ id }) => [id, 0]))
    for (const { sampling } of this.live) {
      for (const { id } of sampling.view) if (degrees.has(id)) degrees.set(id, (degrees.get(id) as number) + 1)
    }
    return [...degrees.values()]
  }

  /** Size of the largest part of the live honest nodes that hangs together by their views, as a share of them. */
  connected(): number {
    const neighbours = new Map<string, string[]>(this.live.map(({ id }) => [id, []]))
    for (const { id, sampling } of this.live) {
      for (const { id: other } of sampling.view) {
        neighbours.get(other)?.push(id)
        if (neighbours.has(other)) neighbours.get(id)?.push(other)
      }
    }
    const seen = new Set<string>()
    let largest = 0
    for (const start of neighbours.keys()) {
      if (seen.has(start)) continue
      const before = seen.size
      const open = [start]
      seen.add(start)
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        for (const next of neighbours.get(id) ?? []) {
          if (seen.has(next)) continue
          seen.add(next)
          open.push(next)
        }
      }
      largest = Math.max(largest, seen.size - before)
    }
    return largest / neighbours.size
  }
}

export function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
