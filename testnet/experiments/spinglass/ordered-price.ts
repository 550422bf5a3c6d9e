import type { DeliveryName } from '../../../protocols/broadcast/publication.ts'
import { loadOf, type MeanMax } from '../../observers/load.ts'
import { uniform } from '../../simulator/latency.ts'
import { BroadcastGroup } from '../dissemination/broadcast-group.ts'

/** ms in which a group of any size comes together, at most and at least; of publishing; between two publications, of publishers in turn. */
const FORMING = 120_000
const SETTLING = 15_000
const PUBLISHING = 20_000
const PACE = 200
const PUBLISHERS = 5
const PAYLOAD = 256

export interface Price {
  readonly members: number
  /** s until all members were in one view; Infinity when they were not within FORMING. Of 'ordered', 0 for others. */
  readonly formed: number
  /** ms from publishing to a subscriber. */
  readonly mean: number
  readonly p99: number
  /** Deliveries, of all that there should be. */
  readonly delivered: number
  /** A member and second, while they publish. */
  readonly messages: MeanMax
  readonly bytes: MeanMax
  /** What is not a publication's first copy: the most bytes of any member in any second. */
  readonly mostGossip: number
}

/** What a delivery costs on a network of 50 ms +- 25 ms a way, at 5 messages a second from 5 members in turn. */
export function priceOf(delivery: DeliveryName, members: number, seed: number): Price {
  /** When it was published, by its number in the payload. */
  const published: number[] = []
  const delays: number[] = []
  let measuring = false
  const group: BroadcastGroup = new BroadcastGroup({
    members,
    seed,
    latency: uniform(25, 75),
    delivery,
    delivered: (_, payload) => {
      if (!measuring) return
      delays.push(
        group.simulation.now - (published[new DataView(payload.buffer, payload.byteOffset).getUint32(0)] ?? 0),
      )
    },
  })
  const publish = (publisher: number) => {
    const payload = new Uint8Array(PAYLOAD)
    new DataView(payload.buffer).setUint32(0, published.length)
    published.push(group.simulation.now)
    group.offer(payload, publisher)
  }
  for (let publisher = 0; publisher < PUBLISHERS; publisher++) publish(publisher)
  const formed = delivery !== 'ordered' || group.simulation.runUntil(() => isOneView(group, members), FORMING, 250)
  const seconds = formed ? group.simulation.now / 1000 : Number.POSITIVE_INFINITY
  group.simulation.run(SETTLING)
  measuring = true
  const before = published.length
  const sent = group.simulation.nodes.map((node) => node.sent)
  for (let i = 0; i < PUBLISHING / PACE; i++) {
    publish(i % PUBLISHERS)
    group.simulation.run(PACE)
  }
  const since = group.simulation.nodes.map((node, i) => {
    const { messages, bytes, maxMessages, maxBytes } = node.sent
    const before = sent[i] ?? { messages: 0, bytes: 0 }
    return { sent: { messages: messages - before.messages, bytes: bytes - before.bytes, maxMessages, maxBytes } }
  })
  const { messagesPerRound, bytesPerRound } = loadOf(since, PUBLISHING / 1000)
  group.simulation.run(10_000)
  delays.sort((a, b) => a - b)
  return {
    members,
    formed: seconds,
    mean: delays.reduce((sum, delay) => sum + delay, 0) / delays.length,
    p99: delays[Math.floor(delays.length * 0.99)] ?? Number.NaN,
    delivered: delays.length / ((published.length - before) * members),
    messages: messagesPerRound,
    bytes: bytesPerRound,
    mostGossip: group.gossip.most,
  }
}

function isOneView({ simulation }: BroadcastGroup, members: number): boolean {
  return simulation.nodes.every(({ protocol }) => {
    const [topic] = protocol.topics()
    const { state, members: view } = (topic?.lanes.ordered?.delivery ?? {}) as {
      state?: string
      members?: readonly string[]
    }
    return state === 'member' && view?.length === members
  })
}
