/** The first `limit` members in the order of their UTF-16 units, and whether there are more. */
export interface Union {
  readonly members: readonly string[]
  readonly more: boolean
}

/** LIMITS: members of a union, and entries of a top list, whatever was asked for. */
export const MAX_MEMBERS = 256

/** All members of both, sorted, cut to the limit: commutative, associative and idempotent for one and the same limit. */
export function union(a: Union, b: Union, limit: number): Union {
  const all = [...new Set([...a.members, ...b.members])].sort()
  const most = Math.min(limit, MAX_MEMBERS)
  return { members: all.slice(0, most), more: a.more || b.more || all.length > most }
}

/** A node and its value. */
export interface Ranked {
  readonly id: string
  readonly value: number
}

/**
 * The k largest of both, largest first, ids breaking ties; of two values of one node the larger stays, so within an epoch each node
 * must say one value. Commutative, associative and idempotent for one and the same k.
 */
export function top(a: readonly Ranked[], b: readonly Ranked[], k: number): readonly Ranked[] {
  const best = new Map<string, Ranked>()
  for (const one of [...a, ...b]) {
    const known = best.get(one.id)
    if (known === undefined || one.value > known.value) best.set(one.id, one)
  }
  return [...best.values()]
    .sort((x, y) => y.value - x.value || (x.id < y.id ? -1 : 1))
    .slice(0, Math.min(k, MAX_MEMBERS))
}
