import { TokenBucket } from '../../../core/bucket.ts'
import { Random } from '../../../core/random.ts'
import { Broadcast } from '../../../protocols/broadcast/broadcast.ts'
import { type BroadcastMessage, broadcastCodec } from '../../../protocols/broadcast/deliveries.ts'
import { uniform } from '../../simulator/latency.ts'
import { Simulation } from '../../simulator/simulation.ts'

const TOPIC = 'readings'
/** Members that a node knows at random. */
const PARTNERS = 32
/** Gossip budget of a node, bytes a second and at once. */
export const BUDGET = { rate: 64 * 1024, burst: 64 * 1024 }

export interface RatedGroupInit {
  readonly members: number
  /** Nodes that publish and want nothing themselves, so that what publishing costs is not mixed up with what receiving does. */
  readonly sources: number
  readonly seed: number
  readonly loss: number
  delivered(member: number, id: string): void
}

/** What a node sent and received up to now. */
export interface Carried {
  readonly sentMessages: number
  readonly sentBytes: number
  readonly receivedMessages: number
  readonly receivedBytes: number
}

/** Members that rate the subgroups of one group, and sources that publish to them by the delivery 'gravitational'. */
export class RatedGroup {
  readonly simulation: Simulation<BroadcastMessage, Broadcast>
  readonly #init: RatedGroupInit
  /** What ends a member's subscription, by member and subgroup. */
  readonly #subscriptions = new Map<string, () => void>()

  constructor(init: RatedGroupInit) {
    const { members, sources, seed, loss } = init
    this.#init = init
    const simulation = new Simulation<BroadcastMessage, Broadcast>({
      seed,
      loss,
      latency: uniform(25, 75),
      codec: broadcastCodec,
    })
    this.simulation = simulation
    const random = new Random(seed).fork('partners')
    const all = Array.from({ length: members + sources }, (_, node) => node)
    for (const node of all) {
      const known = random.sample(all, PARTNERS + 1).filter((other) => other !== node)
      simulation.add({}, (environment) => {
        const partners = () => known.flatMap((index) => simulation.nodes[index]?.self ?? [])
        let sequence = 0
        return new Broadcast(environment, {
          contacts: partners,
          partners,
          budget: new TokenBucket(BUDGET.rate, BUDGET.burst),
          sequences: { next: () => ++sequence },
        })
      })
    }
  }

  /** From now on a member wants this share of a subgroup; '' for all of the group. */
  rate(member: number, rating: number, subgroup = ''): void {
    const key = `${member}/${subgroup}`
    const before = this.#subscriptions.get(key)
    const onMessage = ({ id }: { id: string }) => this.#init.delivered(member, id)
    const how = { onMessage, rating, ...(subgroup !== '' && { subgroup }) }
    this.#subscriptions.set(key, this.#node(member).subscribe(TOPIC, how))
    before?.()
  }

  /** Publishes by one of the sources. @returns the id of the publication */
  publish(source: number, payload: Uint8Array, subgroup = ''): string {
    const node = this.#node(this.#init.members + source)
    const receipt = node.publish(TOPIC, payload, { delivery: 'gravitational', subgroup })
    if (receipt.status !== 'accepted') throw new Error(`not published: ${JSON.stringify(receipt)}`)
    return receipt.id
  }

  /** What every member has carried up to now. */
  carried(): Carried[] {
    return this.simulation.nodes.slice(0, this.#init.members).map(({ sent, received }) => ({
      sentMessages: sent.messages,
      sentBytes: sent.bytes,
      receivedMessages: received.messages,
      receivedBytes: received.bytes,
    }))
  }

  #node(index: number): Broadcast {
    const node = this.simulation.nodes[index]
    if (node === undefined) throw new RangeError(`no node ${index}`)
    return node.protocol
  }
}
