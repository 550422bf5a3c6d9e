import type { Value } from '../../../core/attributes.ts'
import type { GroupQuery, Query, RowQuery } from '../language/ast.ts'
import { compareValues } from '../language/order.ts'
import { type Use, usesOf } from '../language/type-check.ts'
import { ACCUMULATORS, type Accumulator } from './accumulators.ts'
import { MAX_CELL_BYTES, MAX_NUMBER_BYTES } from './cells.ts'

/** What follows from a query alone about its partial results: worked out once a query, not once a node. */
export type Shape = RowShape | GroupShape

interface ShapeBase {
  readonly uses: readonly Use[]
  /** One for each value of a key: which way it is ordered. */
  readonly descending: readonly boolean[]
  /** Values of an entry's key, and of what stands behind it: of a group the number of nodes, then the states. */
  readonly keyWidth: number
  readonly restWidth: number
  /** Bytes that what stands behind the key takes at most. */
  readonly restBytes: number
}

export interface RowShape extends ShapeBase {
  readonly kind: 'rows'
  readonly query: RowQuery
  /** The attributes of a row: first those that order it, ending with `id`, then what else is selected. */
  readonly attributes: readonly string[]
  /** Of each column, the index into `attributes`. */
  readonly select: readonly number[]
}

export interface GroupShape extends ShapeBase {
  readonly kind: 'groups'
  readonly query: GroupQuery
  /** The attributes of a key: first those that ORDER BY begins with, so that what a cut leaves is what the answer begins with. */
  readonly attributes: readonly string[]
  /** Of each attribute in GROUP BY, the index into `attributes`. */
  readonly place: readonly number[]
  /** Whether the groups in the order of their keys are in that of the answer; not where ORDER BY needs an aggregate. */
  readonly inOrder: boolean
  readonly states: readonly State[]
}

/** An aggregate and where its state begins in `rest`. Undefined accumulator: count(*), which is the number of nodes itself. */
export interface State {
  readonly of: string | undefined
  readonly accumulator: Accumulator | undefined
  readonly at: number
}

const shapes = new WeakMap<Query, Shape>()

export function shapeOf(query: Query): Shape {
  let shape = shapes.get(query)
  if (shape === undefined) {
    shape = query.kind === 'rows' ? rowShape(query) : groupShape(query)
    shapes.set(query, shape)
  }
  return shape
}

function rowShape(query: RowQuery): RowShape {
  const order = new Map<string, boolean>()
  for (const { attribute, descending } of [...query.orderBy, { attribute: { name: 'id' }, descending: false }]) {
    if (!order.has(attribute.name)) order.set(attribute.name, descending)
  }
  const attributes = [...new Set([...order.keys(), ...query.select.map(({ name }) => name)])]
  return {
    kind: 'rows',
    query,
    uses: usesOf(query),
    descending: [...order.values()],
    attributes,
    keyWidth: order.size,
    restWidth: attributes.length - order.size,
    restBytes: (attributes.length - order.size) * MAX_CELL_BYTES,
    select: query.select.map(({ name }) => attributes.indexOf(name)),
  }
}

function groupShape(query: GroupQuery): GroupShape {
  let at = 1
  const states = query.aggregates.map(({ name, of }): State => {
    if (of === undefined) return { of: undefined, accumulator: undefined, at: 0 }
    const accumulator = ACCUMULATORS[name]
    const state = { of: of.name, accumulator, at }
    at += accumulator.width
    return state
  })
  const { order, inOrder } = groupOrder(query)
  return {
    kind: 'groups',
    query,
    uses: usesOf(query),
    attributes: [...order.keys()].map((key) => query.groupBy[key]!.name),
    place: query.groupBy.map((_, key) => [...order.keys()].indexOf(key)),
    inOrder,
    descending: [...order.values()],
    keyWidth: query.groupBy.length,
    states,
    restWidth: at,
    restBytes: states.reduce((sum, { accumulator }) => sum + (accumulator?.bytes ?? 0), MAX_NUMBER_BYTES),
  }
}

/** The keys of GROUP BY in the order in which groups are kept, each with its way, and whether that is all that ORDER BY asks for. */
function groupOrder({ groupBy, orderBy }: GroupQuery): { order: Map<number, boolean>; inOrder: boolean } {
  const order = new Map<number, boolean>()
  let inOrder = true
  for (const { by, descending } of orderBy) {
    // Once all keys are named no two groups are left to be told apart.
    if ('aggregate' in by) inOrder &&= order.size === groupBy.length
    else if (inOrder && !order.has(by.key)) order.set(by.key, descending)
  }
  for (const key of groupBy.keys()) if (!order.has(key)) order.set(key, false)
  return { order, inOrder }
}

/** NULL stands last, whichever way the rest is ordered: what is not known is never the top of a list. */
export function compareOrdered(a: Value, b: Value, descending: boolean): number {
  const order = compareValues(a, b)
  return descending && a !== null && b !== null ? -order : order
}

/**
 * Is this key among what a horizon cuts off? A group at the horizon is; of rows those with its very key may be there in part: only
 * nodes that say one and the same id have one, and cut off together they could leave nothing.
 */
export function isBehind(shape: Shape, key: readonly Value[], horizon: readonly Value[]): boolean {
  const order = compareKeys(shape, key, horizon)
  return shape.kind === 'groups' ? order >= 0 : order > 0
}

export function compareKeys(shape: Shape, a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < shape.keyWidth; i++) {
    const order = compareOrdered(a[i]!, b[i]!, shape.descending[i]!)
    if (order !== 0) return order
  }
  return 0
}
