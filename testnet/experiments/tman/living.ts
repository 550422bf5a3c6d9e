import { descriptorSize, type PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../../core/environment.ts'
import type { Random } from '../../../core/random.ts'
import { Rounds } from '../../../core/rounds.ts'
import type { TManMessage } from '../../../overlays/tman/codec.ts'
import type { Ranking } from '../../../overlays/tman/ranking.ts'
import { TMan, type TManOptions } from '../../../overlays/tman/tman.ts'
import type { SimulatedNode } from '../../simulator/node.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { Detector, type PingMessage } from './detector.ts'
import { gossipBudget, type Member, type TManRounds, unused } from './network.ts'

type Message = TManMessage | PingMessage

/** ms between two rounds: the papers' ten seconds, against round trips of 60 ms. */
export const SLOW_CYCLE = 10_000
/** ms between the rounds of a node that has just joined, and how many of these there are before it falls into step. */
const HURRY = 250
const HURRIED = 12
/** c: as PAPER has it. */
const VIEW = 20
/** Bytes of a ping. */
const PING = 12

export interface LivingInit {
  readonly nodes: number
  readonly seed: number
  readonly ranking: Ranking
  /** Rounds without a change after which a node falls quiet. @default never */
  readonly quietAfter?: number
  readonly loss?: number
  /** Ranked attributes of a node that joins. */
  attributes(random: Random): Readonly<Record<string, number>>
}

/**
 * T-Man where nodes die without a word and others join. Peer sampling is an oracle: uniformly random living nodes. Failure
 * detection is a Detector's: a partner that did not answer is probed, and every member of a view once a cycle, as the
 * stack's membership does. Who joins gossips in quick rounds for its first three seconds (measured, tree of 2^10, 10 % churn:
 * with rounds of 400 ms 2 to 3 % more of the links are missing).
 */
export class LivingNetwork {
  readonly simulation: Simulation<Message, LivingNode>
  readonly #init: LivingInit
  readonly #random: Random
  readonly #values: Random
  /** Those that live, in no order. */
  readonly #living: SimulatedNode<Message, LivingNode>[] = []
  #each = 0

  constructor(init: LivingInit) {
    this.#init = init
    const size = (message: Message) => ('body' in message ? 16 + message.body.length * this.#each : PING)
    const codec = { encode: unused, decode: unused, size }
    this.simulation = new Simulation({ seed: init.seed, loss: init.loss ?? 0, codec })
    this.#random = this.simulation.random.fork('oracle')
    this.#values = this.simulation.random.fork('attributes')
    for (let i = 0; i < init.nodes; i++) this.#add()
    for (const { protocol } of this.#living) {
      protocol.tman.consider(this.sample(VIEW))
      protocol.start()
    }
  }

  get members(): readonly Member[] {
    return this.#living.map(({ protocol }) => protocol)
  }

  /** Offers sent so far, by the dead as well. */
  get exchanges(): number {
    return this.simulation.nodes.reduce((sum, { protocol }) => sum + protocol.offers, 0)
  }

  /** Those that were there from the first to the last cycle. */
  get survivors(): readonly SimulatedNode<Message, LivingNode>[] {
    return this.simulation.nodes.slice(0, this.#init.nodes).filter(({ alive }) => alive)
  }

  sample(count: number): PeerDescriptor[] {
    return Array.from({ length: count }, () => {
      return (this.#living[this.#random.integer(this.#living.length)] as SimulatedNode<Message, LivingNode>).self
    })
  }

  /** One cycle, in which so many nodes are replaced by others, one after the other. */
  cycle(replaced = 0): void {
    for (let i = 0; i < replaced; i++) {
      this.simulation.run(SLOW_CYCLE / (replaced + 1))
      this.kill(1)
      const { protocol } = this.#add()
      protocol.tman.consider(this.sample(VIEW))
      protocol.join()
    }
    this.simulation.run(SLOW_CYCLE / (replaced + 1))
  }

  /** So many die at once, silently. */
  kill(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.#random.integer(this.#living.length)
      const node = this.#living[at] as SimulatedNode<Message, LivingNode>
      this.#living[at] = this.#living.at(-1) as SimulatedNode<Message, LivingNode>
      this.#living.pop()
      this.simulation.kill(node.id)
    }
  }

  #add(): SimulatedNode<Message, LivingNode> {
    const { ranking, attributes, quietAfter = Number.POSITIVE_INFINITY } = this.#init
    const options = { view: VIEW, message: VIEW, quietAfter }
    const node = this.simulation.add({ attributes: attributes(this.#values), start: false }, (environment) => {
      return new LivingNode(environment, { ranking, options, sample: (count) => this.sample(count) }, this.#sizeOf)
    })
    this.#each = Math.max(this.#each, descriptorSize(node.self) + 4)
    this.#living.push(node)
    return node
  }

  readonly #sizeOf = ({ body }: TManMessage) => 16 + body.length * this.#each
}

interface LivingNodeInit {
  readonly ranking: Ranking
  readonly options: Partial<TManOptions>
  sample(count: number): PeerDescriptor[]
}

class LivingNode implements Protocol<Message>, Member {
  readonly self: PeerDescriptor
  readonly tman: TMan
  readonly #environment: Environment<Message>
  readonly #detector: Detector
  readonly #slow: TManRounds
  readonly #quick: TManRounds
  #rounds: TManRounds
  #watch: Timer | undefined
  #watched = 0

  constructor(environment: Environment<Message>, init: LivingNodeInit, size: (message: TManMessage) => number) {
    this.self = environment.self
    this.#environment = environment
    this.#detector = new Detector(environment, (id) => this.tman.remove(id))
    this.tman = new TMan(environment, {
      ...init,
      admits: ({ id }) => (this.#detector.isGone(id) ? 'no' : 'yes'),
      ask: (peer) => this.#detector.probe(peer),
    })
    const budget = gossipBudget()
    this.#slow = new Rounds(environment, this.tman, { period: SLOW_CYCLE, timeout: 1000, budget, size })
    this.#quick = new Rounds(environment, this.tman, { period: HURRY, budget, size })
    this.#rounds = this.#slow
  }

  get offers(): number {
    return this.#slow.tally.get('offers') + this.#quick.tally.get('offers')
  }

  start(): void {
    this.#rounds.start()
    this.#watch ??= this.#environment.every(SLOW_CYCLE / VIEW, () => this.#look())
  }

  stop(): void {
    this.#rounds.stop()
    this.#watch?.cancel()
    this.#watch = undefined
  }

  /** Starts in a hurry. */
  join(): void {
    this.#rounds = this.#quick
    this.start()
    this.#environment.after(HURRY * HURRIED, () => {
      this.#quick.stop()
      this.#rounds = this.#slow
      if (this.#watch !== undefined) this.#slow.start()
    })
  }

  receive(from: PeerDescriptor, message: Message): void {
    this.#detector.heard(from.id)
    if (message.kind === 'offer' || message.kind === 'answer') this.#rounds.receive(from, message)
    else this.#detector.receive(from, message)
  }

  /** Members of the view in turn. */
  #look(): void {
    const { view } = this.tman
    const peer = view[this.#watched++ % Math.max(1, view.length)]
    if (peer !== undefined) this.#detector.probe(peer)
  }
}
