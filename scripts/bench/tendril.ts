import { bandsFilled, ringComplete } from '../../testnet/checks/ring.ts'
import { type LocalOptions, LocalTestnet } from '../../testnet/local/local.ts'
import type { Contender } from './contender.ts'

const READY = 120_000

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
  const ids = new Map(testnet.nodes.map(({ index, id }) => [index, id]))
  let topics = 0
  let topic = ''
  let own = 0
  /** A topic for each run: what it collected is what was delivered. */
  const next = async () => {
    topic = `bench ${topics++}`
    own = 0
    await testnet.subscribe(topic)
  }
  await next()
  return {
    nodes: testnet.nodes.length,
    async publish(index, bytes) {
      const { status } = await testnet.publish(index, topic, bytes)
      if (status === 'accepted') own++
      return status === 'accepted'
    },
    async latencies() {
      const deliveries = await testnet.deliveries(topic)
      const remote = deliveries.filter(({ index, publisher }) => ids.get(index) !== publisher)
      await next()
      return remote.map(({ latency }) => latency)
    },
    delivered: async () => (await testnet.delivered(topic)) - own,
    async counts() {
      const { copies, bytes, socketBytes, cpu } = await testnet.stats()
      return { copies, protocolBytes: bytes, socketBytes, cpuMs: cpu }
    },
    stop: () => testnet.stop(),
  }
}
