import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import { Broadcast, type Receipt } from '../../../protocols/broadcast/broadcast.ts'
import { type BroadcastMessage, broadcastCodec } from '../../../protocols/broadcast/deliveries.ts'
import type { BroadcastOptions } from '../../../protocols/broadcast/options.ts'
import type { DeliveryName } from '../../../protocols/broadcast/publication.ts'
import type { Latency } from '../../simulator/latency.ts'
import { settledRing } from '../../simulator/ring.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { Gossip } from './gossip.ts'

const TOPIC = 'group'
/** Random partners beside the contacts. */
const SAMPLE = 8

export interface BroadcastGroupInit {
  readonly members: number
  readonly seed: number
  readonly latency: number | Latency
  /** @default 0 */
  readonly loss?: number
  /** @default 'bimodal' */
  readonly delivery?: DeliveryName
  readonly options?: Partial<BroadcastOptions>
  /** Gossip budget of a member, bytes a second and at once. @default 131072 */
  readonly budget?: number
  /** Puts something between a member and the network. */
  between?(environment: Environment<BroadcastMessage>, member: number): Environment<BroadcastMessage>
  /** A member's subscriber got a publication. */
  delivered(member: number, payload: Uint8Array): void
}

/** A group of members that subscribe to one topic: every member's Broadcast, over contacts as T-Man comes to them. */
export class BroadcastGroup {
  readonly simulation: Simulation<BroadcastMessage, Broadcast>
  /** What the members gossip: held to `budget`. */
  readonly gossip: Gossip
  readonly budget: number
  readonly #delivery: DeliveryName

  constructor(init: BroadcastGroupInit) {
    const { members, seed, latency, loss = 0, delivery = 'bimodal', options, budget = 2 ** 17, between } = init
    this.#delivery = delivery
    this.budget = budget
    this.gossip = new Gossip(members)
    this.simulation = new Simulation<BroadcastMessage, Broadcast>({ seed, latency, loss, codec: broadcastCodec })
    let contacts = new Map<string, PeerDescriptor[]>()
    const partners = new Map<string, PeerDescriptor[]>()
    for (let member = 0; member < members; member++) {
      this.simulation.add({}, (own) => {
        const outside = between?.(own, member) ?? own
        const environment = this.gossip.between(outside, member, () => this.simulation.now)
        let sequence = 0
        const broadcast = new Broadcast(environment, {
          contacts: () => contacts.get(own.self.id) ?? [],
          partners: () => partners.get(own.self.id) ?? [],
          budget: new TokenBucket(budget, budget),
          sequences: { next: () => ++sequence },
          options,
        })
        broadcast.subscribe(TOPIC, ({ payload }) => init.delivered(member, payload))
        return broadcast
      })
    }
    const peers = this.simulation.nodes.map(({ self }) => self)
    const random = new Random(seed).fork('contacts')
    contacts = settledRing(peers, random)
    for (const { id } of peers) {
      const others = random.sample(peers, SAMPLE).filter((peer) => peer.id !== id)
      partners.set(id, [...new Set([...(contacts.get(id) ?? []), ...others])])
    }
  }

  offer(payload: Uint8Array, member = 0): Receipt {
    const node = this.simulation.nodes[member] as (typeof this.simulation.nodes)[number]
    return node.protocol.publish(TOPIC, payload, { delivery: this.#delivery })
  }

  /** @throws Error when the publisher is not let, which one of the right options is */
  publish(payload: Uint8Array): void {
    const receipt = this.offer(payload)
    if (receipt.status !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(receipt)}`)
  }
}
