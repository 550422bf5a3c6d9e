import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { clockwise, SPACE } from '../../../core/position.ts'
import { CONFIDENCE, fromExponentials, meanAndDeviation, type SizeEstimate } from './estimate.ts'

/** A stretch of the ring, as a share of it, and how many spacings between neighbours lie in it. */
export interface Stretch {
  readonly length: number
  readonly spacings: number
}

/** From the last of the nearest predecessors to the last of the nearest successors; undefined when a side is empty. */
export function stretchAround(self: PeerDescriptor, { predecessors, successors }: Neighbours): Stretch | undefined {
  const first = predecessors.at(-1)
  const last = successors.at(-1)
  if (first === undefined || last === undefined) return undefined
  const length = clockwise(first.position, self.position) + clockwise(self.position, last.position)
  return { length: length / SPACE, spacings: predecessors.length + successors.length }
}

/** As `stretchAround`; all of the ring, and as many spacings as nodes, where the neighbours go so far round that one is on both sides. */
export function ringAround(self: PeerDescriptor, neighbours: Neighbours): Stretch | undefined {
  const after = new Set(neighbours.successors.map(({ id }) => id))
  const before = neighbours.predecessors.filter(({ id }) => !after.has(id)).length
  if (before < neighbours.predecessors.length) return { length: 1, spacings: 1 + after.size + before }
  return stretchAround(self, neighbours)
}

/** Of a node on the ring, nearest first. */
export interface Neighbours {
  readonly predecessors: readonly PeerDescriptor[]
  readonly successors: readonly PeerDescriptor[]
}

/** This node's arc, up to its successor, as a share of the ring: over all nodes of a settled ring they add up to 1. */
export function arcOf(self: PeerDescriptor, { successors }: Neighbours): number | undefined {
  const [next] = successors
  return next === undefined ? undefined : clockwise(self.position, next.position) / SPACE
}

/**
 * Size from the spacing of positions on the ring, which are hashes and so uniform.
 *
 * From stretches (this node's, and those of peers that told theirs): M spacings in all, relative deviation 1/sqrt(M - 2).
 * From the average arc that gossip came to: the arcs of a settled ring add up to 1, so their average is 1/N exactly, and how far
 * this node's recent estimates of it are apart says how far gossip has come.
 */
export class RingSize {
  readonly #stretches: readonly Stretch[]
  readonly #averages: readonly number[]

  /** @param stretches that do not overlap much @param averages this node's last estimates of the average arc @default none */
  constructor(stretches: readonly Stretch[], averages: readonly number[] = []) {
    this.#stretches = stretches
    this.#averages = averages
  }

  estimate(): SizeEstimate | undefined {
    return this.#fromAverages() ?? this.#fromStretches()
  }

  #fromStretches(): SizeEstimate | undefined {
    const spacings = this.#stretches.reduce((sum, one) => sum + one.spacings, 0)
    return fromExponentials(
      spacings,
      this.#stretches.reduce((sum, { length }) => sum + length, 0),
    )
  }

  #fromAverages(): SizeEstimate | undefined {
    if (this.#averages.length < 4) return undefined
    const { mean, deviation } = meanAndDeviation(this.#averages)
    const half = 4 * deviation
    if (!(mean > half)) return undefined
    return { value: 1 / mean, low: 1 / (mean + half), high: 1 / (mean - half), confidence: CONFIDENCE }
  }
}
