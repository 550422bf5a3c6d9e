import type { Random } from '../../core/random.ts'
import { type Delivery, live, type Testnet, waitFor } from '../testnet.ts'
import type { Check } from './check.ts'
import { quantile } from './quantile.ts'

export interface PublishPlan {
  readonly topic: string
  readonly messages: number
  /** Of each payload, at least 8. */
  readonly bytes: number
  /** Publications a second, of all publishers together. */
  readonly rate: number
  /** Index of the publisher of the i-th message. It must be up. */
  publisher(i: number): number
  /** Called before the i-th message is published: the place for faults. */
  before?(i: number): Promise<void>
}

/** What a run of publications came to, over the subscribers that were up at its end. */
export interface Spread {
  readonly published: number
  /** Publications that were refused, with the reason of the first. */
  readonly refused: number
  readonly reason: string | undefined
  /** Publications times subscribers, the publisher itself included. */
  readonly expected: number
  /** Pairs of publication and subscriber that met, each once. */
  readonly delivered: number
  readonly duplicates: number
  /** Copies of publications that arrived anywhere, for each delivery at another node than the publisher. */
  readonly copies: number
  /** ms from publishing to delivery at another node. */
  readonly p50: number
  readonly p99: number
}

/** How long to wait for copies that nobody needs, in ms: two rounds of repair, which would bring them. */
const LATE = 1500

/** Random nodes among those that are up, never one that is to be spared. */
export function anyLive(testnet: Testnet, random: Random, spared: ReadonlySet<number> = new Set()): () => number {
  return () => random.pick(live(testnet).filter(({ index }) => !spared.has(index)))?.index ?? 0
}

/**
 * Publishes at an even pace, waits until all that is expected has arrived or `patience` ms have passed, and sums up. The
 * topic must be new: this subscribes everybody.
 */
export async function publishAndCollect(testnet: Testnet, plan: PublishPlan, patience: number): Promise<Spread> {
  await testnet.subscribe(plan.topic)
  const before = await testnet.stats()
  const ids = new Set<string>()
  let refused = 0
  let reason: string | undefined
  const start = testnet.now()
  for (let i = 0; i < plan.messages; i++) {
    const wait = start + (i * 1000) / plan.rate - testnet.now()
    if (wait > 0) await testnet.sleep(wait)
    await plan.before?.(i)
    const receipt = await testnet.publish(plan.publisher(i), plan.topic, plan.bytes)
    if (receipt.status === 'accepted') ids.add(receipt.id)
    else {
      refused++
      reason ??= receipt.reason
    }
  }
  await waitFor(testnet, async () => (await testnet.delivered(plan.topic)) >= ids.size * live(testnet).length, patience)
  await testnet.sleep(LATE)
  return summary(testnet, plan, { ids, refused, reason, copiesBefore: before.copies })
}

async function summary(
  testnet: Testnet,
  { topic }: PublishPlan,
  run: { ids: ReadonlySet<string>; refused: number; reason: string | undefined; copiesBefore: number },
): Promise<Spread> {
  const { ids, refused, reason, copiesBefore } = run
  const copies = (await testnet.stats()).copies - copiesBefore
  const nodes = new Map(live(testnet).map(({ index, id }) => [index, id]))
  const deliveries = (await testnet.deliveries(topic)).filter(({ index, id }) => nodes.has(index) && ids.has(id))
  const met = new Set(deliveries.map(({ index, id }) => `${index} ${id}`))
  const remote = deliveries.filter(({ index, publisher }) => nodes.get(index) !== publisher)
  const latencies = remote.map(({ latency }: Delivery) => latency)
  return {
    published: ids.size,
    refused,
    reason,
    expected: ids.size * nodes.size,
    delivered: met.size,
    duplicates: deliveries.length - met.size,
    copies: remote.length === 0 ? 0 : copies / remote.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  }
}

/** Every subscriber gets every message exactly once, at no more than `maxCopies` payload copies a delivery. */
export function exactlyOnce(plan: PublishPlan, maxCopies = 1.05, patience = 15_000): Check {
  const name = 'broadcast'
  return {
    name,
    async run(testnet: Testnet) {
      const spread = await publishAndCollect(testnet, plan, patience)
      const ok =
        spread.refused === 0 &&
        spread.delivered === spread.expected &&
        spread.duplicates === 0 &&
        spread.copies <= maxCopies
      return { name, ok, detail: spreadText(spread) }
    },
  }
}

export function spreadText({ published, refused, reason, expected, delivered, duplicates, copies }: Spread): string {
  const refusals = refused === 0 ? '' : `, ${refused} refused (${reason})`
  return (
    `${delivered} of ${expected} deliveries of ${published} messages, ${duplicates} duplicates, ` +
    `${copies.toFixed(3)} copies a delivery${refusals}`
  )
}
