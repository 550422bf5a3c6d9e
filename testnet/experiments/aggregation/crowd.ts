import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import type { Exchange } from '../../../core/exchange.ts'
import { type RoundMessage, Rounds } from '../../../core/rounds.ts'
import { loadOf } from '../../observers/load.ts'
import { Simulation } from '../../simulator/simulation.ts'
import type { Row } from '../experiment.ts'

/** ms: a node starts one exchange in each, jittered by a tenth. */
export const CYCLE = 1000

/** Bytes a node's gossip may send in any second, a quarter of them at once. */
const DEFAULT_BUDGET = 16 * 1024

export interface CrowdInit<Message, P> {
  readonly nodes: number
  readonly seed: number
  /** Rate at which single messages are lost. @default 0 */
  readonly loss?: number
  /** Bytes a second. @default 16384 */
  readonly budget?: number
  /** Bytes of a message on the wire. */
  size(message: Message): number
  /** @param index in order of birth @param partner a uniformly random live node: an oracle, as the papers assume it */
  make(environment: Environment<Message>, index: number, partner: () => PeerDescriptor | undefined): P
}

/**
 * Nodes that gossip with uniformly random live others, event by event through Rounds: messages take 10 to 50 ms, a cycle a second. Whom
 * to gossip with is told by an oracle, so that what is measured is aggregation and not peer sampling.
 */
export class Crowd<Message, P extends Protocol<Message>> {
  readonly simulation: Simulation<Message, P>
  /** Members of the crowd that live, in no particular order. */
  readonly live: { readonly self: PeerDescriptor; readonly protocol: P; readonly index: number }[] = []
  readonly budget: number
  cycles = 0
  readonly #init: CrowdInit<Message, P>

  constructor(init: CrowdInit<Message, P>) {
    this.#init = init
    this.budget = init.budget ?? DEFAULT_BUDGET
    const { seed, loss = 0, size } = init
    this.simulation = new Simulation({ seed, loss, codec: { encode: unused, decode: unused, size } })
    for (let i = 0; i < init.nodes; i++) this.add()
  }

  add(): void {
    const index = this.simulation.nodes.length
    const node = this.simulation.add({}, (environment) =>
      this.#init.make(environment, index, () => this.#other(environment)),
    )
    this.live.push({ self: node.self, protocol: node.protocol, index })
  }

  /** Silent death of random nodes. */
  kill(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.simulation.random.integer(this.live.length)
      const dead = this.live[at]
      const last = this.live.pop()
      if (dead === undefined || last === undefined) return
      if (last !== dead) this.live[at] = last
      this.simulation.kill(dead.self.id)
    }
  }

  /** Time in which every node starts an exchange. */
  cycle(): void {
    this.simulation.run(CYCLE)
    this.cycles++
  }

  /** What every report shows of the nodes' load: of those that ran from the start, and the most of any. */
  loadRows(of: string): Row[] {
    const { nodes } = this.simulation
    const whole = nodes.filter(({ index, alive }) => alive && index < this.#init.nodes)
    const load = { ...loadOf(whole, Math.max(1, this.cycles)), mostBytes: loadOf(nodes, 1).mostBytes }
    const row = (metric: string, { mean, max }: { mean: number; max: number }): Row => ({
      case: of,
      metric,
      reference: null,
      measured: `${mean.toFixed(1)} / ${max.toFixed(1)}`,
      ok: true,
    })
    return [
      row('messages a node sends a cycle, mean / max', load.messagesPerRound),
      row('bytes a node sends a cycle, mean / max', load.bytesPerRound),
      {
        case: of,
        metric: 'most bytes of a node in any second',
        reference: `<= ${this.budget}`,
        measured: load.mostBytes,
        ok: load.mostBytes <= this.budget,
      },
    ]
  }

  #other(environment: Environment<Message>): PeerDescriptor | undefined {
    if (this.live.length < 2) return undefined
    for (;;) {
      const { self } = this.live[environment.random.integer(this.live.length)] as { self: PeerDescriptor }
      if (self !== environment.self) return self
    }
  }
}

/** A node that does nothing but this exchange. */
export class Gossiper<Offer, Answer, E extends Exchange<Offer, Answer>> extends Rounds<Offer, Answer> {
  readonly exchange: E

  constructor(
    environment: Environment<RoundMessage<Offer, Answer>>,
    exchange: E,
    size: (message: RoundMessage<Offer, Answer>) => number,
    budget = DEFAULT_BUDGET,
  ) {
    super(environment, exchange, { period: CYCLE, size, budget: bucket(budget) })
    this.exchange = exchange
  }
}

export function bucket(budget: number): TokenBucket {
  return new TokenBucket(budget * 0.75, budget * 0.25)
}

function unused(): never {
  throw new Error('bytes are only counted')
}

/** Mean, and sample variance. */
export function moments(values: readonly number[]): { mean: number; variance: number } {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return { mean, variance: squares / (values.length - 1) }
}

/** Root of the mean squared error of the estimates, as a share of the truth. */
export function rmsError(estimates: readonly number[], truth: number): number {
  let squares = 0
  for (const estimate of estimates) squares += (estimate / truth - 1) ** 2
  return Math.sqrt(squares / estimates.length)
}

/** 0.303, 2.1e-7. */
export function short(value: number, digits = 3): string {
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6
    ? String(Number(value.toPrecision(digits)))
    : value.toExponential(1)
}
