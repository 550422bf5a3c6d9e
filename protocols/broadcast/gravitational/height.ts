import { positionOf } from '../../../core/position.ts'
import type { Publication } from '../publication.ts'

/** Sequence numbers in a row of which every rating gets its share exactly, to one. */
const BLOCK = 256

const heights = new WeakMap<Publication, number>()

/**
 * How far up the walls of the well a message rides, in [0, 1): it is for those who rated its subgroup above its height, so a
 * member of rating r is to get the share r, and whoever rates higher gets all that the lower get. Everybody computes it alike from
 * the publisher and the sequence number of the message's last part, so nobody is told.
 *
 * Departure: the seed draws by chance who gets what. Of each 256 sequence numbers in a row our heights are a permutation
 * of the 256ths, so a fraction is met within a few hundred messages; the permutation is affine, so that a publisher who
 * serves many subgroups in turn meets it in each of them.
 */
export function height(publisher: number, last: number): number {
  const block = Math.floor(last / BLOCK)
  const key = mixed(publisher, block)
  const factor = (key & 0x7f) * 2 + 1
  const shift = (key >>> 8) & 0xff
  const step = (factor * (last % BLOCK) + shift) % BLOCK
  return (step + mixed(publisher, last) / 0x1_0000_0000) / BLOCK
}

/** The height of the message that a publication is, or is a part of. */
export function heightOf(publication: Publication): number {
  let known = heights.get(publication)
  if (known === undefined) {
    known = height(positionOf(publication.publisher), publication.sequence + partsAfter(publication))
    heights.set(publication, known)
  }
  return known
}

/** Parts of the same message after this one. */
export function partsAfter({ part, parts }: Publication): number {
  return parts - 1 - part
}

/** murmur3's mixing of both numbers, 32 bits. */
function mixed(publisher: number, number: number): number {
  let h = 0x9e3779b9
  for (const word of [publisher / 0x1_0000_0000, publisher, number / 0x1_0000_0000, number]) {
    h = Math.imul(h ^ (Math.floor(word) | 0), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    h ^= h >>> 16
  }
  return h >>> 0
}
