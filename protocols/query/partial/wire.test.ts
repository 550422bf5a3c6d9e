import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { Malformed } from '../../../core/malformed.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { finish } from './finish.ts'
import { collect, merge, type Partial } from './partial.ts'
import { type Cells, CellsSchema, EncodedPartialSchema } from './partial_pb.ts'
import { decodePartial, encodePartial } from './wire.ts'

const QUERIES = [
  'SELECT count(*) FROM nodes',
  'SELECT region, count(*), avg(load), stddev(load), min(id), count(id) FROM nodes WHERE load >= 0 GROUP BY region',
  'SELECT id, region, load FROM nodes ORDER BY load DESC LIMIT 4',
].map(parse)
const [COUNT, , ROWS] = QUERIES as [Query, Query, Query]

function sample(query: Query): Partial {
  const nodes = Array.from({ length: 9 }, (_, i) => ({
    id: `n${i}`,
    region: ['eu', 'us', null][i % 3]!,
    load: i === 4 ? 'high' : [i / 3, i * 1e9, -i][i % 3]!,
  }))
  return nodes.map((node) => collect(query, node)).reduce((a, b) => merge(query, a, b))
}

const FRAMES = QUERIES.map((query) => encodePartial(sample(query)))

test('what is sent arrives', () => {
  for (const [i, query] of QUERIES.entries()) assert.deepEqual(decodePartial(query, FRAMES[i]!), sample(query))
  const nothing = collect(ROWS, {})
  assert.deepEqual(decodePartial(ROWS, encodePartial(nothing)), nothing)
})

/** A value that can be used without a care, or Malformed. */
function decodesOrRefuses(query: Query, bytes: Uint8Array): boolean {
  let partial: Partial
  try {
    partial = decodePartial(query, bytes)
  } catch (error) {
    assert(error instanceof Malformed, String(error))
    assert.match(error.reason, /^partial-[a-z-]+$/)
    return false
  }
  const merged = merge(query, merge(query, partial, sample(query)), partial)
  assert.deepEqual(decodePartial(query, encodePartial(partial)), partial)
  decodePartial(query, encodePartial(merged))
  for (const row of finish(query, merged).rows) {
    for (const value of row) assert(typeof value !== 'number' || Number.isFinite(value))
  }
  return true
}

test('random bytes give a value or Malformed, and nothing else', () => {
  fc.assert(
    fc.property(fc.constantFrom(...QUERIES), fc.uint8Array({ maxLength: 300 }), (query, bytes) => {
      decodesOrRefuses(query, bytes)
    }),
    { numRuns: 1000 },
  )
})

test('truncated and mutated frames, and frames of another query, give a value or Malformed; a value stays harmless', () => {
  const frame = fc.tuple(fc.constantFrom(...QUERIES), fc.constantFrom(...FRAMES))
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 })
  let taken = 0
  fc.assert(
    fc.property(frame, edits, fc.option(fc.nat(), { nil: undefined }), ([query, bytes], edits, cut) => {
      const mutated = bytes.slice(0, cut === undefined ? bytes.length : cut % bytes.length)
      for (const [at, value] of edits) if (mutated.length > 0) mutated[at % mutated.length] = value
      if (decodesOrRefuses(query, mutated)) taken++
    }),
    { numRuns: 3000 },
  )
  assert(taken > 100, 'the mutations are so coarse that nothing is left to use')
})

interface Wire {
  present?: number
  mistyped?: number[]
  dropped?: number
  groupsCut?: number
  entries?: Cells
  horizon?: Cells
}

function cells(kinds: number[], values: { integers?: number[]; numbers?: number[]; texts?: string[] } = {}): Cells {
  return create(CellsSchema, { kinds: Uint8Array.from(kinds), ...values })
}

test('each thing that no honest node sends is refused under its own reason', () => {
  const [count, groups, rows] = [0, 1, 2]
  const honest = (i: number) => fromBinary(EncodedPartialSchema, FRAMES[i]!.slice())
  /** The frame of a query with some fields changed. */
  const reason = (i: number, changes: Wire): string => {
    const encoded = Object.assign(honest(i), changes)
    try {
      decodePartial(QUERIES[i]!, toBinary(EncodedPartialSchema, encoded))
    } catch (error) {
      assert(error instanceof Malformed, String(error))
      return error.reason
    }
    return 'taken'
  }
  const entries = (i: number, changes: { [field in 'kinds' | 'integers' | 'numbers' | 'texts']?: unknown }) => ({
    entries: Object.assign(honest(i).entries!, changes),
  })
  /** One group of two nodes with these states; the kind is that of the minimum. */
  const states = (avg: number[], stddev: number[], minimum: number, ids: number) => ({
    entries: cells([0, 3, 3, 3, 3, 3, 3, 3, minimum, 3], { integers: [2, ...avg, ...stddev, ids] }),
  })
  const { kinds, integers, numbers, texts } = honest(groups).entries!

  const frames: [string, number, Wire][] = [
    ['taken', groups, {}],
    ['taken', groups, { entries: cells([...kinds], { integers, numbers, texts }) }],
    ['partial-attributes', count, { present: 1 }],
    ['partial-attributes', groups, { present: 8 }],
    ['partial-mistyped', groups, { mistyped: [1] }],
    ['partial-cells', groups, entries(groups, { kinds: kinds.with(0, 9) })],
    ['partial-cells', groups, entries(groups, { integers: [...integers, 1] })],
    ['partial-cells', groups, entries(groups, { texts: texts.slice(1) })],
    ['partial-number', groups, entries(groups, { numbers: numbers.with(0, Number.NaN) })],
    ['partial-number', groups, entries(groups, { numbers: numbers.with(0, Infinity) })],
    ['partial-text', groups, entries(groups, { texts: texts.with(0, 'é'.repeat(513)) })],
    ['partial-shape', groups, entries(groups, { kinds: kinds.slice(1) })],
    ['partial-too-many-rows', rows, { entries: cells(Array(15).fill(0)) }],
    ['partial-too-many-groups', count, { entries: cells(Array(1001).fill(0)) }],
    // Rows upside down, the same group twice
    [
      'partial-order',
      rows,
      { entries: cells([3, 5, 0, 3, 5, 0], { integers: [1, 2], texts: ['a', 'b'] }), dropped: 0 },
    ],
    ['partial-order', count, { entries: cells([3, 3], { integers: [1, 1] }) }],
    // Groups of no node, of less, of half a node, of more than can be, of a text
    ['partial-group', count, { entries: cells([3], { integers: [0] }) }],
    ['partial-group', count, { entries: cells([3], { integers: [-1] }) }],
    ['partial-group', count, { entries: cells([4], { numbers: [1.5] }) }],
    ['partial-group', count, { entries: cells([4], { numbers: [2 ** 32] }) }],
    ['partial-group', count, { entries: cells([5], { texts: ['1'] }) }],
    ['taken', groups, states([2, 5, 0], [2, 5, 1], 0, 2)],
    ['partial-state', groups, states([3, 5, 0], [2, 5, 1], 0, 2)], // more values than nodes
    ['partial-state', groups, states([0, 5, 0], [2, 5, 1], 0, 2)], // a sum of nothing
    ['partial-state', groups, states([0, 0, 5], [2, 5, 1], 0, 2)], // an error of nothing
    ['partial-state', groups, states([2, 5, 0], [2, 5, -1], 0, 2)], // squares below zero
    ['partial-state', groups, states([2, 5, 0], [1, 5, 1], 0, 2)], // one value that is not its own mean
    ['partial-state', groups, states([2, 5, 0], [0, 5, 0], 0, 2)], // a mean of nothing
    ['partial-state', groups, states([2, 5, 0], [2, 5, 1], 2, 2)], // a truth value as minimum
    ['partial-state', groups, states([2, 5, 0], [2, 5, 1], 0, 3)], // more counted than there are
    // Losses and horizon belong together
    ['partial-cut', groups, { horizon: cells([0]), dropped: 1, groupsCut: 1 }],
    ['partial-cut', groups, { entries: cells([]), horizon: cells([0]), dropped: 1, groupsCut: 1 }],
    ['partial-horizon', count, { horizon: cells([]), dropped: 1, groupsCut: 1 }],
    ['partial-horizon', groups, { horizon: cells([0, 0]), dropped: 1, groupsCut: 1 }],
    ['partial-horizon', groups, { horizon: cells([5], { texts: ['a'] }), dropped: 1, groupsCut: 1 }],
    ['partial-dropped', groups, { horizon: cells([0]) }],
    ['partial-dropped', groups, { horizon: cells([0]), dropped: 1 }],
    ['partial-dropped', groups, { horizon: cells([0]), dropped: 1, groupsCut: 2 }],
    ['partial-dropped', groups, { dropped: 5 }],
    ['partial-dropped', groups, { groupsCut: 1 }],
    ['partial-dropped', rows, { groupsCut: 1 }],
    ['partial-dropped', rows, { horizon: cells([0, 0]) }],
    ['partial-dropped', rows, { entries: cells([]) }],
  ]
  for (const [expected, i, changes] of frames) assert.equal(reason(i, changes), expected, JSON.stringify(changes))
})

test('a frame over the limit is refused before it is read', () => {
  assert.throws(() => decodePartial(COUNT, new Uint8Array(60 * 1024 + 1)), { reason: 'partial-too-large' })
})

test('the worst frames of full size are refused or read quickly', () => {
  const kinds = create(EncodedPartialSchema, { entries: create(CellsSchema, { kinds: new Uint8Array(61_000) }) })
  const integers = create(EncodedPartialSchema, { entries: create(CellsSchema, { integers: Array(61_000).fill(0) }) })
  const texts = create(EncodedPartialSchema, { entries: create(CellsSchema, { texts: Array(30_000).fill('') }) })
  const counts = create(EncodedPartialSchema, { mistyped: Array(61_000).fill(0) })
  const groups = new Uint8Array(61_000).fill(0x7b) // field 15, start of a group, in a group, in a group ...
  for (const bytes of [...[kinds, integers, texts, counts].map((p) => toBinary(EncodedPartialSchema, p)), groups]) {
    const begin = performance.now()
    for (const query of QUERIES) assert.throws(() => decodePartial(query, bytes), Malformed)
    assert(performance.now() - begin < 1000)
  }
})
