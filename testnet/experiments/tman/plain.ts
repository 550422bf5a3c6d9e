import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Ranking } from '../../../overlays/tman/ranking.ts'

/** The order of the line: by value, equal ones by position, then by id. */
export function byValue(attribute: string): (a: PeerDescriptor, b: PeerDescriptor) => number {
  const shownBy = ({ attributes }: PeerDescriptor) => attributes[attribute] ?? 0
  return (a, b) => shownBy(a) - shownBy(b) || a.position - b.position || (a.id < b.id ? -1 : 1)
}

/** The paper's own ranking of a sorted line, as a control: the nearest by distance of values, on whichever side they are. */
export function distanceRanking(attribute: string): Ranking {
  const shownBy = ({ attributes }: PeerDescriptor) => attributes[attribute] ?? 0
  return {
    name: `distance:${attribute}`,
    neighbours: 20,
    select(around, candidates, size) {
      const own = shownBy(around)
      const far = (peer: PeerDescriptor) => Math.abs(shownBy(peer) - own)
      return candidates
        .filter(({ id }) => id !== around.id)
        .sort((a, b) => far(a) - far(b) || a.position - b.position)
        .slice(0, size)
    },
  }
}
