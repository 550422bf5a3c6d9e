import { Random } from '../../core/random.ts'
import { quantile } from '../checks/quantile.ts'
import { bandsFilled, ringComplete } from '../checks/ring.ts'
import { type Delivery, waitFor } from '../testnet.ts'
import { LocalTestnet } from './local.ts'

/** What happens to some of the nodes while the others publish. */
export const FAULTS = ['stopped', 'killed', 'trickling', 'flooding'] as const

/**
 * `stopped`: a quarter of the processes under SIGSTOP. `killed`: three tenths by kill -9. `trickling`: one node reads a byte a
 * second of each connection. `flooding`: one node publishes a hundred times what it may.
 */
export type FaultName = (typeof FAULTS)[number]

export interface FaultPlan {
  readonly fault: FaultName
  readonly nodes: number
  readonly seed: number
  /** Every node is a process of its own; else all are in this one. */
  readonly alone: boolean
  /** Messages a second, of all senders together, who are healthy. */
  readonly rate: number
  readonly senders: number
  readonly bytes: number
  /** As long before the fault as with it. */
  readonly seconds: number
  /** Messages a second that every node lets a publisher make. @default the stack's */
  readonly quota?: number
  /** Messages a second that the flooding node tries to publish. */
  readonly flood: number
}

export interface FaultFigures {
  readonly fault: FaultName
  readonly faulty: number
  readonly healthy: number
  /** By healthy senders. */
  readonly published: number
  /** Of them at healthy members, the senders included. */
  readonly expected: number
  readonly delivered: number
  readonly duplicates: number
  /** Of what was published with the fault, the share that the healthy member who got least had by the end of publishing. */
  readonly throughput: number
  /** The same share before the fault: what the machine manages. */
  readonly throughputBefore: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p50BeforeMs: number
  readonly p99BeforeMs: number
  /** Bytes that a healthy node came to use from just before the fault until all was over, collected garbage aside. */
  readonly memoryGrown: number
  /** What the flooding node published, and the most of it that a healthy member was given, messages. */
  readonly flooded: number
  readonly floodDelivered: number
  /** Healthy nodes that named the flooding one, and what they said of it. */
  readonly namedBy: number
  readonly reason: string | undefined
  /** How often a healthy node named another one. */
  readonly misnamed: number
}

const READY = 120_000
const PATIENCE = 60_000
const TOPIC = 'faults'
const SHARES = { stopped: 0.25, killed: 0.3, trickling: 0, flooding: 0 }

interface Published {
  readonly at: number
  readonly withFault: boolean
}

/** Starts a network, lets it publish, does the fault to it while it goes on, and says what the others had of it. */
export async function underFault(plan: FaultPlan): Promise<FaultFigures> {
  const { fault, nodes, seed, alone, quota, flood, seconds } = plan
  const random = new Random(seed).fork(fault)
  const all = Array.from({ length: nodes }, (_, i) => i)
  const faulty = random.sample(all.slice(1), Math.max(1, Math.round(SHARES[fault] * nodes)))
  const healthy = all.filter((index) => !faulty.includes(index))
  const [victim] = faulty as [number]
  const [survivor] = healthy as [number]
  const senders = random.sample(healthy, plan.senders)
  const publishRates = fault === 'flooding' ? { [victim]: flood } : {}
  const rates = { ...(quota !== undefined && { publishRate: quota }), publishRates }
  const testnet = new LocalTestnet({ seed, alone: alone ? all : [], ...rates })
  try {
    await testnet.start(nodes)
    for (const check of [ringComplete(READY), bandsFilled(READY)]) {
      const { ok, detail } = await check.run(testnet)
      if (!ok) throw new Error(`the testnet is not ready after ${READY / 1000} s: ${detail}`)
    }
    const ids = new Map(testnet.nodes.map(({ index, id }) => [index, id]))
    await testnet.subscribe(TOPIC)
    const published = new Map<string, Published>()
    await publish(testnet, senders, plan, (id, at) => published.set(id, { at, withFault: false }))
    const before = clock()
    const memory = await testnet.used(survivor)
    const flooding = fault === 'flooding' ? testnet.flood(victim, TOPIC, flood, seconds) : Promise.resolve(0)
    await Promise.all(faulty.map((index) => afflict(testnet, fault, index)))
    await publish(testnet, senders, plan, (id, at) => published.set(id, { at, withFault: true }))
    const during = clock()
    const flooded = await flooding
    const expected = published.size * healthy.length
    const got = async () => (await testnet.deliveries(TOPIC)).filter(({ index }) => healthy.includes(index))
    const ours = (deliveries: readonly Delivery[]) => deliveries.filter(({ id }) => published.has(id))
    const told = async () => (await testnet.limited()).filter(({ index }) => healthy.includes(index))
    const allCame = async () => ours(await got()).length >= expected
    // Where all share one machine the flood may still wait to be read.
    const allSaid = async () => (await allCame()) && (fault !== 'flooding' || (await told()).length > 0)
    await waitFor(testnet, allSaid, PATIENCE, 500)
    const deliveries = await got()
    const limited = await told()
    const named = limited.filter(({ from }) => from === ids.get(victim))
    const floods = healthy.map((member) => {
      return deliveries.filter(({ index, publisher }) => index === member && publisher === ids.get(victim)).length
    })
    const pairs = new Set(ours(deliveries).map(({ index, id }) => `${index} ${id}`))
    const memoryGrown = (await testnet.used(survivor)) - memory
    const early = summary(healthy, ours(deliveries), published, ids, false, before)
    const late = summary(healthy, ours(deliveries), published, ids, true, during)
    return {
      fault,
      faulty: faulty.length,
      healthy: healthy.length,
      published: published.size,
      expected,
      delivered: pairs.size,
      duplicates: ours(deliveries).length - pairs.size,
      throughput: late.throughput,
      throughputBefore: early.throughput,
      p50Ms: late.p50,
      p99Ms: late.p99,
      p50BeforeMs: early.p50,
      p99BeforeMs: early.p99,
      memoryGrown,
      flooded,
      floodDelivered: fault === 'flooding' ? Math.max(...floods) : 0,
      namedBy: new Set(named.map(({ index }) => index)).size,
      reason: named[0]?.reason,
      misnamed: limited.length - named.length,
    }
  } finally {
    await testnet.stop()
  }
}

async function afflict(testnet: LocalTestnet, fault: FaultName, index: number): Promise<void> {
  if (fault === 'stopped') await testnet.pause(index)
  else if (fault === 'killed') await testnet.kill(index)
  else if (fault === 'trickling') await testnet.trickle(index)
}

/** At an even pace, one sender after the other; a process that is behind publishes late, never less. */
async function publish(
  testnet: LocalTestnet,
  senders: readonly number[],
  { rate, seconds, bytes }: FaultPlan,
  accepted: (id: string, at: number) => void,
): Promise<void> {
  const began = performance.now()
  for (let i = 0; i < rate * seconds; i++) {
    const wait = began + (i * 1000) / rate - performance.now()
    if (wait > 0) await testnet.sleep(wait)
    const at = clock()
    const receipt = await testnet.publish(senders[i % senders.length] as number, TOPIC, bytes)
    if (receipt.status === 'accepted') accepted(receipt.id, at)
  }
}

function summary(
  healthy: readonly number[],
  deliveries: readonly Delivery[],
  published: ReadonlyMap<string, Published>,
  ids: ReadonlyMap<number, string>,
  withFault: boolean,
  end: number,
) {
  const count = [...published.values()].filter((one) => one.withFault === withFault).length
  const inTime = new Map(healthy.map((index) => [index, 0]))
  const latencies: number[] = []
  for (const { index, id, publisher, latency } of deliveries) {
    const one = published.get(id) as Published
    if (one.withFault !== withFault) continue
    if (one.at + latency <= end) inTime.set(index, (inTime.get(index) ?? 0) + 1)
    if (publisher !== ids.get(index)) latencies.push(latency)
  }
  const throughput = Math.min(...inTime.values()) / Math.max(1, count)
  return { throughput, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

/** ms, on the clock of `Delivery.latency`. */
function clock(): number {
  return performance.timeOrigin + performance.now()
}
