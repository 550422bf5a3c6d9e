import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { Random } from '../../core/random.ts'
import type { Contender, Counts } from './contender.ts'
import type { Call, Reply } from './gossipsub-child.ts'
import { GossipsubNodes } from './gossipsub-nodes.ts'

/** Each node dials so many: a mean degree of twice that, from which gossipsub picks its mesh. */
const DIALS = 4

type Nodes = Pick<GossipsubNodes, Call['method']>

/** @libp2p/gossipsub as it comes, in this process or spread over several. */
export async function gossipsubNetwork(nodes: number, processes: number, seed: number): Promise<Contender> {
  const random = new Random(seed)
  const hosts: Nodes[] = processes === 1 ? [new GossipsubNodes()] : Array.from({ length: processes }, () => inChild())
  /** Node i is the `at`-th of its host. */
  const places = Array.from({ length: nodes }, (_, i) => ({
    host: hosts[i % hosts.length] as Nodes,
    at: Math.floor(i / hosts.length),
  }))
  const started = await Promise.all(hosts.map((host, h) => host.start(Math.ceil((nodes - h) / hosts.length))))
  const addresses = places.map(({ at }, i) => started[i % hosts.length]?.[at] as string)
  for (const [i, { host, at }] of places.entries()) {
    // A line through all of them, so that the graph is connected, and random ones.
    const others = random.sample(addresses, DIALS + 1).filter((other) => other !== addresses[i])
    await host.dial(at, [...new Set([addresses[(i + 1) % nodes] as string, ...others])].slice(0, DIALS))
  }
  const each = <T>(ask: (host: Nodes) => Promise<T>) => Promise.all(hosts.map(ask))
  return {
    nodes,
    async publish(index, bytes) {
      const { host, at } = places[index] as (typeof places)[number]
      return await host.publish(at, bytes)
    },
    latencies: async () => (await each((host) => host.latencies())).flat(),
    delivered: async () => (await each((host) => host.delivered())).reduce((sum, count) => sum + count, 0),
    async counts(): Promise<Counts> {
      const all = await each((host) => host.counts())
      const sum = (of: (counts: Counts) => number) => all.reduce((total, counts) => total + of(counts), 0)
      return {
        copies: sum(({ copies }) => copies),
        protocolBytes: sum(({ protocolBytes }) => protocolBytes),
        socketBytes: sum(({ socketBytes }) => socketBytes),
        cpuMs: sum(({ cpuMs }) => cpuMs),
      }
    },
    async stop() {
      await each((host) => host.stop())
    },
  }
}

/** Nodes in a child process, asked over its channel. */
function inChild(): Nodes {
  const child: ChildProcess = fork(join(import.meta.dirname, 'gossipsub-child.ts'), [], { serialization: 'advanced' })
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let calls = 0
  child.on('message', (message) => {
    const { call, value, error } = message as Reply
    const waiting = open.get(call)
    open.delete(call)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  })
  const ask = (method: Call['method'], ...args: unknown[]): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    open.set(++calls, { resolve, reject })
    child.send({ call: calls, method, args } satisfies Call)
    return promise
  }
  return {
    start: (count) => ask('start', count) as Promise<string[]>,
    dial: (index, addresses) => ask('dial', index, addresses) as Promise<void>,
    publish: (index, bytes) => ask('publish', index, bytes) as Promise<boolean>,
    latencies: () => ask('latencies') as Promise<number[]>,
    delivered: () => ask('delivered') as Promise<number>,
    counts: () => ask('counts') as Promise<Counts>,
    async stop() {
      await ask('stop')
      child.disconnect()
    },
  }
}
