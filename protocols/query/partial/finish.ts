import type { Value } from '../../../core/attributes.ts'
import type { GroupValue, Query } from '../language/ast.ts'
import type { Entry, Partial } from './partial.ts'
import { compareOrdered, type GroupShape, type RowShape, type Shape, shapeOf } from './shape.ts'

/** The answer to a query. */
export interface Result {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Value[])[]
  /** Attributes of the query that no node has: a slip of the pen, which `unknownAttribute` makes an error of. */
  readonly unknown: readonly string[]
  /** For each attribute: nodes where it has a type the query can do nothing with, so that it counted as NULL. */
  readonly mistyped: Readonly<Record<string, number>>
  /**
   * What does not fit the bounds. Rows: nodes that belong into the answer and are not in it; when LIMIT was not stated, that includes
   * all beyond its default. Groups: those that are not in it, at least, and as `rows` the nodes of all that were cut. What is in the
   * answer is right nevertheless, and comes first, but for what `among` says.
   */
  readonly truncated: { readonly rows: number; readonly groups: number }
  /**
   * Where ORDER BY asks for aggregates and groups were cut: how many were left to be ordered, the first by their keys. Another group
   * may belong before them. Undefined when the order is that of all groups.
   */
  readonly among: number | undefined
}

/** The answer that a partial result comes to, once nothing more is to be merged. */
export function finish(query: Query, partial: Partial): Result {
  const shape = shapeOf(query)
  const names = query.attributes.map(({ name }) => name)
  return {
    columns: query.columns,
    rows: shape.kind === 'rows' ? rowsOf(shape, partial) : groupsOf(shape, partial),
    unknown: names.filter((_, i) => ((partial.present >>> i) & 1) === 0),
    mistyped: Object.fromEntries(
      names.flatMap((name, i) => (partial.mistyped[i] ? [[name, partial.mistyped[i]]] : [])),
    ),
    truncated: truncatedOf(shape, partial),
    among: shape.kind === 'groups' && !shape.inOrder && partial.groupsCut > 0 ? partial.entries.length : undefined,
  }
}

/** Whoever stated a LIMIT misses nothing behind it. */
function truncatedOf(shape: Shape, { dropped, entries, groupsCut }: Partial): Result['truncated'] {
  if (shape.kind === 'rows') {
    return {
      rows: shape.query.limitStated ? Math.min(dropped, shape.query.limit - entries.length) : dropped,
      groups: 0,
    }
  }
  const { limit } = shape.query
  const wanted = shape.inOrder && limit !== undefined ? Math.max(0, limit - entries.length) : groupsCut
  return { rows: wanted === 0 ? 0 : dropped, groups: Math.min(groupsCut, wanted) }
}

function rowsOf({ select }: RowShape, { entries }: Partial): Value[][] {
  return entries.map(({ key, rest }) => select.map((i) => (i < key.length ? key[i]! : rest[i - key.length]!)))
}

function groupsOf(shape: GroupShape, { entries }: Partial): Value[][] {
  const { orderBy, select, limit } = shape.query
  // Without GROUP BY there is one group, even of no nodes.
  const groups = entries.length === 0 && shape.keyWidth === 0 ? [noNodes(shape)] : [...entries]
  groups.sort((a, b) => {
    for (const { by, descending } of orderBy) {
      const order = compareOrdered(groupValue(shape, a, by), groupValue(shape, b, by), descending)
      if (order !== 0) return order
    }
    return 0 // the sort is stable: they stay in the order of their keys
  })
  return groups.slice(0, limit).map((group) => select.map((value) => groupValue(shape, group, value)))
}

function noNodes({ states }: GroupShape): Entry {
  return { key: [], rest: [0, ...states.flatMap(({ accumulator }) => accumulator?.of(null) ?? [])] }
}

function groupValue({ states, place }: GroupShape, { key, rest }: Entry, value: GroupValue): Value {
  if ('key' in value) return key[place[value.key]!]!
  const { accumulator, at } = states[value.aggregate]!
  return accumulator === undefined ? rest[0]! : accumulator.result(rest, at)
}
