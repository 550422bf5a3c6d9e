import { attributeOf } from '../../core/attributes.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { SuperPeersMessage } from '../../overlays/superpeers/messages.ts'
import { SuperPeers } from '../../overlays/superpeers/superpeers.ts'
import type { Structure, StructureMember, StructureSurroundings } from './structure.ts'

/** The ranked attribute that says that a node takes part, and how many clients it can serve. */
export const IN_SUPERPEERS = 'in_superpeers'
/** The attribute that a node's capacity is read from, and what it is where there is none. */
const CAPACITY = 'capacity'
const DEFAULT_CAPACITY = 16
/** Half of the connections that a node may have (LIMITS): a super-peer is connected to all of its clients. */
const MAX_CAPACITY = 64
/** In rounds of T-Man. */
const PERIOD = 2

/** Few capable nodes that serve all the others. */
export class SuperPeerStructure implements Structure<SuperPeersMessage> {
  readonly #surroundings: StructureSurroundings<SuperPeersMessage>
  readonly #superPeers: SuperPeers

  constructor(surroundings: StructureSurroundings<SuperPeersMessage>) {
    const { environment, budget, period } = surroundings
    this.#surroundings = surroundings
    this.#superPeers = new SuperPeers(environment, {
      capacityOf: ({ attributes }) => attributes[IN_SUPERPEERS],
      sample: (count) => surroundings.sample(count),
      budget,
      period: period * PERIOD,
      changed: () => surroundings.changed(),
    })
  }

  start(): void {
    this.#superPeers.start()
  }

  stop(): void {
    this.#superPeers.stop()
  }

  receive(from: PeerDescriptor, message: SuperPeersMessage): void {
    this.#superPeers.receive(from, message)
  }

  unreachable(id: string): void {
    this.#superPeers.remove(id)
  }

  /** They are met by gossip. */
  introduce(): void {}

  remove(id: string): void {
    this.#superPeers.remove(id)
  }

  members(): readonly StructureMember[] {
    const { superPeer, clients } = this.#superPeers
    if (superPeer !== undefined) return [{ peer: superPeer, role: 'super-peer', kept: true }]
    return clients.map((peer) => ({ peer, role: 'client', kept: true }))
  }

  ranked(): Readonly<Record<string, number>> {
    const capacity = attributeOf(this.#surroundings.attributes(), CAPACITY)
    const asked = typeof capacity === 'number' ? Math.floor(capacity) : DEFAULT_CAPACITY
    return { [IN_SUPERPEERS]: Math.min(MAX_CAPACITY, Math.max(0, asked)) }
  }

  status() {
    const { superPeer, clients, capacity, tally } = this.#superPeers
    const role = superPeer === undefined ? 'super-peer' : 'client'
    return { role, superPeer: superPeer?.id ?? null, clients: clients.length, capacity, counts: tally.toJSON() }
  }
}
