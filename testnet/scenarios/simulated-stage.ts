import type { Environment } from '../../core/environment.ts'
import { sendingThrough } from '../../core/sending.ts'
import type { Missed } from '../../protocols/broadcast/order.ts'
import type { StackMessage } from '../../protocols/channels.ts'
import { type Outcome, Stack, type StackEvents, type StackInit } from '../../protocols/stack.ts'
import { SimulatedTestnet } from '../simulated.ts'
import { constant, type Latency, logNormal, uniform } from '../simulator/latency.ts'
import { DISGUISE, type DisguiseName } from './disguises.ts'
import { type End, Overlapping } from './overlapping.ts'
import type { Scenario } from './scenario.ts'
import type { Faults, Limits, Stage } from './stage.ts'

/** Makes a node's protocols; tests put a broken one here. */
export type MakeStack = (environment: Environment<StackMessage>, init: StackInit) => Stack

export interface SimulatedStageOptions {
  /** The real codec on every hop. */
  readonly wire?: boolean
  readonly make?: MakeStack
}

/** Told what happens inside nodes, while it happens. */
export interface Overseer {
  /** A node sends; `now` is its own clock's time. */
  sent(index: number, now: number, message: StackMessage): void
  /** A node's subscribers are told that these will not come. */
  missed(index: number, missed: Missed & { readonly from: string; readonly topic: string }): void
  /** A node takes a peer for alive that was unknown or gone to it. */
  up(index: number, id: string): void
}

/** What a testnet asks of its nodes is for it to bound: their rates are for strangers. */
const ASKING = { rate: 1000, burst: 1000 }

/** The name of all links, as others are `<from>><to>`, either of them left out for anybody. */
const EVERYWHERE = '>'

/** Simulated nodes in virtual time. */
export class SimulatedStage implements Stage, Faults {
  readonly testnet: SimulatedTestnet
  overseer: Overseer | undefined
  readonly #options: SimulatedStageOptions
  /** Rates at links by their names, see `lose`. */
  readonly #losses: Overlapping<string, number>
  /** By id, ms. */
  readonly #slow = new Map<string, number>()
  readonly #delays = new Overlapping<number, number>((index, ms) => {
    if (ms.length === 0) this.#slow.delete(this.#id(index))
    else
      this.#slow.set(
        this.#id(index),
        ms.reduce((all, one) => all + one),
      )
  })
  readonly #throttles: Overlapping<number, Limits>
  readonly #disguises = new Overlapping<number, DisguiseName>(() => undefined)
  #failure: Error | undefined

  constructor({ seed, network, start, stack }: Scenario, options: SimulatedStageOptions = {}) {
    this.#options = options
    const latency = modelOf(network.latency)
    const { reorder, bandwidth } = network
    this.testnet = new SimulatedTestnet({
      seed,
      latency: (random, from, to) =>
        latency(random, from, to) + (this.#slow.get(from.id) ?? 0) + (this.#slow.get(to.id) ?? 0),
      loss: network.loss,
      duplicate: network.duplicate,
      ...(reorder && { reorder: { rate: reorder.rate, ms: reorder.by } }),
      ...(bandwidth && { bandwidth }),
      wire: options.wire ?? false,
      stagger: start.stagger,
      stack: { ...stack, query: { ...ASKING, ...stack.query } },
      make: (environment, init, index) => this.#make(environment, init, index),
    })
    this.#losses = new Overlapping((link, rates) => {
      const [from, to] = link.split('>') as [string, string]
      const usual = link === EVERYWHERE ? network.loss : 0
      const rate = rates.reduce((all, one) => 1 - (1 - all) * (1 - one), usual)
      this.testnet.simulation.lose(rate, { ...(from !== '' && { from }), ...(to !== '' && { to }) })
    })
    this.#throttles = new Overlapping((index, limits) => {
      const least = limits.reduce<Limits>(tighter, bandwidth ?? {})
      this.testnet.simulation.throttle({ ...bandwidth, ...least }, [this.#id(index)])
    })
  }

  get faults(): Faults {
    return this
  }

  after(ms: number, task: () => void): void {
    this.testnet.simulation.after(ms, task)
  }

  ask(index: number, sql: string, done: (outcome: Outcome | { readonly error: Error }) => void): void {
    try {
      this.testnet.ask(index, sql, {}, done)
    } catch (error) {
      done({ error: error as Error })
    }
  }

  add(then: (index: number) => void): void {
    then(this.testnet.add())
  }

  did(operation: Promise<void>, then: () => void): void {
    then()
    operation.catch((error: Error) => {
      this.#failure ??= error
    })
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  cut(name: string, from: readonly number[], to: readonly number[], both: boolean): void {
    const { simulation } = this.testnet
    if (both) simulation.partition([this.#ids(from)], name)
    else simulation.block(this.#ids(from), this.#ids(to), name)
  }

  heal(name: string): void {
    this.testnet.simulation.heal(name)
  }

  lose(rate: number, from: number | undefined, to: number | undefined): End {
    const end = (index: number | undefined) => (index === undefined ? '' : this.#id(index))
    return this.#losses.begin(`${end(from)}>${end(to)}`, rate)
  }

  slow(index: number, ms: number): End {
    return this.#delays.begin(index, ms)
  }

  throttle(index: number, limits: Limits): End {
    return this.#throttles.begin(index, limits)
  }

  clock(index: number, change: { readonly step: number; readonly rate?: number }): void {
    this.testnet.simulation.setClock(this.#id(index), change)
  }

  disguise(index: number, as: DisguiseName): End {
    return this.#disguises.begin(index, as)
  }

  #make(environment: Environment<StackMessage>, init: StackInit, index: number): Stack {
    const { make = (watched, plain) => new Stack(watched, plain) } = this.#options
    const everybody = () => this.testnet.nodes.map(({ id }) => id)
    const watched = sendingThrough<StackMessage>(environment, (to, message) => {
      const disguise = this.#disguises.latest(index)
      const said = disguise === undefined ? message : DISGUISE[disguise](message, environment.self.id, everybody)
      if (said === undefined) return
      this.overseer?.sent(index, environment.now(), said)
      environment.send(to, said)
    })
    const on: StackEvents = {
      ...init.on,
      peerUp: (peer) => this.overseer?.up(index, peer.id),
      missed: (missed) => this.overseer?.missed(index, missed),
    }
    return make(watched, { ...init, on })
  }

  #id(index: number): string {
    return `n${index}`
  }

  #ids(indices: readonly number[]): string[] {
    return indices.map((index) => this.#id(index))
  }
}

function tighter(a: Limits, b: Limits): Limits {
  const [up, down] = [least(a.up, b.up), least(a.down, b.down)]
  return { ...(up !== undefined && { up }), ...(down !== undefined && { down }) }
}

function least(...limits: readonly (number | undefined)[]): number | undefined {
  const said = limits.filter((limit) => limit !== undefined)
  return said.length === 0 ? undefined : Math.min(...said)
}

function modelOf(latency: Scenario['network']['latency']): Latency {
  if (typeof latency === 'number') return constant(latency)
  if ('uniform' in latency) return uniform(...latency.uniform)
  return logNormal(latency.logNormal.median, latency.logNormal.sigma)
}
