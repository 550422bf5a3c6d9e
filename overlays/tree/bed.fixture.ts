import assert from 'node:assert/strict'
import { TokenBucket } from '../../core/bucket.ts'
import { RootOrder } from './beacon.ts'
import type { TreeMessage } from './messages.ts'
import { Network } from './network.fixture.ts'
import { Tree } from './tree.ts'

export const PERIOD = 1000
export const HOUR = 3_600_000

/** Nodes whose contacts are the edges of a graph: a ring of all and `chords` random ones a node. */
export function network(
  nodes: number,
  { seed = 1, chords = 2, epoch = HOUR, edges = graph(nodes, chords, seed) } = {},
) {
  const net: Network<TreeMessage, Tree> = new Network(seed, (environment) => {
    const contacts = () => [...(edges.get(environment.self.id) ?? [])].map((id) => net.node(id).self)
    return new Tree(environment, { contacts, epoch, period: PERIOD, budget: new TokenBucket(1e6, 1e6) })
  })
  for (const id of edges.keys()) net.add(id)
  return { net, edges }
}

export function graph(nodes: number, chords: number, seed: number): Map<string, Set<string>> {
  const edges = new Map(Array.from({ length: nodes }, (_, i) => [`n${i}`, new Set<string>()]))
  const connect = (a: number, b: number) => {
    if (a % nodes === b % nodes) return
    edges.get(`n${a % nodes}`)?.add(`n${b % nodes}`)
    edges.get(`n${b % nodes}`)?.add(`n${a % nodes}`)
  }
  let state = seed
  for (let i = 0; i < nodes; i++) {
    connect(i, i + 1)
    for (let k = 0; k < chords; k++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      connect(i, i + 2 + (state % Math.max(1, nodes - 3)))
    }
  }
  return edges
}

export type Bed = ReturnType<typeof network>

/** Groups of live nodes that hang together over edges on which messages get through. */
export function components({ net, edges }: Bed): string[][] {
  const live = new Set(net.live.map(({ id }) => id))
  const found: string[][] = []
  for (const start of [...live]) {
    if (!live.delete(start)) continue
    const component = [start]
    for (const id of component) {
      for (const next of edges.get(id) ?? []) if (net.open(id, next) && live.delete(next)) component.push(next)
    }
    found.push(component)
  }
  return found
}

/** Which live node ought to be root: the lowest hash. */
export function best(ids: readonly string[], now: number, epoch = HOUR): string {
  const order = new RootOrder(epoch)
  const hash = (id: string) => order.hash(id, order.epochOf(now))
  return ids.reduce((a, b) => (hash(a) < hash(b) ? a : b))
}

/** What is wrong with the trees; nothing when there is one perfect one in every component. */
export function faults(bed: Bed, epoch = HOUR): string[] {
  const { net } = bed
  const wrong: string[] = []
  for (const component of components(bed)) {
    const root = best(component, net.now, epoch)
    for (const id of component) {
      const tree = net.node(id).protocol
      if (tree.root !== root) wrong.push(`${id} has root ${tree.root}, not ${root}`)
      if (id === root && (tree.parent !== undefined || tree.distance !== 0)) wrong.push(`root ${id} has a parent`)
      if (id === root) continue
      const parent = tree.parent === undefined ? undefined : net.node(tree.parent.id)
      if (parent === undefined || !parent.alive) wrong.push(`${id} is not attached`)
      else if (tree.distance !== parent.protocol.distance + 1) wrong.push(`${id} has a wrong distance`)
      else if (!parent.protocol.children.some((child) => child.id === id)) wrong.push(`${id} is not listed`)
    }
  }
  return wrong
}

/** The tree is there and stays: what changes on the way to shorter distances takes a message each hop to get around. */
export function assertRest(bed: Bed, rounds: number, epoch = HOUR): void {
  for (let half = 0; half < 2 * rounds; half++) {
    bed.net.run(PERIOD / 2)
    const serious = faults(bed, epoch).filter((fault) => !/distance|listed/.test(fault))
    assert.deepEqual(serious, [])
  }
  roundsUntilPerfect(bed, 2, epoch)
}

/** Rounds until there is one perfect tree in every component. */
export function roundsUntilPerfect(bed: Bed, limit: number, epoch = HOUR): number {
  for (let half = 0; half <= 2 * limit; half++) {
    if (faults(bed, epoch).length === 0) return half / 2
    bed.net.run(PERIOD / 2)
  }
  assert.fail(`after ${limit} rounds: ${faults(bed, epoch).slice(0, 3).join('; ')}`)
}

/** Nodes that come back to themselves when they follow their parents, each cycle as one text. */
export function cycles({ net }: Bed): Set<string> {
  const found = new Set<string>()
  for (const { id } of net.live) {
    const path: string[] = []
    let at: string | undefined = id
    while (at !== undefined && net.node(at).alive && !path.includes(at)) {
      path.push(at)
      at = net.node(at).protocol.parent?.id
    }
    if (at !== undefined && path.includes(at)) found.add(path.slice(path.indexOf(at)).sort().join())
  }
  return found
}
