import { Heap } from './heap.ts'

/** A network as one process believes it to be. Nodes are numbers from 0. */
export interface Graph {
  /** Probability that a node's step fails, by node. */
  readonly failures: readonly number[]
  /** Links of a node, by node; each link stands at both of its ends. */
  readonly links: readonly (readonly Link[])[]
}

export interface Link {
  readonly to: number
  /** Probability that it loses a message. */
  readonly loss: number
}

/** A tree in preorder: a node and all below it stand side by side, so that a branch is a slice. */
export interface Tree {
  /** Node numbers; the root first. */
  readonly nodes: readonly number[]
  /** Nodes of the branch that begins here, itself included. */
  readonly sizes: readonly number[]
  /** lambda: probability that one transmission over the link to this node fails; 0 at the root. */
  readonly failures: readonly number[]
}

/** lambda_j = 1 - (1 - P_parent)(1 - L_j)(1 - P_j) */
export function transmissionFailure(parent: number, loss: number, child: number): number {
  return 1 - (1 - parent) * (1 - loss) * (1 - child)
}

/**
 * The maximum reliability tree (MRT): Prim's maximum spanning tree over the reliabilities (1 - P_i)(1 - L_ij)(1 - P_j), of what
 * can be reached from the root. O(E log E).
 */
export function maximumReliabilityTree(graph: Graph, root: number): Tree {
  const nodes = graph.links.length
  const parents = new Int32Array(nodes).fill(-1)
  const failures = new Float64Array(nodes).fill(1)
  const settled = new Uint8Array(nodes)
  const children: number[][] = graph.links.map(() => [])
  const heap = new Heap()
  failures[root] = 0
  heap.push(root, 1)
  for (let node = heap.pop(); node !== undefined; node = heap.pop()) {
    if (settled[node] === 1) continue
    settled[node] = 1
    if (node !== root) children[parents[node] as number]?.push(node)
    for (const { to, loss } of graph.links[node] ?? []) {
      if (settled[to] === 1) continue
      const failure = transmissionFailure(graph.failures[node] as number, loss, graph.failures[to] as number)
      // A node that was never offered a link is taken at any reliability, even none.
      if (parents[to] !== -1 && failure >= (failures[to] as number)) continue
      parents[to] = node
      failures[to] = failure
      heap.push(to, 1 - failure)
    }
  }
  return inPreorder(root, children, failures)
}

function inPreorder(root: number, children: readonly (readonly number[])[], failures: Float64Array): Tree {
  const nodes: number[] = []
  const above: number[] = [] // place of the parent, by place
  const waiting: [node: number, parent: number][] = [[root, -1]]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [node, parent] = next
    const place = nodes.length
    nodes.push(node)
    above.push(parent)
    const below = children[node] ?? []
    for (let i = below.length - 1; i >= 0; i--) waiting.push([below[i] as number, place])
  }
  const sizes = nodes.map(() => 1)
  for (let place = nodes.length - 1; place > 0; place--) {
    const parent = above[place] as number
    sizes[parent] = (sizes[parent] as number) + (sizes[place] as number)
  }
  return { nodes, sizes, failures: nodes.map((node) => failures[node] as number) }
}
