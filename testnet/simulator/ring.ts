import type { PeerDescriptor } from '../../core/descriptor.ts'
import { SPACE } from '../../core/position.ts'
import type { Random } from '../../core/random.ts'

/**
 * The contacts that T-Man comes to on a ring, without the rounds it takes: for every id the `side` nearest each way, and
 * `perBand` random members of every doubling band of clockwise distance.
 */
export function settledRing(
  peers: readonly PeerDescriptor[],
  random: Random,
  side = 4,
  perBand = 2,
): Map<string, PeerDescriptor[]> {
  const ring = [...peers].sort((a, b) => a.position - b.position)
  const at = (index: number) => ring[((index % ring.length) + ring.length) % ring.length] as PeerDescriptor
  /** Index of the first peer at or behind a position up to twice round the ring. */
  const search = (position: number) => {
    const wrapped = position % SPACE
    let low = 0
    let high = ring.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (at(middle).position < wrapped) low = middle + 1
      else high = middle
    }
    return low + (position >= SPACE ? ring.length : 0)
  }
  const contacts = new Map<string, PeerDescriptor[]>()
  for (const [i, self] of ring.entries()) {
    const chosen = new Set<PeerDescriptor>()
    for (let step = 1; step <= side; step++) chosen.add(at(i + step)).add(at(i - step))
    for (let width = SPACE / 2; width >= 1; width /= 2) {
      const from = search(self.position + width)
      const to = search(self.position + 2 * width)
      if (to <= from) break
      for (let k = 0; k < perBand; k++) chosen.add(at(from + random.integer(to - from)))
    }
    chosen.delete(self)
    contacts.set(self.id, [...chosen])
  }
  return contacts
}
