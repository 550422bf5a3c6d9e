import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TendrilNode } from '../../node/create.ts'
import { startNode } from './node.ts'

const COUNT = 16
const STRUCTURES = ['spanning-tree', 'slices:number', 'superpeers']

interface Emergent {
  readonly 'spanning-tree': { readonly root: string; readonly distance: number; readonly parent: string | null }
  readonly 'slices:number': { readonly rank: number | null; readonly error: number | null; readonly values: number }
  readonly superpeers: { readonly role: string; readonly superPeer: string | null; readonly clients: number }
}

function statusOf(nodes: readonly TendrilNode[]): Map<string, Emergent> {
  return new Map(nodes.map(({ tendril }) => [tendril.id, tendril.status().structures as unknown as Emergent]))
}

/** Why there is no one tree over these nodes, or somebody without one super-peer that serves it. */
function faults(nodes: readonly TendrilNode[]): string[] {
  const status = statusOf(nodes)
  const roots = new Set([...status.values()].map((one) => one['spanning-tree'].root))
  const wrong = roots.size === 1 ? [] : [`${roots.size} roots`]
  let places = 0
  let clients = 0
  for (const [id, { 'spanning-tree': tree, superpeers }] of status) {
    const above = tree.parent === null ? undefined : status.get(tree.parent)?.['spanning-tree']
    if (tree.root !== id && (above === undefined || above.distance >= tree.distance))
      wrong.push(`${id} hangs on nobody`)
    places += superpeers.clients
    if (superpeers.role !== 'client') continue
    clients++
    if (status.get(superpeers.superPeer ?? '')?.superpeers.role !== 'super-peer')
      wrong.push(`${id} is served by nobody`)
  }
  return places === clients ? wrong : [...wrong, `${places} places for ${clients} clients`]
}

async function until(holds: () => boolean, ms: number): Promise<boolean> {
  const end = Date.now() + ms
  while (!holds()) {
    if (Date.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return true
}

test('16 real nodes: one spanning tree, few super-peers, everybody its quantile; when root and a super-peer die, others follow', async (t) => {
  const nodes: TendrilNode[] = []
  try {
    const common = { network: 'emergent', seed: 21, dht: false, structures: STRUCTURES, gossipPeriod: undefined }
    for (let index = 0; index < COUNT; index++) {
      nodes.push(await startNode({ ...common, index, bootstrap: nodes[0]?.addresses[0] }))
    }
    const superPeers = () => [...statusOf(nodes).values()].filter(({ superpeers }) => superpeers.role === 'super-peer')
    assert.ok(await until(() => faults(nodes).length === 0 && superPeers().length === 1, 60_000), `${faults(nodes)}`)
    const known = () => [...statusOf(nodes).values()].every((one) => one['slices:number'].values >= COUNT / 2)
    assert.ok(await until(known, 60_000), 'values of half of the others')
    for (const [index, { 'slices:number': slices }] of [...statusOf(nodes).values()].entries()) {
      const truth = (index + 0.5) / COUNT
      const { rank, error } = slices
      assert.ok(Math.abs((rank ?? -1) - truth) <= 3 * (error ?? 0), `${index}: ${rank} +- ${error}, in truth ${truth}`)
    }
    t.diagnostic(JSON.stringify([...statusOf(nodes).values()][3]))

    const { root } = ([...statusOf(nodes).values()][0] as Emergent)['spanning-tree']
    const [server] = [...statusOf(nodes)].filter(([, { superpeers }]) => superpeers.role === 'super-peer')
    const dying = new Set([root, server?.[0]])
    for (const node of nodes.filter(({ tendril }) => dying.has(tendril.id))) await node.stop()
    const live = nodes.filter(({ tendril }) => !dying.has(tendril.id))
    const whole = () => faults(live).length === 0
    assert.ok(await until(whole, 60_000), `${faults(live)}`)
    assert.ok([...statusOf(live).values()].every((one) => !dying.has(one['spanning-tree'].root)))
    nodes.splice(0, nodes.length, ...live)
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
})
