import { clockwise } from '../../core/position.ts'
import { bandOf, SIDE } from '../../overlays/tman/ring.ts'
import { type Testnet, type View, waitFor } from '../testnet.ts'
import type { Check } from './check.ts'

export interface Ring {
  /** First successors and first predecessors that are the true ones. */
  readonly correct: number
  readonly total: number
}

export interface Bands {
  /** Doubling bands of clockwise distance in which a node knows somebody who lives. */
  readonly filled: number
  /** Bands with a living node other than the true SIDE neighbours on each side, over all nodes. */
  readonly total: number
}

interface Placed {
  readonly id: string
  readonly position: number
}

/** Of each node: is its first successor the nearest living node clockwise, its first predecessor the nearest the other way? */
export function ringOf(views: readonly View[]): Ring {
  const order = inOrder(views)
  let correct = 0
  order.forEach((view, i) => {
    if (view.successor === neighbour(order, i, 1)) correct++
    if (view.predecessor === neighbour(order, i, -1)) correct++
  })
  return { correct, total: order.length * 2 }
}

/** A node alone has itself on both sides, and knows nobody. */
function neighbour(order: readonly View[], i: number, step: number): string | undefined {
  return order.length < 2 ? undefined : order[(i + step + order.length) % order.length]?.id
}

export function bandsOf(views: readonly View[]): Bands {
  const order = inOrder(views)
  let filled = 0
  let total = 0
  order.forEach((view, i) => {
    const others: Placed[] = [...order.slice(i + 1), ...order.slice(0, i)]
    const band = ({ position }: Placed) => bandOf(Math.max(1, clockwise(view.position, position)))
    const far = new Set(others.slice(SIDE, Math.max(SIDE, others.length - SIDE)).map(band))
    const contacts = new Set(view.contacts)
    const known = new Set(others.filter(({ id }) => contacts.has(id)).map(band))
    total += far.size
    filled += [...far].filter((b) => known.has(b)).length
  })
  return { filled, total }
}

function inOrder(views: readonly View[]): View[] {
  return [...views].sort((a, b) => a.position - b.position)
}

/** Within `limit` ms every link of the ring is right, and every node has found its place. */
export function ringComplete(limit: number): Check {
  const name = 'ring'
  return {
    name,
    async run(testnet: Testnet) {
      let [correct, total, settled, nodes] = [0, 0, 0, 0]
      const complete = async () => {
        const views = await testnet.views()
        ;({ correct, total } = ringOf(views))
        nodes = views.length
        settled = views.filter((view) => view.settled).length
        return correct === total && settled === nodes
      }
      const ok = await waitFor(testnet, complete, limit)
      const detail = `${correct} of ${total} ring links are right, ${settled} of ${nodes} nodes have found their place`
      return { name, ok, detail }
    },
  }
}

/** Within `limit` ms every node has a long link into every band that it can have one in. */
export function bandsFilled(limit: number): Check {
  const name = 'long links'
  return {
    name,
    async run(testnet: Testnet) {
      let bands = bandsOf(await testnet.views())
      await waitFor(
        testnet,
        async () => {
          bands = bandsOf(await testnet.views())
          return bands.filled === bands.total
        },
        limit,
      )
      const detail = `${bands.filled} of ${bands.total} bands have a long link`
      return { name, ok: bands.filled === bands.total, detail }
    },
  }
}
