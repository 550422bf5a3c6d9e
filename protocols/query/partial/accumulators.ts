import { typeOf, type Value } from '../../../core/attributes.ts'
import type { AggregateName } from '../language/ast.ts'
import { compareValues } from '../language/order.ts'
import { MAX_CELL_BYTES, MAX_NUMBER_BYTES } from './cells.ts'

/** Counts stop here instead of leaving the wire's 32 bits: only a liar gets that far. */
export const MAX_COUNT = 0xffffffff

/**
 * A mergeable aggregate. Its state is `width` cells of an entry, from index `at`: plain values, so that it travels as it is.
 * `merge` is commutative and associative, up to the rounding of floating point, and never leaves what `fits` accepts.
 */
export interface Accumulator {
  readonly width: number
  /** Bytes that a state takes at most. */
  readonly bytes: number
  /** The state of one node with this value; of a node without one (null) it is also the state of no node at all. */
  of(value: Value): readonly Value[]
  /** Appends the merged state to `out`. */
  merge(a: readonly Value[], b: readonly Value[], at: number, out: Value[]): void
  /** NULL when no value was taken in, but 0 for count. */
  result(cells: readonly Value[], at: number): Value
  /** Is this a state that `nodes` nodes can have made? What comes from the wire is asked. */
  fits(cells: readonly Value[], at: number, nodes: number): boolean
}

export function addCounts(a: number, b: number): number {
  return Math.min(a + b, MAX_COUNT)
}

/** Two honest values can add up to infinity, and one hostile pair must not make its whole subtree unreadable. */
function saturate(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value))
}

function number(cells: readonly Value[], at: number): number {
  return cells[at] as number
}

function isCount(value: Value | undefined, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
}

const count: Accumulator = {
  width: 1,
  bytes: MAX_NUMBER_BYTES,
  of: (value) => [value === null ? 0 : 1],
  merge: (a, b, at, out) => out.push(addCounts(number(a, at), number(b, at))),
  result: (cells, at) => cells[at]!,
  fits: (cells, at, nodes) => isCount(cells[at], nodes),
}

/**
 * [values, their sum, what rounding took from it]. The third is carried along by Neumaier 1974, so that large values that cancel out
 * leave the small ones, and the tree they were added up in hardly shows in the result as long as nothing saturates.
 */
const total: Omit<Accumulator, 'result'> = {
  width: 3,
  bytes: 3 * MAX_NUMBER_BYTES,
  of: (value) => (typeof value === 'number' ? [1, value, 0] : [0, 0, 0]),
  merge(a, b, at, out) {
    const [x, y] = [number(a, at + 1), number(b, at + 1)]
    const sum = x + y
    const lost = Math.abs(x) >= Math.abs(y) ? x - sum + y : y - sum + x
    const error = number(a, at + 2) + number(b, at + 2) + lost
    const finite = Number.isFinite(sum)
    out.push(addCounts(number(a, at), number(b, at)), saturate(sum), finite ? saturate(error) : 0)
  },
  fits(cells, at, nodes) {
    const [values, sum, error] = [cells[at], cells[at + 1], cells[at + 2]]
    if (!isCount(values, nodes) || typeof sum !== 'number' || typeof error !== 'number') return false
    return values > 0 || (sum === 0 && error === 0)
  },
}

function sumOf(cells: readonly Value[], at: number): number {
  return saturate(number(cells, at + 1) + number(cells, at + 2))
}

const sum: Accumulator = { ...total, result: (cells, at) => (cells[at] === 0 ? null : sumOf(cells, at)) }
const avg: Accumulator = {
  ...total,
  result: (cells, at) => (cells[at] === 0 ? null : sumOf(cells, at) / number(cells, at)),
}

/**
 * [values, mean, sum of squared distances from the mean], merged by Chan, Golub and LeVeque 1979, (2.1): stable where the sum of
 * squares is not. The result is the sample standard deviation, as SQL's stddev is: NULL for fewer than two values.
 */
const stddev: Accumulator = {
  width: 3,
  bytes: 3 * MAX_NUMBER_BYTES,
  of: (value) => (typeof value === 'number' ? [1, value, 0] : [0, 0, 0]),
  merge(a, b, at, out) {
    const [m, n] = [number(a, at), number(b, at)]
    if (m === 0 || n === 0) {
      const some = m === 0 ? b : a
      out.push(some[at]!, some[at + 1]!, some[at + 2]!)
      return
    }
    const delta = saturate(number(b, at + 1) - number(a, at + 1))
    const mean = saturate(number(a, at + 1) + delta * (n / (m + n)))
    const between = delta * delta * (m / (m + n)) * n
    out.push(addCounts(m, n), mean, saturate(number(a, at + 2) + number(b, at + 2) + between))
  },
  result(cells, at) {
    const values = number(cells, at)
    return values < 2 ? null : Math.sqrt(number(cells, at + 2) / (values - 1))
  },
  fits(cells, at, nodes) {
    const [values, mean, squares] = [cells[at], cells[at + 1], cells[at + 2]]
    if (!isCount(values, nodes) || typeof mean !== 'number' || typeof squares !== 'number' || squares < 0) return false
    return (values > 0 || mean === 0) && (values > 1 || squares === 0)
  },
}

/** Of numbers and texts, where every number is less than every text; truth values are passed over. */
function extreme(sign: 1 | -1): Accumulator {
  return {
    width: 1,
    bytes: MAX_CELL_BYTES,
    of: (value) => [typeof value === 'boolean' ? null : value],
    merge(a, b, at, out) {
      const [x, y] = [a[at]!, b[at]!]
      out.push(x === null ? y : y === null || sign * compareValues(x, y) <= 0 ? x : y)
    },
    result: (cells, at) => cells[at]!,
    fits: (cells, at) => cells[at] !== undefined && typeOf(cells[at]) !== 'boolean',
  }
}

export const ACCUMULATORS: Readonly<Record<AggregateName, Accumulator>> = {
  count,
  sum,
  avg,
  min: extreme(1),
  max: extreme(-1),
  stddev,
}
