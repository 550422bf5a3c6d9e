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
   * What does not fit the bounds. rows: nodes that belong into the answer and are not in it; when LIMIT was not stated, that includes
   * all beyond its default. groups: groups that are not in it, at least. What is in the answer is right nevertheless, and comes first.
   */
  readonly truncated: { readonly rows: number; readonly groups: number }
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
    truncated: { rows: missingRows(shape, partial), groups: partial.groupsCut },
  }
}

function missingRows(shape: Shape, { dropped, entries }: Partial): number {
  if (shape.kind === 'groups' || !shape.query.limitStated) return dropped
  return Math.min(dropped, shape.query.limit - entries.length)
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

function groupValue({ states }: GroupShape, { key, rest }: Entry, value: GroupValue): Value {
  if ('key' in value) return key[value.key]!
  const { accumulator, at } = states[value.aggregate]!
  return accumulator === undefined ? rest[0]! : accumulator.result(rest, at)
}
