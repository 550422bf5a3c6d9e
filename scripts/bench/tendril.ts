import { bandsFilled, ringComplete } from '../../testnet/checks/ring.ts'
import { type LocalOptions, LocalTestnet } from '../../testnet/local/local.ts'
import type { Contender } from './contender.ts'

const READY = 120_000
const TOPIC = 'bench'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A testnet whose ring is complete and whose long links are in place. */
export async function readyTestnet(nodes: number, options: LocalOptions): Promise<LocalTestnet> {
  const testnet = new LocalTestnet(options)
  await testnet.start(nodes)
  await complete(testnet)
  return testnet
}

/** Waits until the ring is complete and all long links are in place. */
export async function complete(testnet: LocalTestnet): Promise<void> {
  for (const check of [ringComplete(READY), bandsFilled(READY)]) {
    const { ok, detail } = await check.run(testnet)
    if (!ok) throw new Error(`the testnet is not ready after ${READY / 1000} s: ${detail}`)
  }
}

export async function tendrilNetwork(testnet: LocalTestnet): Promise<Contender> {
  const names = new Map(testnet.nodes.map(({ index, id }) => [index, id]))
  // One topic for all runs, as gossipsub has: its group forms once, before anything is measured.
  await testnet.subscribe(TOPIC)
  /** Published since the last count was taken, and what was delivered until then. */
  let ids = new Set<string>()
  let before = 0
  return {
    nodes: testnet.nodes.length,
    async publish(index, bytes) {
      let receipt = await testnet.publish(index, TOPIC, bytes)
      for (; receipt.status === 'delayed'; receipt = await testnet.publish(index, TOPIC, bytes)) {
        await sleep(Math.max(1, receipt.until - Date.now()))
      }
      if (receipt.status === 'accepted') ids.add(receipt.id)
      return receipt.status === 'accepted'
    },
    async latencies() {
      const deliveries = await testnet.deliveries(TOPIC)
      const remote = deliveries.filter(({ index, publisher, id }) => ids.has(id) && names.get(index) !== publisher)
      ids = new Set()
      before = deliveries.length
      return remote.map(({ latency }) => latency)
    },
    delivered: async () => (await testnet.delivered(TOPIC)) - before - ids.size,
    async counts() {
      const { copies, bytes, socketBytes, cpu } = await testnet.stats()
      return { copies, protocolBytes: bytes, socketBytes, cpuMs: cpu }
    },
    stop: () => testnet.stop(),
  }
}
