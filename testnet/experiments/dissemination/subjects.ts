import type { Codec } from '../../../core/codec.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { Random } from '../../../core/random.ts'
import { isDelivery } from '../../../protocols/broadcast/deliveries.ts'
import { compose, DELIVERY_NAMES, type Publication, publicationId } from '../../../protocols/broadcast/publication.ts'
import { Flooding, floodingCodec } from '../../baselines/flooding.ts'
import { Mesh, meshCodec } from '../../baselines/mesh.ts'
import type { Latency } from '../../simulator/latency.ts'
import { Simulation } from '../../simulator/simulation.ts'
import type { Flow } from '../../simulator/traffic.ts'
import { BroadcastGroup } from './broadcast-group.ts'

export interface SubjectInit {
  readonly members: number
  readonly seed: number
  readonly latency: Latency
  readonly loss: number
  /** A member got a payload, once. */
  delivered(member: number, payload: Uint8Array): void
}

/** A group that is compared with others. */
export interface Subject {
  readonly simulation: {
    readonly now: number
    readonly nodes: readonly {
      readonly id: string
      readonly alive: boolean
      readonly sent: Flow
      readonly received: Flow
    }[]
    run(ms: number): void
    kill(id: string): void
  }
  /** False when the member's own node did not let it: then nobody gets it. */
  publish(payload: Uint8Array, member: number): boolean
  /** Payloads that all members together received, whatever became of them. */
  copies(): number
  /** Of members that have a gossip budget: the most that any gossiped in a second, and that budget. */
  gossip?(): { readonly most: number; readonly budget: number }
}

/** Connections a node has to random others, for the baselines: as many as our contacts and partners are. */
const DEGREE = 32

/**
 * Not on this network: `reliable` plans for at most 512 members, who must have heard of each other; `anonymous` is for radio
 * neighbours; `gravitational` brings members a part on purpose; `ordered` waits for views of small groups. Each has its own experiment.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(['reliable', 'anonymous', 'gravitational', 'ordered'])

/** All that can be compared: what Broadcast runs by name, and the baselines. */
export const SUBJECTS: Readonly<Record<string, (init: SubjectInit) => Subject>> = {
  ...Object.fromEntries(
    DELIVERY_NAMES.filter((name) => isDelivery(name) && !LEFT_OUT.has(name)).map((delivery) => [
      delivery,
      (init: SubjectInit): Subject => {
        const group = new BroadcastGroup({ ...init, delivery })
        return {
          simulation: group.simulation,
          publish: (payload, member) => group.offer(payload, member).status === 'accepted',
          copies: () => total(group.simulation.nodes, ({ protocol }) => protocol.status().done),
          gossip: () => ({ most: group.gossip.most, budget: group.budget }),
        }
      },
    ]),
  ),
  mesh: (init) => baseline(init, meshCodec, (environment, host) => new Mesh(environment, host)),
  flooding: (init) => baseline(init, floodingCodec, (environment, host) => new Flooding(environment, host)),
}

interface Host {
  partners(): readonly PeerDescriptor[]
  accept(publication: Publication): 'new' | 'known'
}

interface Baseline<Message> extends Protocol<Message> {
  spread(publication: Publication): void
  status(): { readonly done: Readonly<Record<string, number>> }
}

/** A baseline over a random graph of connections, each of which both ends have. */
function baseline<Message>(
  { members, seed, latency, loss, delivered }: SubjectInit,
  codec: Codec<Message>,
  make: (environment: Environment<Message>, host: Host) => Baseline<Message>,
): Subject {
  const simulation = new Simulation<Message, Baseline<Message>>({ seed, latency, loss, codec })
  const links = connections(members, new Random(seed).fork('connections'))
  const partners: PeerDescriptor[][] = []
  const sequences = new Uint32Array(members)
  for (let member = 0; member < members; member++) {
    simulation.add({}, (environment) => {
      const seen = new Set<string>()
      const accept = (publication: Publication) => {
        const id = publicationId(publication)
        if (publication.publisher === environment.self.id || seen.has(id)) return 'known'
        seen.add(id)
        delivered(member, publication.payload)
        return 'new'
      }
      return make(environment, { partners: () => partners[member] ?? [], accept })
    })
  }
  const { nodes } = simulation
  for (const linked of links) partners.push([...linked].map((other) => (nodes[other] as (typeof nodes)[number]).self))
  return {
    simulation,
    publish: (payload, member) => {
      const { id, protocol } = nodes[member] as (typeof nodes)[number]
      const sequence = (sequences[member] as number) + 1
      sequences[member] = sequence
      const published = Math.round(simulation.now)
      delivered(member, payload)
      protocol.spread(compose({ publisher: id, sequence, elapsed: 0, published, topic: 'group', payload }))
      return true
    },
    copies: () => total(nodes, ({ protocol }) => protocol.status().done),
  }
}

function total<N>(nodes: readonly N[], done: (node: N) => Readonly<Record<string, number>>): number {
  return nodes.reduce((sum, node) => sum + (done(node).copies ?? 0), 0)
}

function connections(members: number, random: Random): Set<number>[] {
  const links = Array.from({ length: members }, () => new Set<number>())
  for (const [member, own] of links.entries()) {
    while (own.size < Math.min(DEGREE / 2, members - 1)) {
      const other = random.integer(members)
      if (other === member) continue
      own.add(other)
    }
  }
  for (const [member, own] of links.entries()) for (const other of own) links[other]?.add(member)
  return links
}
