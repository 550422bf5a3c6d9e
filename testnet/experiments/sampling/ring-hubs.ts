import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../../core/environment.ts'
import { type StackMessage, stackCodec } from '../../../protocols/channels.ts'
import { Stack } from '../../../protocols/stack.ts'
import { Simulation } from '../../simulator/simulation.ts'
import type { Row } from '../experiment.ts'
import { BUDGET } from './overlay.ts'

/** Virtual ms until the ring is looked at. */
const TIME = 60_000

/**
 * A hub against T-Man: it takes part in failure detection, answers every exchange of samples or of T-Man with other hubs only,
 * each of which says that it sits right beside the one who asks, and pushes ten times as often as others.
 */
class RingHub implements Protocol<StackMessage> {
  readonly #environment: Environment<StackMessage>
  readonly #hubs: readonly PeerDescriptor[]
  readonly #victims: () => readonly PeerDescriptor[]
  readonly #timers: Timer[] = []
  #round = 0

  constructor(
    environment: Environment<StackMessage>,
    hubs: PeerDescriptor[],
    victims: () => readonly PeerDescriptor[],
  ) {
    this.#environment = environment
    this.#hubs = hubs
    this.#victims = victims
    hubs.push(environment.self)
  }

  start(): void {
    this.#timers.push(this.#environment.every(50, () => this.#push('tman')))
    this.#timers.push(this.#environment.every(300, () => this.#push('sampling')))
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel()
  }

  receive(from: PeerDescriptor, { channel, message }: StackMessage): void {
    if (channel === 'membership' && message.kind === 'ping') {
      this.#send(from, { channel, message: { kind: 'pong', nonce: message.nonce, dead: [] } })
    } else if (channel === 'tman' && message.kind === 'offer') {
      this.#send(from, { channel, message: { kind: 'answer', round: message.round, body: this.#beside(from) } })
    } else if (channel === 'sampling' && message.kind === 'offer') {
      this.#send(from, { channel, message: { kind: 'answer', round: message.round, body: this.#aged(from) } })
    }
  }

  #push(channel: 'tman' | 'sampling'): void {
    const victim = this.#environment.random.pick(this.#victims())
    if (victim === undefined) return
    const round = ++this.#round
    if (channel === 'tman')
      this.#send(victim, { channel, message: { kind: 'offer', round, body: this.#beside(victim) } })
    else this.#send(victim, { channel, message: { kind: 'offer', round, body: this.#aged(victim) } })
  }

  #send(to: PeerDescriptor, message: StackMessage): void {
    this.#environment.send(to, message)
  }

  /** Positions are forged; the wire carries none, whoever receives a descriptor computes it from the id. */
  #beside(victim: PeerDescriptor): PeerDescriptor[] {
    return this.#environment.random
      .sample(this.#hubs, 20)
      .map((hub, i) => ({ ...hub, position: victim.position + (i % 2 === 0 ? 1 : -1) * (i + 1) }))
  }

  #aged(victim: PeerDescriptor) {
    return this.#beside(victim).map((peer) => ({ id: peer.id, peer, age: 0 }))
  }
}

/** Honest nodes run the whole stack, with the codec on every hop. */
export function ringUnderHubs(nodes: number, hubs: number, seed: number): Row[] {
  const simulation = new Simulation<StackMessage>({ seed, codec: stackCodec, wire: true })
  const gang: PeerDescriptor[] = []
  const honest: { readonly id: string; readonly stack: Stack; readonly self: PeerDescriptor }[] = []
  const victims: PeerDescriptor[] = []
  for (let i = 0; i < nodes; i++) {
    if (i < hubs) {
      simulation.add({}, (environment) => new RingHub(environment, gang, () => victims))
      continue
    }
    const { id, self, protocol } = simulation.add({}, (environment, sign) => {
      let sequence = 0
      return new Stack(environment, { attributes: () => ({}), sign, sequences: { next: () => ++sequence } })
    })
    honest.push({ id, self, stack: protocol })
    victims.push(self)
  }
  const all = simulation.nodes.map(({ self }) => self)
  for (const { id, stack } of honest) {
    stack.introduce(
      simulation.random
        .sample(all, 31)
        .filter((peer) => peer.id !== id)
        .slice(0, 30),
    )
  }
  simulation.run(TIME)
  const order = [...all].sort((a, b) => a.position - b.position)
  const place = new Map(order.map(({ id }, i) => [id, i]))
  const beside = (id: string, step: number) =>
    order[((place.get(id) as number) + step + order.length) % order.length]?.id
  let correct = 0
  for (const { id, stack } of honest) {
    const { successors, predecessors } = stack.neighbours()
    if (successors[0]?.id === beside(id, 1)) correct++
    if (predecessors[0]?.id === beside(id, -1)) correct++
  }
  const share = correct / (2 * honest.length)
  const contacts = honest.flatMap(({ stack }) => stack.contacts().map(({ id }) => id))
  const names = new Set(gang.map(({ id }) => id))
  const captured = contacts.filter((id) => names.has(id)).length / contacts.length
  const nodesOf = honest.map(({ id }) => simulation.node(id))
  const most = nodesOf.reduce((bytes, { sent }) => Math.max(bytes, sent.maxBytes), 0)
  const name = `${hubs} hubs of ${nodes} against T-Man, the whole stack`
  return [
    {
      case: name,
      metric: 'honest ring links correct',
      reference: '>= 90 %',
      measured: `${Number((share * 100).toPrecision(4))} %`,
      ok: share >= 0.9,
    },
    {
      case: name,
      metric: 'hubs among the contacts of the honest',
      reference: null,
      measured: `${Number((captured * 100).toPrecision(3))} %`,
      ok: true,
    },
    {
      case: name,
      metric: 'most bytes of any honest node in any second',
      reference: `<= ${BUDGET} (budget)`,
      measured: most,
      ok: most <= BUDGET,
    },
  ]
}
