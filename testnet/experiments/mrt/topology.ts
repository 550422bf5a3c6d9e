import type { Random } from '../../../core/random.ts'

/** Links between nodes numbered from 0, each once. */
export interface Topology {
  readonly nodes: number
  readonly links: readonly (readonly [number, number])[]
}

export function ring(nodes: number): Topology {
  return { nodes, links: Array.from({ length: nodes }, (_, i): [number, number] => [i, (i + 1) % nodes]) }
}

/** Every node is linked to a random one of those before it: what the paper's "random tree" is, the seed does not say. */
export function randomTree(nodes: number, random: Random): Topology {
  const links = Array.from({ length: nodes - 1 }, (_, i): [number, number] => [random.integer(i + 1), i + 1])
  return { nodes, links }
}

/**
 * A random graph of so many links a process, and connected: a ring, and further random rings over it. Links that were there
 * already are drawn again, up to a few that stay missing in small graphs. @param connectivity even
 */
export function randomGraph(nodes: number, connectivity: number, random: Random): Topology {
  const links = ring(nodes).links.map(([a, b]): [number, number] => [a, b])
  const known = new Set(links.map(([a, b]) => keyOf(a, b)))
  for (let round = 1; round < connectivity / 2; round++) {
    const order = random.sample(
      Array.from({ length: nodes }, (_, i) => i),
      nodes,
    )
    for (const [i, a] of order.entries()) {
      let b = order[(i + 1) % nodes] as number
      for (let tries = 0; tries < 50 && (a === b || known.has(keyOf(a, b))); tries++) b = random.integer(nodes)
      if (a === b || known.has(keyOf(a, b))) continue
      known.add(keyOf(a, b))
      links.push([a, b])
    }
  }
  return { nodes, links }
}

function keyOf(a: number, b: number): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
