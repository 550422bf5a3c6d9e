import { noise } from '@chainsafe/libp2p-noise'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { Random } from '../../core/random.ts'
import { Sockets } from '../../testnet/local/sockets.ts'
import { type Contender, type Counts, clock } from './contender.ts'

const TOPIC = 'bench'
/** Each node dials so many: a mean degree of twice that, from which gossipsub picks its mesh. */
const DIALS = 4

type Node = Libp2p<{ identify: ReturnType<ReturnType<typeof identify>>; pubsub: GossipSub }>

/**
 * @libp2p/gossipsub as it comes, strictly signing, over the same transport, encryption and multiplexer. Two of its defaults
 * are for the internet and would punish nodes that share one address: the limit on new connections and the address score.
 */
export async function gossipsubNetwork(nodes: number, seed: number): Promise<Contender> {
  const sockets = new Sockets()
  const random = new Random(seed)
  let latencies: number[] = []
  let copies = 0
  let protocolBytes = 0

  const onMessage = (event: CustomEvent<{ data: Uint8Array }>) => {
    const { data } = event.detail
    latencies.push(clock() - new DataView(data.buffer, data.byteOffset).getFloat64(0))
  }
  const counter = (name: string) => (first?: unknown) => {
    if (name === 'gossipsub_rpc_sent_bytes_total') protocolBytes += first as number
    else if (name === 'gossipsub_rpc_recv_message_total') copies += first as number
  }
  const nothing = () => {}
  const metricsRegister = {
    gauge: ({ name }: { name: string }) => ({ inc: counter(name), set: nothing, addCollect: nothing }),
    histogram: () => ({ startTimer: () => nothing, observe: nothing, reset: nothing }),
    avgMinMax: () => ({ set: nothing }),
  }

  const make = (): Promise<Node> => {
    return createLibp2p({
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
    }) as unknown as Promise<Node>
  }

  const all: Node[] = []
  await sockets.run(async () => {
    for (let i = 0; i < nodes; i++) all.push(await make())
    for (const node of all) {
      node.services.pubsub.subscribe(TOPIC)
      node.services.pubsub.addEventListener('message', onMessage)
    }
    for (const [i, node] of all.entries()) {
      // A line through all of them, so that the graph is connected, and random ones.
      const others = random.sample(all, DIALS + 1).filter((other) => other !== node)
      const targets = [all[(i + 1) % nodes] as Node, ...others].slice(0, DIALS)
      for (const target of targets) await node.dial(target.getMultiaddrs())
    }
  })

  return {
    nodes,
    async publish(index, bytes) {
      const payload = new Uint8Array(bytes)
      new DataView(payload.buffer).setFloat64(0, clock())
      return await (all[index] as Node).services.pubsub.publish(TOPIC, payload).then(
        () => true,
        () => false,
      )
    },
    async latencies() {
      const taken = latencies
      latencies = []
      return taken
    },
    delivered: async () => latencies.length,
    counts: async (): Promise<Counts> => ({ copies, protocolBytes, socketBytes: sockets.written }),
    async stop() {
      sockets.sever()
      await Promise.race([
        Promise.allSettled(all.map(async (node) => await node.stop())),
        new Promise((r) => setTimeout(r, 3000)),
      ])
    },
  }
}
