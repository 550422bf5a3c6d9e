import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { clockwise, positionOf } from '../../core/position.ts'
import { configSchema } from '../../node/config/schema.ts'
import { createNode, TESTNET_LIMITS, type TendrilNode } from '../../node/create.ts'
import { startDaemon } from '../../node/daemon/daemon.ts'
import { createLog } from '../../node/daemon/log.ts'
import { labelsOf, type View } from '../testnet.ts'
import type { NodePlan, Served } from './host.ts'

/** What a testnet asks of its nodes is for it to bound: their rates are for strangers. */
const ASKING = { rate: 1000, burst: 1000 }

/**
 * All nodes join through one, which a public node would not let happen: it takes 88 inbound connections (LIMITS), and whom
 * it knew first keeps them for minutes.
 */
const LIMITS = { ...TESTNET_LIMITS, connections: 2000, inbound: 2000 }

/** Starts a node on a free port of the loopback. */
export async function startNode(plan: NodePlan): Promise<TendrilNode> {
  const { index, network, seed, bootstrap, dht, structures, gossipPeriod, publishRate } = plan
  const { number, region, rack, role } = labelsOf(index)
  return await createNode({
    network,
    privateKey: await keyOf(seed, index),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: bootstrap === undefined ? [] : [bootstrap],
    dht: { enabled: dht, mode: 'server' },
    attributes: { number, region, rack, role },
    structures,
    limits: LIMITS,
    stack: {
      sampling: { loopbackApart: true },
      query: ASKING,
      aggregates: ['number', 'load'],
      gossip: 'honest-only',
      ...(gossipPeriod !== undefined && { aggregation: { period: gossipPeriod } }),
      ...(publishRate !== undefined && { broadcast: { rate: publishRate, burst: 2 * publishRate } }),
    },
  })
}

async function keyOf(seed: number, index: number) {
  return await generateKeyPairFromSeed('Ed25519', createHash('sha256').update(`testnet ${seed} ${index}`).digest())
}

const positions = new Map<string, number>()

/** Kept: a testnet looks at the views of all nodes several times a second. Bounded by the nodes of this process' testnets. */
function placeOf(id: string): number {
  const known = positions.get(id) ?? positionOf(id)
  positions.set(id, known)
  return known
}

const RING = ['successor', 'predecessor', 'long link']

/** @param structure instead of the ring's, the members of this structure are the contacts */
export function viewOf({ tendril }: TendrilNode, structure?: string): Omit<View, 'index'> {
  const { id } = tendril
  const position = placeOf(id)
  const peers = tendril.peers()
  const ring = peers.filter(({ role }) => RING.includes(role)).map((peer) => peer.id)
  let successor: string | undefined
  let predecessor: string | undefined
  for (const contact of ring) {
    const distance = clockwise(position, placeOf(contact))
    if (successor === undefined || distance < clockwise(position, placeOf(successor))) successor = contact
    if (predecessor === undefined || distance > clockwise(position, placeOf(predecessor))) predecessor = contact
  }
  const members = peers.filter(({ structures }) => structures.some(({ name }) => name === structure))
  const contacts = structure === undefined ? ring : members.map((peer) => peer.id)
  const { ranked, settled } = tendril.status()
  return { id, position, contacts, ranked, settled, successor, predecessor }
}

export interface Load {
  readonly messages: number
  readonly bytes: number
  readonly copies: number
  readonly queued: number
}

export function loadOf({ tendril }: TendrilNode): Load {
  const { links, broadcast } = tendril.status()
  return {
    messages: links?.sent.messages ?? 0,
    bytes: links?.sent.bytes ?? 0,
    copies: broadcast.done.copies ?? 0,
    queued: (links?.queued.bytes ?? 0) + (links?.unread ?? 0),
  }
}

/** The admin API of the daemon in front of a node, found by the command line through a folder of its own. */
export async function serveNode(node: TendrilNode): Promise<{ served: Served; close(): Promise<void> }> {
  const data = await mkdtemp(join(tmpdir(), 'tendril-testnet-'))
  const config = configSchema.parse({ network: node.tendril.network, data, admin: { port: 0 } })
  const daemon = await startDaemon(config, node, createLog('silent', false))
  const { readCredentials } = await import('../../node/daemon/credentials.ts')
  const token = (await readCredentials(data))?.token ?? ''
  return {
    served: { url: daemon.url, token, data },
    async close() {
      await daemon.stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}
