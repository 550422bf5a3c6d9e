import type { PeerDescriptor } from '../../core/descriptor.ts'
import { clockwise, SPACE } from '../../core/position.ts'

/** The positions [from, to) clockwise round the ring. `from === to` is the whole ring; there is no empty interval. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** An interval and the node that it starts with, to whom it is handed. */
export interface Piece {
  readonly interval: Interval
  readonly delegate: PeerDescriptor
}

export interface Cut {
  /** From the interval's start to the first delegate: where no contact is known. Undefined when a delegate sits at the start. */
  readonly head: Interval | undefined
  /** In clockwise order, at most `fanout`. */
  readonly pieces: readonly Piece[]
}

export const FANOUT = 16

/** Number of positions in the interval, in [1, SPACE]. */
export function lengthOf(interval: Interval): number {
  return clockwise(interval.from, interval.to) || SPACE
}

/** The interval that holds this position and no other. */
export function placeOf(position: number): Interval {
  return { from: position, to: (position + 1) % SPACE }
}

export function contains(interval: Interval, position: number): boolean {
  return clockwise(interval.from, position) < lengthOf(interval)
}

/**
 * Cuts an interval at the contacts inside it. Head and pieces are disjoint, cover the interval, and each piece starts at
 * its delegate; so whoever counts only itself and hands the pieces on counts nobody twice (DESIGN: order gives trees).
 *
 * With more than `fanout` contacts inside, those go whose piece and the piece before it are shortest together, never the
 * first: on the log-spaced contacts of a ring view that leaves the far, long pieces cut and merges the near, short ones.
 * @param contacts in any order; of two at one position the first counts. Those outside the interval are ignored.
 */
export function cut(interval: Interval, contacts: readonly PeerDescriptor[], fanout = FANOUT): Cut {
  const offsets = new Map<number, PeerDescriptor>()
  const length = lengthOf(interval)
  for (const contact of contacts) {
    const offset = clockwise(interval.from, contact.position)
    if (offset < length && !offsets.has(offset)) offsets.set(offset, contact)
  }
  const starts = [...offsets.keys()].sort((a, b) => a - b)
  const first = starts[0]
  if (first === undefined) return { head: interval, pieces: [] }
  thin(starts, length, fanout)
  const at = (offset: number) => (interval.from + offset) % SPACE
  const pieces = starts.map((start, i) => ({
    interval: { from: at(start), to: at(starts[i + 1] ?? length) },
    delegate: offsets.get(start) as PeerDescriptor,
  }))
  return { head: first === 0 ? undefined : { from: interval.from, to: at(first) }, pieces }
}

function thin(starts: number[], length: number, fanout: number): void {
  while (starts.length > Math.max(1, fanout)) {
    let shortest = Number.POSITIVE_INFINITY
    let victim = 1
    for (let i = 1; i < starts.length; i++) {
      const merged = (starts[i + 1] ?? length) - (starts[i - 1] as number)
      if (merged < shortest) {
        shortest = merged
        victim = i
      }
    }
    starts.splice(victim, 1)
  }
}
