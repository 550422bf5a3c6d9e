import { positionOf } from '../../../core/position.ts'
import type { SubgroupRatings } from '../subscriptions.ts'

/** Subgroups that a member names; of the others it wants `rest`. 5 KiB on the wire. */
export const MAX_SUBGROUPS = 1024
/** A rating of 1 on the wire. */
export const FULL = 255

/** What a member wants of each subgroup, by the hash of its name; in 255ths, rounded up, so that nobody is told too little. */
export interface Standing {
  readonly rest: number
  /** At most MAX_SUBGROUPS. */
  readonly named: ReadonlyMap<number, number>
}

export const NOTHING: Standing = { rest: 0, named: new Map() }

/** The name of a subgroup in what peers tell each other, 32 bits. Two of one hash are told of as one, and cost for both. */
export function subgroupHash(name: string): number {
  let hash = hashes.get(name)
  if (hash === undefined) {
    hash = positionOf(name) % 0x1_0000_0000
    if (hashes.size >= MAX_HASHES) hashes.clear()
    hashes.set(name, hash)
  }
  return hash
}

const MAX_HASHES = 4096
const hashes = new Map<string, number>()

export function standingOf({ rest, named }: SubgroupRatings): Standing {
  const hashed = [...named].map(([name, rating]): [number, number] => [subgroupHash(name), Math.ceil(rating * FULL)])
  const ascending = hashed.sort(([a], [b]) => a - b).slice(0, MAX_SUBGROUPS)
  return { rest: Math.ceil(rest * FULL), named: new Map(ascending) }
}

export function ratingOf({ rest, named }: Standing, subgroup: number): number {
  return Math.max(rest, named.get(subgroup) ?? 0)
}

export function wantsAt(standing: Standing, subgroup: number, height: number): boolean {
  return height * FULL < ratingOf(standing, subgroup)
}

export function sameStanding(a: Standing, b: Standing): boolean {
  if (a.rest !== b.rest || a.named.size !== b.named.size) return false
  for (const [subgroup, rating] of a.named) if (b.named.get(subgroup) !== rating) return false
  return true
}
