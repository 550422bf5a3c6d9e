import type { Value } from '../../../core/attributes.ts'

/**
 * The one total order of values, for ORDER BY, the keys of groups, and min and max where a fleet mixes types:
 * false < true < numbers < texts (by UTF-16 unit) < null. WHERE does not use it: there different types do not compare.
 */
export function compareValues(a: Value, b: Value): number {
  if (typeof a === typeof b) {
    if (a === b || a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
    return a < b ? -1 : a > b ? 1 : 0
  }
  return rank(a) - rank(b)
}

function rank(value: Value): number {
  if (value === null) return 3
  return typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2
}
