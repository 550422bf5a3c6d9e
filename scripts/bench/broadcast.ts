import { quantile } from '../../testnet/checks/quantile.ts'
import type { Contender } from './contender.ts'

export interface BroadcastPlan {
  /** Messages a second, of all publishers together. */
  readonly rate: number
  readonly seconds: number
  readonly publishers: number
  readonly bytes: number
}

export interface BroadcastFigures {
  readonly rate: number
  readonly bytes: number
  readonly published: number
  readonly expected: number
  readonly delivered: number
  /** delivered / expected. */
  readonly ratio: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Each a delivery at another node than the publisher. */
  readonly copies: number
  readonly protocolBytes: number
  readonly socketBytes: number
  /** us, without what the nodes use when nobody publishes. */
  readonly cpuUs: number
  /** us, with all that the processes used while messages were under way. */
  readonly cpuAllUs: number
  /** ms after the time of publishing until everything was published and delivered, or patience ended. */
  readonly behindMs: number
}

/** What a network of nodes costs when nobody publishes: per node and second. */
export interface IdleFigures {
  /** ms of CPU. */
  readonly cpuMs: number
  readonly protocolBytes: number
  readonly socketBytes: number
}

const PATIENCE = 120_000

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export async function measureIdle(contender: Contender, seconds: number): Promise<IdleFigures> {
  const began = performance.now()
  const before = await contender.counts()
  await sleep(seconds * 1000)
  const after = await contender.counts()
  const perNodeSecond = (contender.nodes * (performance.now() - began)) / 1000
  return {
    cpuMs: (after.cpuMs - before.cpuMs) / perNodeSecond,
    protocolBytes: (after.protocolBytes - before.protocolBytes) / perNodeSecond,
    socketBytes: (after.socketBytes - before.socketBytes) / perNodeSecond,
  }
}

export async function measureBroadcast(
  contender: Contender,
  { rate, seconds, publishers, bytes }: BroadcastPlan,
  idle: IdleFigures,
): Promise<BroadcastFigures> {
  await contender.latencies() // forget those of an earlier run
  const before = await contender.counts()
  const began = performance.now()
  let published = 0
  const publish = async (which: number) => {
    const node = Math.floor((which * contender.nodes) / publishers)
    for (let i = which; i < rate * seconds; i += publishers) {
      // Who is behind, or is not let yet, publishes late, never less.
      const wait = began + (i * 1000) / rate - performance.now()
      if (wait > 0) await sleep(wait)
      if (await contender.publish(node, bytes)) published++
    }
  }
  await Promise.all(Array.from({ length: publishers }, (_, which) => publish(which)))
  const last = performance.now()
  const expected = published * (contender.nodes - 1)
  while ((await contender.delivered()) < expected && performance.now() - last < PATIENCE) await sleep(50)
  const behindMs = performance.now() - began - seconds * 1000
  const elapsed = (performance.now() - began) / 1000
  const after = await contender.counts()
  const cpu = after.cpuMs - before.cpuMs
  const latencies = await contender.latencies()
  const delivered = latencies.length
  const idleShare = elapsed * contender.nodes
  const each = (value: number) => value / Math.max(1, delivered)
  return {
    rate,
    bytes,
    published,
    expected,
    delivered,
    ratio: delivered / Math.max(1, expected),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    copies: each(after.copies - before.copies),
    protocolBytes: each(after.protocolBytes - before.protocolBytes - idle.protocolBytes * idleShare),
    socketBytes: each(after.socketBytes - before.socketBytes - idle.socketBytes * idleShare),
    cpuUs: each((cpu - idle.cpuMs * idleShare) * 1000),
    cpuAllUs: each(cpu * 1000),
    behindMs,
  }
}
