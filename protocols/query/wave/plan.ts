import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { clockwise, SPACE } from '../../../core/position.ts'
import { contains, cut, type Interval, lengthOf, type Piece, placeOf } from '../../../overlays/intervals/intervals.ts'
import { sides } from '../../../overlays/tman/ring.ts'

export interface Plan {
  /** This node sits in the interval and has to count itself. */
  readonly mine: boolean
  /** What goes to others. */
  readonly pieces: readonly Piece[]
  /** Stretches that nobody within reach knows anything about. */
  readonly unknown: readonly Interval[]
  /** Stretches that hold nobody, as far as this node knows: between its own neighbours. */
  readonly empty: readonly Interval[]
}

export interface Doubts {
  readonly gone?: readonly PeerDescriptor[]
  readonly settled?: boolean
}

/**
 * How this node answers for an interval with the contacts it has (DESIGN: order gives trees for free).
 *
 * Contacts inside cut it; each piece goes to the contact it starts with. A gap, where no contact is known, holds nobody as
 * far as it lies between this node's own neighbours. The rest goes to whoever is nearest before it, who knows its own
 * successors; and if that is this node itself, whose successors all fell silent, to whoever is nearest behind it, who knows
 * its predecessors. A gap so moves to nodes nearer to it or shrinks; where it can do neither, it is unknown.
 *
 * Pieces are disjoint and inside the interval, and hold neither this node nor, as delegates, anybody excluded.
 *
 * @param gone neighbours that died lately. With them this node knew everybody around; the contacts that took their place may
 *   lie beyond others that it does not know yet, and are not vouched for
 * @param settled whether this node has found its place. Until then it does not know that nobody is between it and its neighbours
 */
export function plan(
  interval: Interval,
  self: PeerDescriptor,
  contacts: readonly PeerDescriptor[],
  excluded: ReadonlySet<string> = new Set(),
  { gone = [], settled = true }: Doubts = {},
): Plan {
  const others = contacts.filter(({ position }) => position !== self.position)
  const usable = others.filter(({ id }) => !excluded.has(id))
  const arc = settled ? arcOf(self, [...others, ...gone]) : placeOf(self.position)
  const knowledge = { self, usable, arc }
  if (!contains(interval, self.position)) return { mine: false, ...around(interval, knowledge) }
  const after = { from: self.position, to: interval.to }
  const empty = after.from === after.to && interval.from !== interval.to
  const right = empty ? NOTHING : around(after, knowledge)
  const left = interval.from === self.position ? NOTHING : around({ from: interval.from, to: self.position }, knowledge)
  return {
    mine: true,
    pieces: [...left.pieces, ...right.pieces],
    unknown: [...left.unknown, ...right.unknown],
    empty: [...left.empty, ...right.empty],
  }
}

interface Knowledge {
  readonly self: PeerDescriptor
  readonly usable: readonly PeerDescriptor[]
  /** Where this node knows everybody: from its farthest predecessor to its farthest successor. Undefined: everywhere. */
  readonly arc: Interval | undefined
}

/** Also neighbours that are excluded count here: they are silent, but nobody unknown is among them. */
function arcOf(self: PeerDescriptor, contacts: readonly PeerDescriptor[]): Interval | undefined {
  const { successors, predecessors } = sides(self, contacts)
  const [first, last] = [predecessors.at(-1), successors.at(-1)]
  const wraps = successors.some(({ id }) => predecessors.some((other) => other.id === id))
  if (first === undefined || last === undefined || wraps) return undefined
  return { from: first.position, to: (last.position + 1) % SPACE }
}

const NOTHING = { pieces: [], unknown: [], empty: [] } as const

/** What to do about an interval that does not hold this node, or begins with it. */
function around(interval: Interval, knowledge: Knowledge): Omit<Plan, 'mine'> {
  const { head, pieces } = cut(interval, knowledge.usable)
  if (head === undefined) return { pieces, unknown: [], empty: [] }
  const gap = outside(head, knowledge.arc)
  if (gap === undefined) return { pieces, unknown: [], empty: [head] }
  const empty = [
    { from: head.from, to: gap.from },
    { from: gap.to, to: head.to },
  ].filter(({ from, to }) => from !== to)
  const delegate = whoKnows(gap, knowledge, empty.length > 0)
  if (delegate === undefined) return { pieces, unknown: [gap], empty }
  return { pieces: [{ interval: gap, delegate }, ...pieces], unknown: [], empty }
}

/** What of a gap lies outside the arc; undefined if nothing does. */
function outside(gap: Interval, arc: Interval | undefined): Interval | undefined {
  if (arc === undefined) return undefined
  const end = (gap.from + lengthOf(gap) - 1) % SPACE
  const skipped = contains(arc, gap.from) ? clockwise(gap.from, arc.to) : 0
  const dropped = contains(arc, end) ? clockwise(arc.from, end) + 1 : 0
  if (skipped + dropped >= lengthOf(gap)) return undefined
  return { from: (gap.from + skipped) % SPACE, to: (end + 1 - dropped + SPACE) % SPACE }
}

/** Whom to ask about a gap. @param shrunk this node could take something off it, so asking on the far side makes sense */
function whoKnows(gap: Interval, { self, usable }: Knowledge, shrunk: boolean): PeerDescriptor | undefined {
  const before = nearest(usable, (peer) => clockwise(peer.position, gap.from), clockwise(self.position, gap.from))
  if (before !== undefined || !shrunk) return before
  return nearest(usable, (peer) => clockwise(gap.to, peer.position), clockwise(gap.to, self.position))
}

/** The peer at the least distance below `limit`. */
function nearest(
  peers: readonly PeerDescriptor[],
  distanceOf: (peer: PeerDescriptor) => number,
  limit: number,
): PeerDescriptor | undefined {
  let best: PeerDescriptor | undefined
  let least = limit
  for (const peer of peers) {
    const distance = distanceOf(peer)
    if (distance >= least) continue
    best = peer
    least = distance
  }
  return best
}
