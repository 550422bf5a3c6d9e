import { noise } from '@chainsafe/libp2p-noise'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { Sockets } from '../../testnet/local/sockets.ts'
import { type Counts, clock, cpuMs } from './contender.ts'

const TOPIC = 'bench'

type Node = Libp2p<{ identify: ReturnType<ReturnType<typeof identify>>; pubsub: GossipSub }>

/**
 * Nodes of @libp2p/gossipsub as it comes, in this process: strictly signing, over the same transport, encryption and multiplexer.
 * Two of its defaults are for the internet and would punish nodes that share one address: the limit on new connections and the
 * address score.
 */
export class GossipsubNodes {
  readonly #sockets = new Sockets()
  readonly #nodes: Node[] = []
  #latencies: number[] = []
  #copies = 0
  #protocolBytes = 0

  /** Starts nodes that know nobody. @returns their addresses */
  async start(count: number): Promise<string[]> {
    const added: Node[] = []
    await this.#sockets.run(async () => {
      for (let i = 0; i < count; i++) added.push(await this.#make())
    })
    this.#nodes.push(...added)
    return added.map((node) => `${node.getMultiaddrs()[0]}`)
  }

  async dial(index: number, addresses: readonly string[]): Promise<void> {
    await this.#sockets.run(async () => {
      for (const address of addresses) await (this.#nodes[index] as Node).dial(multiaddr(address))
    })
  }

  /** `bytes` bytes that begin with the time. False when it was refused. */
  async publish(index: number, bytes: number): Promise<boolean> {
    const payload = new Uint8Array(bytes)
    new DataView(payload.buffer).setFloat64(0, clock())
    return await (this.#nodes[index] as Node).services.pubsub.publish(TOPIC, payload).then(
      () => true,
      () => false,
    )
  }

  /** Since the last call. */
  async latencies(): Promise<number[]> {
    const taken = this.#latencies
    this.#latencies = []
    return taken
  }

  async delivered(): Promise<number> {
    return this.#latencies.length
  }

  async counts(): Promise<Counts> {
    const { written: socketBytes } = this.#sockets
    return { copies: this.#copies, protocolBytes: this.#protocolBytes, socketBytes, cpuMs: cpuMs() }
  }

  async stop(): Promise<void> {
    this.#sockets.sever()
    const stopped = Promise.allSettled(this.#nodes.map(async (node) => await node.stop()))
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 3000))])
  }

  async #make(): Promise<Node> {
    const counter = (name: string) => (first?: unknown) => {
      if (name === 'gossipsub_rpc_sent_bytes_total') this.#protocolBytes += first as number
      else if (name === 'gossipsub_rpc_recv_message_total') this.#copies += first as number
    }
    const nothing = () => {}
    const metricsRegister = {
      gauge: ({ name }: { name: string }) => ({ inc: counter(name), set: nothing, addCollect: nothing }),
      histogram: () => ({ startTimer: () => nothing, observe: nothing, reset: nothing }),
      avgMinMax: () => ({ set: nothing }),
    }
    const node = (await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: { inboundConnectionThreshold: 1000, maxIncomingPendingConnections: 1000 },
      connectionMonitor: { enabled: false },
      services: {
        identify: identify(),
        pubsub: gossipsub({
          metricsRegister,
          metricsTopicStrToLabel: new Map(),
          scoreParams: { IPColocationFactorWeight: 0 },
          allowPublishToZeroTopicPeers: true,
        }),
      },
    })) as unknown as Node
    node.services.pubsub.subscribe(TOPIC)
    node.services.pubsub.addEventListener('message', ({ detail: { data } }) => {
      this.#latencies.push(clock() - new DataView(data.buffer, data.byteOffset).getFloat64(0))
    })
    return node
  }
}
