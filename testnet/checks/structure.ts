import { torusTargets } from '../../overlays/tman/torus.ts'
import { searchTreeTargets } from '../../overlays/tman/tree.ts'
import { type Testnet, type View, waitFor } from '../testnet.ts'
import type { Check } from './check.ts'
import { ringOf } from './ring.ts'

/** What `targetsOf` knows, as help text says it. */
export const WITH_TARGETS = 'ring, line:<attribute>, torus, tree'

export interface LinksFound {
  /** Target links that are there: from a node to one in its view. */
  readonly correct: number
  readonly total: number
}

interface Placed {
  readonly id: string
  readonly position: number
  readonly attributes: Readonly<Record<string, number>>
}

/** Whether it is known which links nodes must have in this structure. */
export function hasTargets(structure: string): boolean {
  return structure === 'ring' || structure === 'torus' || structure === 'tree' || structure.startsWith('line:')
}

/**
 * How many target links of the structure are in the views of the living.
 * @param views those of the structure itself (`testnet.views(structure)`)
 * @throws RangeError for a structure without target links
 */
export function linksOf(structure: string, views: readonly View[]): LinksFound {
  if (structure === 'ring') return ringOf(views)
  const targets = targetsOf(structure, views)
  let correct = 0
  let total = 0
  for (const { id, contacts } of views) {
    const wanted = targets.get(id) ?? []
    const known = new Set(contacts)
    total += wanted.length
    correct += wanted.filter((peer) => known.has(peer)).length
  }
  return { correct, total }
}

/** Whom each node must know, out of nothing but what the descriptors of the living say: so values that change are no error. */
function targetsOf(structure: string, views: readonly View[]): Map<string, readonly string[]> {
  const nodes: Placed[] = views.map(({ id, position, ranked }) => ({ id, position, attributes: ranked }))
  const ids = (peers: readonly Placed[]) => peers.map(({ id }) => id)
  if (structure === 'torus') return new Map(nodes.map((node) => [node.id, ids(torusTargets(node, nodes))]))
  if (structure === 'tree') return new Map([...searchTreeTargets(nodes)].map(([id, peers]) => [id, ids(peers)]))
  if (!structure.startsWith('line:')) {
    throw new RangeError(`nobody says which links ${structure} must have: only ${WITH_TARGETS} have target links`)
  }
  return lineTargets(structure.slice('line:'.length), nodes)
}

/** The next above and the next below; equal values in the order of positions. Who has no value is not on the line. */
function lineTargets(attribute: string, nodes: readonly Placed[]): Map<string, readonly string[]> {
  const value = ({ attributes }: Placed) => attributes[attribute] as number
  const order = nodes
    .filter(({ attributes }) => Object.hasOwn(attributes, attribute))
    .sort((a, b) => value(a) - value(b) || a.position - b.position)
  return new Map(
    order.map(({ id }, i) => [id, [order[i - 1]?.id, order[i + 1]?.id].filter((beside) => beside !== undefined)]),
  )
}

/** Within `limit` ms every target link of the structure is there. Where there are two nodes or more, there must be some. */
export function structureComplete(structure: string, limit: number): Check {
  const name = structure
  return {
    name,
    async run(testnet: Testnet) {
      let links: LinksFound = { correct: 0, total: 0 }
      const complete = async () => {
        const views = await testnet.views(structure === 'ring' ? undefined : structure)
        links = linksOf(structure, views)
        return links.correct === links.total && (links.total > 0 || views.length < 2)
      }
      const ok = await waitFor(testnet, complete, limit)
      return { name, ok, detail: `${links.correct} of ${links.total} target links of ${structure} are there` }
    },
  }
}
