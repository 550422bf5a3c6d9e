import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Value } from '../../../core/attributes.ts'
import { parse } from '../../../core/codec.ts'
import { Malformed } from '../../../core/malformed.ts'
import type { Query } from '../language/ast.ts'
import { MAX_COUNT } from './accumulators.ts'
import { decodeCells, encodeCells } from './cells.ts'
import { fitPartial, isFull, LEAST_ROOM, MAX_PARTIAL_BYTES } from './fit.ts'
import { compareEntries, type Entry, MAX_GROUPS, type Partial } from './partial.ts'
import { type Cells, EncodedPartialSchema } from './partial_pb.ts'
import { type GroupShape, isBehind, type Shape, shapeOf } from './shape.ts'

/** At most MAX_PARTIAL_BYTES; what does not fit is cut as `fitPartial` says. */
export function encodePartial(partial: Partial): Uint8Array {
  const { present, mistyped, entries, horizon, dropped, groupsCut } = fitPartial(partial)
  const encoded = create(EncodedPartialSchema, { present, mistyped: [...mistyped], dropped, groupsCut })
  if (entries.length > 0) encoded.entries = encodeCells(entries.flatMap(({ key, rest }) => [...key, ...rest]))
  if (horizon !== undefined) encoded.horizon = encodeCells(horizon)
  return toBinary(EncodedPartialSchema, encoded)
}

/**
 * The partial result of a neighbour. That its numbers are true nobody can know; that they are such as an honest node can have sent,
 * and that merging them is safe, is checked here.
 *
 * @param room that its sender had at least: what is smaller it had no reason to cut
 * @throws Malformed, and nothing else
 */
export function decodePartial(query: Query, bytes: Uint8Array, room = LEAST_ROOM): Partial {
  if (bytes.length > MAX_PARTIAL_BYTES) throw new Malformed('partial-too-large', `${bytes.length} bytes`)
  const encoded = parse('partial-undecodable', () =>
    fromBinary(EncodedPartialSchema, bytes, { readUnknownFields: false }),
  )
  const shape = shapeOf(query)
  const { present, mistyped, dropped, groupsCut } = encoded
  const attributes = query.attributes.length
  if (present >= 2 ** attributes) throw new Malformed('partial-attributes', `bits ${present} of ${attributes}`)
  if (mistyped.length !== 0 && mistyped.length !== attributes) throw new Malformed('partial-mistyped')

  const entries = encoded.entries === undefined ? [] : entriesOf(shape, encoded.entries)
  const horizon = encoded.horizon === undefined ? undefined : decodeCells(encoded.horizon)
  checkHorizon(shape, entries, horizon)
  checkDropped(shape, entries, horizon, dropped, groupsCut)
  if (horizon !== undefined && !isFull(shape, entries, horizon, room)) {
    throw new Malformed('partial-cut', `${entries.length} entries`)
  }
  return { kind: shape.kind, present, mistyped, entries, horizon, dropped, groupsCut }
}

function entriesOf(shape: Shape, encoded: Cells): Entry[] {
  const width = shape.keyWidth + shape.restWidth
  const { length } = encoded.kinds
  if (length % width !== 0) throw new Malformed('partial-shape', `${length} cells, ${width} an entry`)
  const count = length / width
  if (shape.kind === 'rows' && count > shape.query.limit) throw new Malformed('partial-too-many-rows', `${count}`)
  if (shape.kind === 'groups' && count > MAX_GROUPS) throw new Malformed('partial-too-many-groups', `${count}`)

  const cells = decodeCells(encoded)
  const entries: Entry[] = []
  for (let at = 0; at < cells.length; at += width) {
    const key = cells.slice(at, at + shape.keyWidth)
    const entry = { key, rest: cells.slice(at + shape.keyWidth, at + width) }
    const last = entries.at(-1)
    if (last !== undefined) {
      const order = compareEntries(shape, last, entry)
      if (order > 0 || (order === 0 && shape.kind === 'groups')) throw new Malformed('partial-order')
    }
    if (shape.kind === 'groups') checkGroup(shape, entry)
    entries.push(entry)
  }
  return entries
}

function checkGroup({ states }: GroupShape, { rest }: Entry): void {
  const nodes = rest[0]
  if (typeof nodes !== 'number' || !Number.isInteger(nodes) || nodes < 1 || nodes > MAX_COUNT) {
    throw new Malformed('partial-group', `${nodes} nodes`)
  }
  for (const { accumulator, at } of states) {
    if (accumulator !== undefined && !accumulator.fits(rest, at, nodes)) throw new Malformed('partial-state')
  }
}

function checkHorizon(shape: Shape, entries: readonly Entry[], horizon: readonly Value[] | undefined): void {
  if (horizon === undefined) return
  if (shape.keyWidth === 0 || horizon.length !== shape.keyWidth) throw new Malformed('partial-horizon', 'shape')
  const last = entries.at(-1)
  if (last !== undefined && isBehind(shape, last.key, horizon)) throw new Malformed('partial-horizon', 'order')
}

/** Nodes are dropped behind a horizon, or behind LIMIT when all its rows are there; groups behind a horizon. */
function checkDropped(
  shape: Shape,
  entries: readonly Entry[],
  horizon: unknown,
  dropped: number,
  groupsCut: number,
): void {
  const full = shape.kind === 'rows' && entries.length === shape.query.limit
  const cut = horizon !== undefined
  if (full ? cut : cut !== dropped > 0) throw new Malformed('partial-dropped')
  if (shape.kind === 'rows' ? groupsCut > 0 : cut !== groupsCut > 0) throw new Malformed('partial-dropped', 'groups')
  if (groupsCut > dropped) throw new Malformed('partial-dropped', 'more groups than nodes')
}
