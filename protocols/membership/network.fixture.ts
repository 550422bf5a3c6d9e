// The network that the tests of this folder run in: simulated nodes that watch given contacts.
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import { Simulation, type SimulationOptions } from '../../testnet/simulator/simulation.ts'
import { Membership } from './membership.ts'
import { type MembershipMessage, membershipCodec } from './messages.ts'
import type { MembershipOptions } from './options.ts'

/** A node as the transport drives it: whatever arrives proves its sender alive first. */
export class Watcher implements Protocol<MembershipMessage> {
  readonly membership: Membership
  readonly environment: Environment<MembershipMessage>
  contacts: PeerDescriptor[] = []
  /** What it does in an alarm. */
  alarm = () => {}
  readonly ups: string[] = []
  readonly downs: { readonly id: string; readonly reason: string; readonly at: number }[] = []

  constructor(environment: Environment<MembershipMessage>, options: Partial<MembershipOptions> = {}) {
    this.environment = environment
    this.membership = new Membership(environment, {
      contacts: () => this.contacts,
      up: ({ id }) => this.ups.push(id),
      // As T-Man does: who is gone is a contact no more.
      down: ({ id }, reason) => {
        this.contacts = this.contacts.filter((peer) => peer.id !== id)
        this.downs.push({ id, reason, at: environment.now() })
      },
      alarm: () => this.alarm(),
      options,
    })
  }

  start(): void {
    this.membership.start()
  }

  stop(): void {
    this.membership.stop()
  }

  receive(from: PeerDescriptor, message: MembershipMessage): void {
    this.membership.heard(from)
    this.membership.receive(from, message)
  }

  unreachable(id: string, reason: string): void {
    this.membership.unreachable(id, reason)
  }

  state(id: string): string | undefined {
    return this.membership.member(id)?.state
  }
}

export type Bed = Simulation<MembershipMessage, Watcher>

export interface BedOptions extends Partial<SimulationOptions<MembershipMessage>> {
  readonly nodes: number
  /** Contacts each node watches, at random. @default all */
  readonly contacts?: number
  readonly options?: Partial<MembershipOptions>
}

/** Nodes that watch each other, and have met: 5 s have passed. */
export function network({ nodes, contacts = nodes, options = {}, ...simulated }: BedOptions): Bed {
  const seed = simulated.seed ?? 1
  const simulation: Bed = new Simulation<MembershipMessage, Watcher>({ ...simulated, seed, codec: membershipCodec })
  for (let i = 0; i < nodes; i++) simulation.add({}, (environment) => new Watcher(environment, options))
  const random = new Random(seed).fork('contacts')
  const all = simulation.nodes.map(({ self }) => self)
  for (const { id, protocol } of simulation.nodes) {
    protocol.contacts = random.sample(
      all.filter((other) => other.id !== id),
      contacts,
    )
    for (const peer of protocol.contacts) protocol.membership.heard(peer)
  }
  simulation.run(5000)
  return simulation
}

/** Every death that anybody saw. */
export function downs(simulation: Bed): { readonly by: string; readonly id: string; readonly reason: string }[] {
  return simulation.nodes.flatMap(({ id: by, protocol }) => protocol.downs.map((down) => ({ by, ...down })))
}
