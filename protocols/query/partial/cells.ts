import { create } from '@bufbuild/protobuf'
import { MAX_TEXT_BYTES, utf8Length, type Value } from '../../../core/attributes.ts'
import { checkFinite } from '../../../core/codec.ts'
import { Malformed } from '../../../core/malformed.ts'
import { type Cells, CellsSchema } from './partial_pb.ts'

const NULL = 0
const FALSE = 1
const TRUE = 2
const INTEGER = 3
const NUMBER = 4
const TEXT = 5

/** Bytes that a number, and that any value takes at most. */
export const MAX_NUMBER_BYTES = 9
export const MAX_CELL_BYTES = 4 + MAX_TEXT_BYTES

/** Bytes that a value takes on the wire, its kind included; a text may take one less. */
export function cellSize(value: Value): number {
  if (typeof value === 'string') return 4 + utf8Length(value)
  if (typeof value !== 'number') return 1
  if (!isInteger(value)) return MAX_NUMBER_BYTES
  const zigzag = value < 0 ? -2 * value - 1 : 2 * value
  return 2 + (zigzag < 2 ** 7 ? 0 : zigzag < 2 ** 14 ? 1 : zigzag < 2 ** 21 ? 2 : zigzag < 2 ** 28 ? 3 : 4)
}

function isInteger(value: number): boolean {
  return (value | 0) === value
}

export function encodeCells(values: readonly Value[]): Cells {
  const cells = create(CellsSchema, { kinds: new Uint8Array(values.length) })
  for (const [i, value] of values.entries()) cells.kinds[i] = append(cells, value)
  return cells
}

function append(cells: Cells, value: Value): number {
  if (value === null) return NULL
  if (typeof value === 'boolean') return value ? TRUE : FALSE
  if (typeof value === 'string') {
    cells.texts.push(value)
    return TEXT
  }
  const integer = isInteger(value)
  ;(integer ? cells.integers : cells.numbers).push(value)
  return integer ? INTEGER : NUMBER
}

/** @throws Malformed `partial-cells`, `partial-number` or `partial-text` */
export function decodeCells({ kinds, integers, numbers, texts }: Cells): Value[] {
  let integer = 0
  let number = 0
  let text = 0
  const values = Array.from(kinds, (kind): Value => {
    switch (kind) {
      case NULL:
        return null
      case FALSE:
      case TRUE:
        return kind === TRUE
      case INTEGER:
        return taken(integers[integer++])
      case NUMBER:
        return checkFinite(taken(numbers[number++]), 'partial-number') + 0
      case TEXT:
        return checkBytes(taken(texts[text++]))
      default:
        throw new Malformed('partial-cells', `kind ${kind}`)
    }
  })
  if (integer !== integers.length || number !== numbers.length || text !== texts.length) {
    throw new Malformed('partial-cells', 'values without a kind')
  }
  return values
}

function taken<T>(value: T | undefined): T {
  if (value === undefined) throw new Malformed('partial-cells', 'kinds without a value')
  return value
}

function checkBytes(text: string): string {
  if (text.length > MAX_TEXT_BYTES || utf8Length(text) > MAX_TEXT_BYTES) throw new Malformed('partial-text')
  return text
}
