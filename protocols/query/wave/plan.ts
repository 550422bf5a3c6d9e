import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { clockwise } from '../../../core/position.ts'
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
 * Contacts inside cut it; each piece goes to the contact it starts with. Where no contact is known inside, the contact
 * nearest before knows its own successors and is asked, unless this node is the nearest itself or the stretch lies between
 * its own neighbours: then nobody is there. A gap only ever moves to a node nearer before it, so delegation ends.
 *
 * Pieces are disjoint, inside the interval, and hold neither this node nor an excluded delegate's start twice.
 */
export function plan(
  interval: Interval,
  self: PeerDescriptor,
  contacts: readonly PeerDescriptor[],
  excluded: ReadonlySet<string> = new Set(),
): Plan {
  const usable = contacts.filter(({ id, position }) => !excluded.has(id) && position !== self.position)
  if (!contains(interval, self.position)) return { mine: false, pieces: pieces(interval, self, usable) }
  const after = { from: self.position, to: interval.to }
  const right = after.from === after.to && interval.from !== interval.to ? [] : cut(after, usable).pieces
  const left = interval.from === self.position ? [] : pieces({ from: interval.from, to: self.position }, self, usable)
  return { mine: true, pieces: [...left, ...right] }
}

/** The pieces of an interval that does not hold this node. */
function pieces(interval: Interval, self: PeerDescriptor, usable: readonly PeerDescriptor[]): readonly Piece[] {
  const { head, pieces: inside } = cut(interval, usable)
  if (head === undefined) return inside
  const before = knowsAll(head, self, usable) ? undefined : nearestBefore(head, self, usable)
  return before === undefined ? inside : [{ interval: head, delegate: before }, ...inside]
}

/** Whether the stretch lies between this node's own neighbours, so that anybody in it would be one of them. */
function knowsAll(stretch: Interval, self: PeerDescriptor, usable: readonly PeerDescriptor[]): boolean {
  const { successors, predecessors } = sides(self, usable)
  const [first, last] = [predecessors.at(-1), successors.at(-1)]
  if (first === undefined || last === undefined) return true
  const ahead = clockwise(self.position, last.position)
  const behind = clockwise(first.position, self.position)
  const wraps = successors.some(({ id }) => predecessors.some((other) => other.id === id))
  return wraps || clockwise(first.position, stretch.from) + lengthOf(stretch) <= behind + ahead
}

function nearestBefore(
  stretch: Interval,
  self: PeerDescriptor,
  usable: readonly PeerDescriptor[],
): PeerDescriptor | undefined {
  let nearest: PeerDescriptor | undefined
  let distance = clockwise(self.position, stretch.from)
  for (const peer of usable) {
    const d = clockwise(peer.position, stretch.from)
    if (d < distance) {
      nearest = peer
      distance = d
    }
  }
  return nearest
}
