import type { Codec } from '../../../core/codec.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { Rounds } from '../../../core/rounds.ts'
import { sendingThrough } from '../../../core/sending.ts'
import { type SamplingMessage, samplingCodec } from '../../../overlays/sampling/codec.ts'
import type { Aged } from '../../../overlays/sampling/held.ts'
import { Sampling } from '../../../overlays/sampling/sampling.ts'
import { type TManMessage, tmanCodec } from '../../../overlays/tman/codec.ts'
import { TMan } from '../../../overlays/tman/tman.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { gossipBudget, type Member, type NetworkInit, PAPER, type TManRounds, unused } from './network.ts'

type SamplingRounds = Rounds<readonly Aged[], readonly Aged[]>
type Message =
  | { readonly channel: 'sampling'; readonly message: SamplingMessage }
  | { readonly channel: 'tman'; readonly message: TManMessage }

const codec: Codec<Message> = {
  encode: unused,
  decode: unused,
  size: (one) => 1 + (one.channel === 'tman' ? tmanCodec.size(one.message) : samplingCodec.size(one.message)),
}

/** ms between two rounds of each of the two: the papers' ten seconds, since the budget of the first node is one a second. */
const PERIOD = 10_000

/** Entries that a view of Sampling holds. */
const KNOWN = 30

/** T-Man over the node's own peer sampling, both at one round a cycle, under one budget. */
export class SampledNetwork {
  readonly simulation: Simulation<Message, SampledNode>
  readonly members: readonly Member[]

  /** @param start every node knows random others, or the first node alone */
  constructor({ nodes, seed, ranking, options = PAPER, loss = 0 }: NetworkInit, start: 'random' | 'bootstrap') {
    this.simulation = new Simulation({ seed, loss, codec })
    for (let i = 0; i < nodes; i++) {
      // Each in a network of its own, or sampling would take them for one party.
      const addresses = [`/ip4/10.${i >> 8}.${i & 255}.1/tcp/1`]
      this.simulation.add({ addresses, start: false }, (environment) => {
        return new SampledNode(environment, { ranking, options })
      })
    }
    const all = this.simulation.nodes.map(({ self }) => self)
    for (const { protocol } of this.simulation.nodes) {
      const known = start === 'bootstrap' ? all.slice(0, 1) : this.simulation.random.sample(all, KNOWN + 1)
      protocol.introduce(known.filter((peer) => peer !== protocol.self).slice(0, KNOWN))
      protocol.start()
    }
    this.members = this.simulation.nodes.map(({ protocol }) => protocol)
  }

  cycle(): void {
    this.simulation.run(PERIOD)
  }
}

class SampledNode implements Protocol<Message>, Member {
  readonly self: PeerDescriptor
  readonly tman: TMan
  readonly #sampling: Sampling
  readonly #samplingRounds: SamplingRounds
  readonly #tmanRounds: TManRounds

  constructor(environment: Environment<Message>, { ranking, options }: Pick<NetworkInit, 'ranking' | 'options'>) {
    this.self = environment.self
    const budget = gossipBudget()
    const sampling = onChannel(environment, 'sampling')
    this.#sampling = new Sampling(sampling)
    this.#samplingRounds = new Rounds(sampling, this.#sampling, { period: PERIOD, budget, size: samplingCodec.size })
    const tman = onChannel(environment, 'tman')
    this.tman = new TMan(tman, {
      ranking,
      sample: (count) => this.#sampling.sample(count),
      ...(options && { options }),
    })
    this.#tmanRounds = new Rounds(tman, this.tman, { period: PERIOD, budget, size: tmanCodec.size })
  }

  introduce(peers: readonly PeerDescriptor[]): void {
    this.#sampling.introduce(peers)
    this.tman.consider(peers)
  }

  start(): void {
    this.#samplingRounds.start()
    this.#tmanRounds.start()
  }

  stop(): void {
    this.#samplingRounds.stop()
    this.#tmanRounds.stop()
  }

  receive(from: PeerDescriptor, one: Message): void {
    if (one.channel === 'tman') this.#tmanRounds.receive(from, one.message)
    else this.#samplingRounds.receive(from, one.message)
  }
}

/** The environment of one protocol: the node's, with chance of its own, and every message under the channel's name. */
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
