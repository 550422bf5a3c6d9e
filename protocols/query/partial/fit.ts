import type { Value } from '../../../core/attributes.ts'
import { addCounts } from './accumulators.ts'
import { cellSize, MAX_CELL_BYTES } from './cells.ts'
import { type Entry, MAX_GROUPS, nodesIn, type Partial } from './partial.ts'
import type { Shape } from './shape.ts'

/** Bytes of an encoded partial result: it fits a 64 KiB frame together with what the wave writes around it. */
export const MAX_PARTIAL_BYTES = 60 * 1024
/** The room that a partial result has at least: beside a hundred missing intervals with the longest reasons. */
export const LEAST_ROOM = 57 * 1024

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
 * one cut becomes the horizon. Within LEAST_ROOM at least one entry is left: the largest possible takes 34 KiB, the largest key 10.
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
  } while (end > 0 && size + cellsSize(horizon) > limit)
  return {
    ...partial,
    entries: entries.slice(0, end),
    horizon,
    dropped: addCounts(partial.dropped, nodesIn(partial.kind, entries, end)),
    groupsCut: partial.kind === 'groups' ? addCounts(partial.groupsCut, entries.length - end) : 0,
  }
}

/**
 * Can room have run out behind these entries? A horizon throws away what others have behind it, so one that nothing forced, with
 * hardly an entry before it, would let a single liar empty the whole answer.
 *
 * True for whatever `fitPartial` cut to `room` or more, and for what became of it by merging: the entries before the horizon stay,
 * and of each a row all its bytes, a group those of its key. What was cut first, and the key before which the cut was made, are not
 * known any more, so they are taken for as large as they can be.
 */
export function isFull(shape: Shape, entries: readonly Entry[], horizon: readonly Value[], room: number): boolean {
  if (entries.length === 0) return false
  if (shape.kind === 'groups' && entries.length >= MAX_GROUPS) return true
  let size = HEADER + cellsSize(horizon) + shape.restBytes + shape.keyWidth * MAX_CELL_BYTES
  for (const { key, rest } of entries) {
    size += cellsSize(key) + (shape.kind === 'rows' ? cellsSize(rest) : shape.restBytes)
  }
  return size > room
}

function cellsSize(values: readonly Value[]): number {
  let size = 0
  for (const value of values) size += cellSize(value)
  return size
}
