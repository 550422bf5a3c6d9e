import type { Value } from '../../../core/attributes.ts'
import { compareValues } from '../language/order.ts'
import { addCounts } from './accumulators.ts'
import { cellSize } from './cells.ts'
import { nodesIn, type Partial } from './partial.ts'

/** Bytes of an encoded partial result: it fits a 64 KiB frame together with what the wave writes around it. */
export const MAX_PARTIAL_BYTES = 60 * 1024

/** More than everything but entries and horizon takes: 32 mistyped counts, three other numbers, tags and lengths. */
const HEADER = 256

/** At least the length of the encoded partial result, and never more than the limit. */
export function partialSize({ entries, horizon }: Partial): number {
  let size = HEADER + cellsSize(horizon ?? [])
  for (const { key, rest } of entries) size += cellsSize(key) + cellsSize(rest)
  return Math.min(size, MAX_PARTIAL_BYTES)
}

/**
 * The partial result as it can be sent in `limit` bytes: when it is larger, entries are cut from the end, and the key of the first
 * one cut becomes the horizon. Within 60 KiB at least one entry is left: the largest possible takes 34 KiB, the largest key 10.
 * Nodes with one and the same id are the exception, they go together.
 */
export function fitPartial(partial: Partial, limit = MAX_PARTIAL_BYTES): Partial {
  const { entries } = partial
  let size = HEADER + cellsSize(partial.horizon ?? [])
  const sizes: number[] = []
  for (const { key, rest } of entries) {
    const entry = cellsSize(key) + cellsSize(rest)
    sizes.push(entry)
    size += entry
  }
  if (size <= limit || entries.length === 0) return partial

  size -= cellsSize(partial.horizon ?? [])
  let end = entries.length
  let horizon: readonly Value[] = []
  do {
    size -= sizes[--end]!
    horizon = entries[end]!.key
  } while (end > 0 && (size + cellsSize(horizon) > limit || same(entries[end - 1]!.key, horizon)))
  return {
    ...partial,
    entries: entries.slice(0, end),
    horizon,
    dropped: addCounts(partial.dropped, nodesIn(partial.kind, entries, end)),
    groupsCut: partial.kind === 'groups' ? addCounts(partial.groupsCut, entries.length - end) : 0,
  }
}

/** Only rows can have the same key, when their nodes have one id or none: they are cut or left together. */
function same(a: readonly Value[], b: readonly Value[]): boolean {
  return a.every((value, i) => compareValues(value, b[i]!) === 0)
}

function cellsSize(values: readonly Value[]): number {
  let size = 0
  for (const value of values) size += cellSize(value)
  return size
}
