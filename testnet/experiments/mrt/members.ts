import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { compose, type Publication, publicationId } from '../../../protocols/broadcast/publication.ts'
import { type ReliableMessage, reliableCodec } from '../../../protocols/broadcast/reliable/codec.ts'
import type { ReliableOptions } from '../../../protocols/broadcast/reliable/options.ts'
import { Reliable } from '../../../protocols/broadcast/reliable/reliable.ts'
import { Simulation } from '../../simulator/simulation.ts'
import type { Rates } from './steps.ts'
import type { Topology } from './topology.ts'

/** Bytes a second, and at once (chosen: what a member's heartbeats with the default options take at 6 links). */
export const BUDGET = { rate: 128 * 1024, burst: 128 * 1024 }
const PAYLOAD = new Uint8Array(100)

/** What the broadcast around a delivery would do: know what was there before. */
class Member extends Reliable {
  readonly taken: Set<string>

  constructor(
    environment: Environment<ReliableMessage>,
    contacts: readonly PeerDescriptor[],
    options: Partial<ReliableOptions>,
  ) {
    const taken = new Set<string>()
    const init = {
      contacts: () => contacts,
      budget: new TokenBucket(BUDGET.rate, BUDGET.burst),
      accept: (publication: Publication) => {
        const id = publicationId(publication)
        if (taken.has(id)) return 'known' as const
        taken.add(id)
        return 'new' as const
      },
    }
    super(environment, init, options)
    this.taken = taken
  }
}

/**
 * Members over the simulator: messages take 10 to 50 ms and are lost with the lambda of their link. A process that misses its
 * step is one that loses what it would have sent or received then.
 */
export class Members {
  readonly simulation: Simulation<ReliableMessage, Member>
  #sequence = 0

  constructor(topology: Topology, rates: Rates, options: Partial<ReliableOptions>, seed: number) {
    const simulation = new Simulation<ReliableMessage, Member>({ seed, codec: reliableCodec })
    this.simulation = simulation
    const contacts: PeerDescriptor[][] = Array.from({ length: topology.nodes }, () => [])
    for (const near of contacts) {
      simulation.add({ start: false }, (environment) => new Member(environment, near, options))
    }
    const { nodes } = simulation
    for (const [link, [a, b]] of topology.links.entries()) {
      const [one, other] = [nodes[a]?.self as PeerDescriptor, nodes[b]?.self as PeerDescriptor]
      contacts[a]?.push(other)
      contacts[b]?.push(one)
      const rate = rates.links[link] as number
      simulation.lose(rate, { from: one.id, to: other.id })
      simulation.lose(rate, { from: other.id, to: one.id })
    }
    for (const [i, { id, protocol }] of nodes.entries()) {
      simulation.lose(rates.processes[i] as number, { from: id })
      simulation.lose(rates.processes[i] as number, { to: id })
      protocol.start()
    }
  }

  /** A member chosen at random publishes. @returns the id of the publication */
  publish(): string {
    const { random, nodes, now } = this.simulation
    const publisher = random.pick(nodes)
    if (publisher === undefined) throw new RangeError('nobody is there')
    const previous = this.#sequence
    this.#sequence++
    const fields = {
      publisher: publisher.id,
      sequence: this.#sequence,
      previous,
      elapsed: 0,
      published: Math.round(now),
      delivery: 'reliable' as const,
    }
    const publication = compose({ ...fields, topic: 'news', payload: PAYLOAD })
    publisher.protocol.taken.add(publicationId(publication))
    publisher.protocol.spread(publication)
    return publicationId(publication)
  }

  /** Members that have it, the publisher included. */
  reached(publication: string): number {
    return this.simulation.nodes.filter(({ protocol }) => protocol.taken.has(publication)).length
  }

  /** A count of all members' status, summed. */
  sum(name: string): number {
    return this.simulation.nodes.reduce((sum, { protocol }) => sum + Number(protocol.status()[name] ?? 0), 0)
  }
}
