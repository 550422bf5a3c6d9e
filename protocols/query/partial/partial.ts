import { type Attributes, attributeOf, typeOf, type Value } from '../../../core/attributes.ts'
import type { Query } from '../language/ast.ts'
import { evaluate } from '../language/evaluate.ts'
import { compareValues } from '../language/order.ts'
import { addCounts } from './accumulators.ts'
import { compareKeys, type GroupShape, isBehind, type Shape, shapeOf } from './shape.ts'

/** Groups that a partial result holds at most. */
export const MAX_GROUPS = 1000

/**
 * What a part of the network has to say to a query: merged pairwise on the way to whoever asked. Its size is bounded, and still
 * nothing in it is ever wrong:
 *
 * 1. `entries` are in order, and are the first ones of what the part holds: of the rows by ORDER BY and then `id`, of the groups by
 *    their key, as far as ORDER BY names its attributes in that order. A group that is there counts all its nodes.
 * 2. Where the bounds forced a cut, `horizon` is the least key that may be missing, and no entry stands behind it (see `isBehind`),
 *    but enough before it to have filled the bounds. Rows behind LIMIT are not cut in this sense: nobody wants them.
 * 3. Every node for which WHERE is true is in an entry or in `dropped`.
 */
export interface Partial {
  readonly kind: Query['kind']
  /** Bit i: some node has the query's i-th attribute. */
  readonly present: number
  /** Nodes whose i-th attribute has a type that the query can do nothing with; empty when there are none. */
  readonly mistyped: readonly number[]
  readonly entries: readonly Entry[]
  readonly horizon: readonly Value[] | undefined
  /** Nodes that matched and are in no entry. */
  readonly dropped: number
  /** At least so many groups stand at or behind the horizon: the same group cut in two places is counted once or twice. */
  readonly groupsCut: number
}

/** A row: what orders it, and what else is selected of it. Or a group: its key, and the number of nodes and the states behind. */
export interface Entry {
  readonly key: readonly Value[]
  readonly rest: readonly Value[]
}

const NONE: readonly never[] = []

/** What one node contributes. Where WHERE is not true that is only which attributes it has. */
export function collect(query: Query, attributes: Attributes): Partial {
  const shape = shapeOf(query)
  let present = 0
  for (const [i, { name }] of query.attributes.entries()) {
    if (Object.hasOwn(attributes, name)) present |= 1 << i
  }
  const matches = query.where === undefined || evaluate(query.where, attributes) === true
  return {
    kind: query.kind,
    present: present >>> 0,
    mistyped: mistypedOf(shape, attributes, matches),
    entries: matches ? [entryOf(shape, attributes)] : NONE,
    horizon: undefined,
    dropped: 0,
    groupsCut: 0,
  }
}

function entryOf(shape: Shape, attributes: Attributes): Entry {
  // + 0: there is one zero, so that -0 makes no group of its own.
  const cell = (name: string): Value => {
    const value = attributeOf(attributes, name)
    return typeof value === 'number' ? value + 0 : value
  }
  if (shape.kind === 'rows') {
    const cells = shape.attributes.map(cell)
    return { key: cells.slice(0, shape.keyWidth), rest: cells.slice(shape.keyWidth) }
  }
  const rest: Value[] = [1]
  for (const { of, accumulator } of shape.states) {
    if (of !== undefined && accumulator !== undefined) rest.push(...accumulator.of(cell(of)))
  }
  return { key: shape.attributes.map(cell), rest }
}

function mistypedOf({ uses, query }: Shape, attributes: Attributes, matches: boolean): readonly number[] {
  let mistyped: number[] | undefined
  for (const use of uses) {
    if (!use.where && !matches) continue
    const types = use.attributes.map((index) => typeOf(attributeOf(attributes, query.attributes[index]!.name)))
    if (types.includes('null') || use.fits(types)) continue
    mistyped ??= query.attributes.map(() => 0)
    for (const index of use.attributes) mistyped[index] = 1
  }
  return mistyped ?? NONE
}

/** Commutative and associative, up to the rounding of floating point. Neither argument is changed. */
export function merge(query: Query, a: Partial, b: Partial): Partial {
  const shape = shapeOf(query)
  let horizon = a.horizon ?? b.horizon
  if (a.horizon !== undefined && b.horizon !== undefined && compareKeys(shape, b.horizon, a.horizon) < 0) {
    horizon = b.horizon
  }
  const ours = before(shape, a.entries, horizon)
  const theirs = before(shape, b.entries, horizon)
  const all = zip(shape, ours, theirs)
  const most = shape.kind === 'rows' ? shape.query.limit : MAX_GROUPS
  const entries = all.length > most ? all.slice(0, most) : all

  let groupsCut = 0
  if (shape.kind === 'groups') {
    // What one side lost are different groups; the two sides may have lost the same ones.
    groupsCut = Math.max(a.groupsCut + a.entries.length - ours.length, b.groupsCut + b.entries.length - theirs.length)
    groupsCut = addCounts(groupsCut, all.length - entries.length)
    if (all.length > most) horizon = all[most]!.key
  } else if (entries.length === most) {
    horizon = undefined // the rows asked for are all there, and all before it
  }
  const lost = nodesIn(query.kind, a.entries, ours.length) + nodesIn(query.kind, b.entries, theirs.length)
  return {
    kind: query.kind,
    present: (a.present | b.present) >>> 0,
    mistyped: addMistyped(a.mistyped, b.mistyped),
    entries,
    horizon,
    dropped: addCounts(addCounts(a.dropped, b.dropped), lost + nodesIn(query.kind, all, entries.length)),
    groupsCut,
  }
}

/** The entries before the horizon. */
function before(shape: Shape, entries: readonly Entry[], horizon: readonly Value[] | undefined): readonly Entry[] {
  if (horizon === undefined) return entries
  let end = entries.length
  while (end > 0 && isBehind(shape, entries[end - 1]!.key, horizon)) end--
  return end === entries.length ? entries : entries.slice(0, end)
}

/** Nodes that the entries from `start` on stand for. */
export function nodesIn(kind: Query['kind'], entries: readonly Entry[], start: number): number {
  if (kind === 'rows') return entries.length - start
  let nodes = 0
  for (let i = start; i < entries.length; i++) nodes += entries[i]!.rest[0] as number
  return nodes
}

/** Merges two ordered lists into one; groups with the same key become one. */
function zip(shape: Shape, a: readonly Entry[], b: readonly Entry[]): readonly Entry[] {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const out: Entry[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const [x, y] = [a[i]!, b[j]!]
    const order = compareEntries(shape, x, y)
    if (order === 0 && shape.kind === 'groups') {
      out.push(combine(shape, x, y))
      i++
      j++
    } else if (order <= 0) {
      out.push(x)
      i++
    } else {
      out.push(y)
      j++
    }
  }
  while (i < a.length) out.push(a[i++]!)
  while (j < b.length) out.push(b[j++]!)
  return out
}

/** Rows with the same key, which takes two nodes with one id, stand in the order of what else they hold. */
export function compareEntries(shape: Shape, a: Entry, b: Entry): number {
  const order = compareKeys(shape, a.key, b.key)
  if (order !== 0 || shape.kind === 'groups') return order
  for (let i = 0; i < a.rest.length; i++) {
    const other = compareValues(a.rest[i]!, b.rest[i]!)
    if (other !== 0) return other
  }
  return 0
}

function combine({ states }: GroupShape, a: Entry, b: Entry): Entry {
  const rest: Value[] = [addCounts(a.rest[0] as number, b.rest[0] as number)]
  for (const { accumulator, at } of states) accumulator?.merge(a.rest, b.rest, at, rest)
  return { key: a.key, rest }
}

function addMistyped(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a
  return a.map((nodes, i) => addCounts(nodes, b[i]!))
}
