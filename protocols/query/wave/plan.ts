import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { clockwise, SPACE } from '../../../core/position.ts'
import { contains, cut, type Interval, lengthOf, type Piece } from '../../../overlays/intervals/intervals.ts'
import { sides } from '../../../overlays/tman/ring.ts'

export interface Plan {
  /** This node sits in the interval and has to count itself. */
  readonly mine: boolean
  /** What goes to others. Whatever of the interval is in no piece holds nobody, as far as this node can know. */
  readonly pieces: readonly Piece[]
}

/**
 * How this node answers for an interval with the contacts it has (DESIGN: order gives trees for free).
 *
 * Contacts inside cut it; each piece goes to the contact it starts with. A gap, where no contact is known, holds nobody if
 * it lies between this node's own neighbours. Otherwise whoever is nearest before it knows its own successors and is asked;
 * and if that is this node itself, whose successors all fell silent, whoever is nearest behind it, who knows its predecessors.
 * A gap so moves to nodes nearer to it and shrinks on the way; MAX_DEPTH ends what views in disorder would make of it.
 *
 * Pieces are disjoint and inside the interval, and hold neither this node nor, as delegates, anybody excluded.
 */
export function plan(
  interval: Interval,
  self: PeerDescriptor,
  contacts: readonly PeerDescriptor[],
  excluded: ReadonlySet<string> = new Set(),
): Plan {
  const others = contacts.filter(({ position }) => position !== self.position)
  const usable = others.filter(({ id }) => !excluded.has(id))
  const knowledge = { self, usable, arc: arcOf(self, others) }
  if (!contains(interval, self.position)) return { mine: false, pieces: pieces(interval, knowledge) }
  const after = { from: self.position, to: interval.to }
  const right = after.from === after.to && interval.from !== interval.to ? [] : cut(after, usable).pieces
  const left = interval.from === self.position ? [] : pieces({ from: interval.from, to: self.position }, knowledge)
  return { mine: true, pieces: [...left, ...right] }
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
  return first === undefined || last === undefined || wraps ? undefined : { from: first.position, to: last.position }
}

/** The pieces of an interval that does not hold this node. */
function pieces(interval: Interval, knowledge: Knowledge): readonly Piece[] {
  const { head, pieces: inside } = cut(interval, knowledge.usable)
  const nearer = head === undefined ? undefined : whoKnows(head, knowledge)
  return head === undefined || nearer === undefined ? inside : [{ interval: head, delegate: nearer }, ...inside]
}

/** Whom to ask about a gap; undefined when nobody is in it. */
function whoKnows(gap: Interval, { self, usable, arc }: Knowledge): PeerDescriptor | undefined {
  if (arc === undefined || clockwise(arc.from, gap.from) + lengthOf(gap) <= lengthOf(arc)) return undefined
  const end = (gap.from + lengthOf(gap)) % SPACE
  const before = nearest(usable, (peer) => clockwise(peer.position, gap.from), clockwise(self.position, gap.from))
  return before ?? nearest(usable, (peer) => clockwise(end, peer.position), clockwise(end, self.position))
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
