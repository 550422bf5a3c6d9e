import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import type { Codec } from '../../core/codec.ts'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Sign, Signed } from '../../core/signed.ts'
import { createSign } from '../keys/signer.ts'
import { Verifier, type VerifierLimits } from '../keys/verifier.ts'
import { BufferBudget } from './budget.ts'
import type { LinkLimits } from './limits.ts'
import { Links, type LinksComponents } from './links.ts'
import type { QueueClass } from './queue.ts'

/** The protocol of the links' tests: a class, some bytes, and maybe a signed claim. */
export interface Echo {
  readonly cls: QueueClass
  readonly bytes: Uint8Array
  readonly claim?: Signed
}

const CLASSES = ['control', 'query', 'data'] as const

const echoCodec: Codec<Echo> = {
  encode({ cls, bytes, claim }) {
    const head = claim === undefined ? [] : [Buffer.from(claim.signer.padEnd(64)), claim.signature]
    return new Uint8Array(
      Buffer.concat([Uint8Array.of(CLASSES.indexOf(cls) + (claim === undefined ? 0 : 3)), ...head, bytes]),
    )
  },
  decode(bytes, claims) {
    const kind = bytes[0] ?? 99
    const cls = CLASSES[kind % 3]
    if (kind > 5 || cls === undefined) throw new Malformed('echo-kind')
    if (kind < 3) return { cls, bytes: bytes.subarray(1) }
    if (bytes.length < 129) throw new Malformed('echo-size')
    const signer = Buffer.from(bytes.subarray(1, 65)).toString().trim()
    const claim = { signer, type: 'echo/1', body: bytes.subarray(129), signature: bytes.subarray(65, 129) }
    claims.push(claim)
    return { cls, bytes: claim.body, claim }
  },
  size: ({ bytes }) => bytes.length + 130,
}

export interface EchoNode {
  readonly id: string
  readonly libp2p: Libp2p
  readonly links: Links<Echo>
  readonly sign: Sign
  readonly received: { readonly from: string; readonly message: Echo }[]
  readonly introduced: PeerDescriptor[]
  readonly unreachable: { readonly id: string; readonly reason: string }[]
  readonly slow: { readonly id: string; readonly dropped: number; readonly reason: string }[]
  readonly wanted: Set<string>
  readonly buffers: BufferBudget
  self: PeerDescriptor
  stop(): Promise<void>
}

export interface EchoInit {
  readonly network?: string
  readonly limits?: Partial<LinkLimits>
  readonly verifier?: Partial<VerifierLimits>
  readonly echo?: boolean
  /** What the node says about itself instead of the truth. */
  readonly pretend?: (truth: PeerDescriptor, sign: Sign) => PeerDescriptor
}

/** A real libp2p node on loopback whose only service is Links. With `echo` it sends every message back. */
export async function startEcho(init: EchoInit = {}): Promise<EchoNode> {
  const { network = 'test' } = init
  const privateKey = await generateKeyPair('Ed25519')
  const id = peerIdFromPrivateKey(privateKey).toString()
  const sign = createSign(privateKey, network)
  const now = () => performance.timeOrigin + performance.now()
  const verifier = new Verifier(network, now, init.verifier)
  const describeSelf = (addresses: readonly string[], sequence: number) => {
    const truth = describe({ id, addresses, sequence, issued: now() }, sign)
    return init.pretend?.(truth, sign) ?? truth
  }
  const node = {
    id,
    sign,
    received: [] as { from: string; message: Echo }[],
    introduced: [] as PeerDescriptor[],
    unreachable: [] as { id: string; reason: string }[],
    slow: [] as { id: string; dropped: number; reason: string }[],
    wanted: new Set<string>(),
    buffers: new BufferBudget(),
    self: describeSelf([], 1),
  }
  let links: Links<Echo> | undefined
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 256 * 1024 } })],
    connectionMonitor: { enabled: false },
    connectionManager: { inboundConnectionThreshold: 1000, maxIncomingPendingConnections: 1000 },
    services: {
      identify: identify(),
      links: (components: LinksComponents) => {
        links = new Links<Echo>(components, {
          network,
          codec: echoCodec,
          classOf: ({ cls }) => cls,
          self: () => node.self,
          verifier,
          wanted: () => [...node.wanted],
          now,
          limits: init.limits,
          buffers: node.buffers,
          on: {
            message: (from, message) => {
              node.received.push({ from: from.id, message })
              if (init.echo) links?.send(from, message)
            },
            introduced: (descriptor) => node.introduced.push(descriptor),
            unreachable: (peer, reason) => node.unreachable.push({ id: peer, reason }),
            slow: (peer, dropped, reason) => node.slow.push({ id: peer, dropped, reason }),
          },
        })
        return links
      },
    },
  })
  node.self = describeSelf(
    libp2p.getMultiaddrs().map((address) => address.decapsulateCode(421).toString()),
    2,
  )
  return Object.assign(node, { libp2p, links: links as Links<Echo>, stop: async () => libp2p.stop() })
}

/** Waits for something to become true; the machine is shared, so the limit is generous. @throws Error after 20 s */
export async function until(what: string, predicate: () => boolean, limit = 20_000): Promise<void> {
  const end = performance.now() + limit
  while (!predicate()) {
    if (performance.now() > end) throw new Error(`waited ${limit / 1000} s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export function echo(cls: QueueClass, text: string): Echo {
  return { cls, bytes: new TextEncoder().encode(text) }
}

export function textOf({ message }: { readonly message: Echo }): string {
  return new TextDecoder().decode(message.bytes)
}
