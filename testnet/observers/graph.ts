import type { Random } from '../../core/random.ts'

/** Nodes 0 to `nodes` - 1 and whom each of them knows, by index; nobody knows itself. */
export interface Graph {
  readonly nodes: number
  out(node: number): readonly number[]
}

/** How many know each node. */
export function inDegrees({ nodes, out }: Graph): Int32Array {
  const degrees = new Int32Array(nodes)
  for (let node = 0; node < nodes; node++) for (const peer of out(node)) degrees[peer] = (degrees[peer] ?? 0) + 1
  return degrees
}

/** Sizes of the components when a link carries both ways, the largest first. One entry: the graph is connected. */
export function components({ nodes, out }: Graph): number[] {
  const parent = Int32Array.from({ length: nodes }, (_, node) => node)
  const root = (node: number): number => {
    let at = node
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] as number] as number
      at = parent[at] as number
    }
    return at
  }
  for (let node = 0; node < nodes; node++) for (const peer of out(node)) parent[root(node)] = root(peer)
  const sizes = new Map<number, number>()
  for (let node = 0; node < nodes; node++) sizes.set(root(node), (sizes.get(root(node)) ?? 0) + 1)
  return [...sizes.values()].sort((a, b) => b - a)
}

/**
 * Mean clustering coefficient of the undirected graph: of the pairs of a node's neighbours, the share that are neighbours
 * themselves (Watts and Strogatz 1998). Over `sample` random nodes.
 */
export function clustering(graph: Graph, random: Random, sample = 1000): number {
  const neighbours = undirected(graph)
  let sum = 0
  const chosen = choose(graph.nodes, sample, random)
  for (const node of chosen) {
    const around = [...(neighbours[node] as Set<number>)]
    let links = 0
    around.forEach((a, i) => {
      for (let j = i + 1; j < around.length; j++) if (neighbours[a]?.has(around[j] as number)) links++
    })
    const pairs = (around.length * (around.length - 1)) / 2
    if (pairs > 0) sum += links / pairs
  }
  return chosen.length === 0 ? 0 : sum / chosen.length
}

/** Mean number of links on the shortest way from `sample` random nodes to all that they reach, links carrying both ways. */
export function pathLength(graph: Graph, random: Random, sample = 20): number {
  const neighbours = undirected(graph)
  let sum = 0
  let reached = 0
  for (const source of choose(graph.nodes, sample, random)) {
    const distance = new Int32Array(graph.nodes).fill(-1)
    distance[source] = 0
    const queue = [source]
    for (const node of queue) {
      for (const peer of neighbours[node] as Set<number>) {
        if (distance[peer] !== -1) continue
        distance[peer] = (distance[node] as number) + 1
        sum += distance[peer] as number
        reached++
        queue.push(peer)
      }
    }
  }
  return reached === 0 ? 0 : sum / reached
}

/** Every node knows `degree` others, each set of others as likely as any: what a random overlay is held against. */
export function randomGraph(nodes: number, degree: number, random: Random): Graph {
  const rows = Array.from({ length: nodes }, (_, node) => {
    const known = new Set<number>()
    while (known.size < Math.min(degree, nodes - 1)) {
      const peer = random.integer(nodes)
      if (peer !== node) known.add(peer)
    }
    return [...known]
  })
  return { nodes, out: (node) => rows[node] ?? [] }
}

function undirected({ nodes, out }: Graph): Set<number>[] {
  const sets = Array.from({ length: nodes }, () => new Set<number>())
  for (let node = 0; node < nodes; node++) {
    for (const peer of out(node)) {
      sets[node]?.add(peer)
      sets[peer]?.add(node)
    }
  }
  return sets
}

function choose(nodes: number, sample: number, random: Random): number[] {
  const all = Array.from({ length: nodes }, (_, node) => node)
  return sample >= nodes ? all : random.sample(all, sample)
}
