import type { Believed } from './believed.ts'
import { fewestCopies } from './copies.ts'
import { maximumReliabilityTree } from './tree.ts'

/**
 * T and m as they travel with a message: a branch of the maximum reliability tree in preorder, its root first. All lists are
 * equally long. (Departure: the paper ships the whole tree; a node needs only what is below it.)
 */
export interface Branch {
  /** Ring positions. */
  readonly positions: readonly number[]
  /** m: how often the parent sends to this node. */
  readonly copies: readonly number[]
  /** Nodes of the branch that begins here, itself included. */
  readonly sizes: readonly number[]
}

/** Members of a group that a message can be sent to: 512 take at most 6 KiB of it. */
export const MAX_BRANCH = 512
/** Most copies over one link, whatever a plan says: with half of the transmissions lost 16 reach K = .99998. */
export const MAX_COPIES = 16

export interface Plan {
  readonly branch: Branch
  /** Probability that everybody in the branch gets a message. */
  readonly reach: number
  /** Messages of a broadcast without acknowledgements. */
  readonly total: number
}

/** The fewest messages from the first node of the graph to all it can reach, so that all get it with probability K. */
export function planOf(network: Believed, reliability: number): Plan {
  const { nodes, sizes, failures } = maximumReliabilityTree(network, 0)
  const { copies, reach, total } = fewestCopies(failures, reliability, MAX_COPIES)
  const positions = nodes.map((node) => network.positions[node] as number)
  return { branch: { positions, copies: copies.map((m) => Math.max(1, m)), sizes }, reach, total }
}

/** The branches below the root, each beginning with a child of it. */
export function branchesBelow({ positions, copies, sizes }: Branch): Branch[] {
  const branches: Branch[] = []
  for (let at = 1; at < sizes.length; ) {
    const end = at + Math.max(1, sizes[at] ?? 1)
    branches.push({ positions: positions.slice(at, end), copies: copies.slice(at, end), sizes: sizes.slice(at, end) })
    at = end
  }
  return branches
}

/** Whether the sizes are those of one branch: each lies within the branch that it begins in. */
export function isBranch(sizes: readonly number[]): boolean {
  const ends: number[] = []
  for (const [at, size] of sizes.entries()) {
    while (ends.length > 0 && at >= (ends.at(-1) as number)) ends.pop()
    const end = at + size
    if (size < 1 || end > (ends.at(-1) ?? sizes.length)) return false
    if (at > 0 && ends.length === 0) return false
    ends.push(end)
  }
  return sizes[0] === sizes.length
}
