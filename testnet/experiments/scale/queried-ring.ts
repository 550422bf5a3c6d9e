import type { Codec } from '../../../core/codec.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import type { Random } from '../../../core/random.ts'
import { Rounds } from '../../../core/rounds.ts'
import { sendingThrough } from '../../../core/sending.ts'
import { type TManMessage, tmanCodec } from '../../../overlays/tman/codec.ts'
import { ringRanking } from '../../../overlays/tman/ring.ts'
import { TMan } from '../../../overlays/tman/tman.ts'
import type { Answer } from '../../../protocols/query/wave/answer.ts'
import { type WaveMessage, waveCodec } from '../../../protocols/query/wave/messages.ts'
import { Wave } from '../../../protocols/query/wave/wave.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { CYCLE, gossipBudget, type Member, type TManRounds, unused } from '../tman/network.ts'

type Message =
  | { readonly channel: 'tman'; readonly message: TManMessage }
  | { readonly channel: 'query'; readonly message: WaveMessage }

const codec: Codec<Message> = {
  encode: unused,
  decode: unused,
  size: (one) => 1 + (one.channel === 'tman' ? tmanCodec.size(one.message) : waveCodec.size(one.message)),
}

/** ms a message takes, one way. */
const LATENCY = 50
const COUNT = 'SELECT count(*), sum(number) FROM nodes'
/** Random peers that a node begins with. */
const KNOWN = 20

export interface Counted {
  readonly answer: Answer
  /** Virtual ms from question to answer. */
  readonly ms: number
  /** Whether every node is counted, each once: by count and by the sum of their numbers. */
  readonly exact: boolean
}

/** Nodes that arrange themselves in a ring with long links and answer queries over it. Peer sampling is an oracle. */
export class QueriedRing {
  readonly simulation: Simulation<Message, RingNode>
  readonly members: readonly RingNode[]

  constructor(nodes: number, seed: number) {
    this.simulation = new Simulation({ seed, latency: LATENCY, codec })
    const random = this.simulation.random.fork('oracle')
    const members: RingNode[] = []
    this.members = members
    const sample = (count: number) => someOf(members, count, random)
    for (let number = 0; number < nodes; number++) {
      this.simulation.add({ start: false }, (environment) => {
        const node = new RingNode(environment, number, sample)
        members.push(node)
        return node
      })
    }
    for (const { tman } of members) tman.consider(sample(KNOWN))
    for (const node of members) node.start()
  }

  cycle(): void {
    this.simulation.run(CYCLE)
  }

  /** The first node counts everybody, while the ring goes on gossiping. @throws Error when it gets no answer, which would be a bug */
  count(timeout = 60_000): Counted {
    let answer: Answer | undefined
    const began = this.simulation.now
    this.members[0]?.wave.ask(COUNT, { timeout }, (given) => {
      answer = given
    })
    this.simulation.runUntil(() => answer !== undefined, timeout + 1000, 1)
    if (answer === undefined) throw new Error('the count was never answered')
    const nodes = this.members.length
    const [counted, summed] = answer.rows[0] as [number, number]
    const exact = counted === nodes && summed === (nodes * (nodes - 1)) / 2
    return { answer, ms: this.simulation.now - began, exact }
  }
}

class RingNode implements Protocol<Message>, Member {
  readonly self: PeerDescriptor
  readonly tman: TMan
  readonly wave: Wave
  readonly #rounds: TManRounds

  constructor(environment: Environment<Message>, number: number, sample: (count: number) => PeerDescriptor[]) {
    this.self = environment.self
    const gossip = onChannel(environment, 'tman')
    this.tman = new TMan(gossip, { ranking: ringRanking(), sample })
    this.#rounds = new Rounds(gossip, this.tman, { period: CYCLE, budget: gossipBudget(), size: tmanCodec.size })
    const attributes = { id: environment.self.id, number }
    this.wave = new Wave(onChannel(environment, 'query'), {
      contacts: () => this.tman.view,
      attributes: () => attributes,
      doubt: () => undefined,
      rtt: () => 2 * LATENCY,
    })
  }

  start(): void {
    this.#rounds.start()
    this.wave.start()
  }

  stop(): void {
    this.#rounds.stop()
    this.wave.stop()
  }

  receive(from: PeerDescriptor, { channel, message }: Message): void {
    if (channel === 'tman') this.#rounds.receive(from, message)
    else this.wave.receive(from, message)
  }
}

function someOf(members: readonly Member[], count: number, random: Random): PeerDescriptor[] {
  return Array.from({ length: count }, () => (members[random.integer(members.length)] as Member).self)
}

function onChannel<C extends Message['channel']>(
  environment: Environment<Message>,
  channel: C,
): Environment<Extract<Message, { channel: C }>['message']> {
  return sendingThrough(
    environment,
    (to, message) => environment.send(to, { channel, message } as Message),
    environment.random.fork(channel),
  )
}
