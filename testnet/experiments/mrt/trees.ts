import type { Random } from '../../../core/random.ts'
import { type Copies, fewestCopies } from '../../../protocols/broadcast/reliable/copies.ts'
import { MAX_COPIES } from '../../../protocols/broadcast/reliable/plan.ts'
import { type Graph, type Link, maximumReliabilityTree, type Tree } from '../../../protocols/broadcast/reliable/tree.ts'
import type { Rates } from './steps.ts'
import type { Topology } from './topology.ts'

/** The network as it is: what a process believes after infinitely many heartbeats. */
export function truth({ nodes, links }: Topology, rates: Rates): Graph {
  const neighbours: Link[][] = Array.from({ length: nodes }, () => [])
  for (const [i, [a, b]] of links.entries()) {
    const loss = rates.links[i] as number
    neighbours[a]?.push({ to: b, loss })
    neighbours[b]?.push({ to: a, loss })
  }
  return { failures: rates.processes, links: neighbours }
}

export interface Optimal extends Copies {
  readonly tree: Tree
}

/** The optimal algorithm: the same functions that `Reliable` plans with, given the truth. */
export function optimal(topology: Topology, rates: Rates, reliability: number): Optimal {
  const tree = maximumReliabilityTree(truth(topology, rates), 0)
  return { tree, ...fewestCopies(tree.failures, reliability, MAX_COPIES) }
}

export interface Drawn {
  /** Share of the broadcasts that reached everybody. */
  readonly delivered: number
  /** Messages a broadcast, mean. */
  readonly copies: number
  readonly acknowledgements: number
}

/**
 * Broadcasts of a plan, drawn directly: every copy and every acknowledgement over a link fails with its lambda, independently.
 * @param acknowledge whether copies stop at the first acknowledgement
 */
export function draw({ tree, copies }: Optimal, runs: number, acknowledge: boolean, random: Random): Drawn {
  const { sizes, failures } = tree
  let delivered = 0
  let sent = 0
  let acknowledgements = 0
  for (let run = 0; run < runs; run++) {
    let everybody = true
    for (let place = 1; place < sizes.length; ) {
      const failure = failures[place] as number
      let arrived = false
      for (let copy = copies[place] as number; copy > 0; copy--) {
        sent++
        if (random.chance(failure)) continue
        arrived = true
        if (!acknowledge) continue
        acknowledgements++
        if (!random.chance(failure)) break
      }
      if (!arrived) everybody = false
      // Whoever got nothing passes nothing on: the branch below is silent.
      place += arrived ? 1 : (sizes[place] as number)
    }
    if (everybody) delivered++
  }
  return { delivered: delivered / runs, copies: sent / runs, acknowledgements: acknowledgements / runs }
}
