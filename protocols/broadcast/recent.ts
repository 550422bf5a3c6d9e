import { type Publication, publicationId } from './publication.ts'

/** A publication that was delivered: as how many-th, and when. */
export interface Delivered {
  readonly publication: Publication
  readonly turn: number
  readonly at: number
}

/** What of these was delivered since then, in that order. A message in parts was when its last part was: none of them is left out. */
export function deliveredSince(delivered: readonly Delivered[], since: number): Publication[] {
  const recent: Publication[] = []
  /** Parts of a message of which a later part is recent. */
  const earlier = new Set<string>()
  for (const { publication, at } of delivered.toSorted((a, b) => b.turn - a.turn)) {
    if (at < since && !earlier.has(publicationId(publication))) continue
    recent.push(publication)
    const { publisher, previous, part } = publication
    if (part > 0) earlier.add(publicationId({ publisher, sequence: previous }))
  }
  return recent.reverse()
}
