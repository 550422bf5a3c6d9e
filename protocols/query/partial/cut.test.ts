// Cuts that room forced, and those that a liar only claims: what stands behind a horizon is thrown away by everybody.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes } from '../../../core/attributes.ts'
import { Malformed } from '../../../core/malformed.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { finish } from './finish.ts'
import { fitPartial, LEAST_ROOM, MAX_PARTIAL_BYTES } from './fit.ts'
import { collect, merge, type Partial } from './partial.ts'
import { decodePartial, encodePartial } from './wire.ts'

const ROWS = parse('SELECT id, note, other FROM nodes ORDER BY note')
const QUERIES = [
  ROWS,
  parse('SELECT id FROM nodes ORDER BY other DESC LIMIT 300'),
  parse('SELECT note, max(other), count(*) FROM nodes GROUP BY note'),
  parse('SELECT id, note, min(other), avg(number) FROM nodes GROUP BY id, note'),
]

function gathered(query: Query, nodes: readonly Attributes[], pass: (partial: Partial) => Partial): Partial {
  let all = nodes.map((node) => collect(query, node))
  while (all.length > 1) {
    const next: Partial[] = []
    for (let i = 0; i < all.length; i += 3) next.push(pass(all.slice(i, i + 3).reduce((a, b) => merge(query, a, b))))
    all = next
  }
  return all[0]!
}

test('no honest cut is taken for a lie: texts of all lengths, rows and groups, whatever room was left, merged and cut again', () => {
  const text = fc
    .tuple(fc.nat({ max: 40 }), fc.constantFrom(0, 1, 30, 300, 1000))
    .map(([i, n]) => `${i}`.padEnd(n, 'x'))
  const node = fc.record({ note: text, other: text, number: fc.constantFrom(1, 0.1, null) })
  const fleet = fc.array(node, { minLength: 60, maxLength: 400, size: 'max' })
  const rooms = fc.array(fc.integer({ min: LEAST_ROOM, max: MAX_PARTIAL_BYTES }), { minLength: 1, maxLength: 20 })
  let cuts = 0
  fc.assert(
    fc.property(fc.constantFrom(...QUERIES), fleet, rooms, (query, fleet, rooms) => {
      let turn = 0
      const nodes = fleet.map((node, i) => ({ ...node, id: `n${i}` }))
      const { horizon, entries, dropped } = gathered(query, nodes, (partial) =>
        decodePartial(query, encodePartial(fitPartial(partial, rooms[turn++ % rooms.length]))),
      )
      assert.ok(entries.length > 0)
      if (horizon !== undefined && dropped > 0) cuts++
    }),
    { numRuns: 60 },
  )
  assert.ok(cuts > 10, `${cuts}`)
})

test('a horizon with nothing, or hardly anything, before it is refused: it would empty the answer of everybody else', () => {
  for (const query of QUERIES) {
    const honest = collect(query, { id: 'a', note: 'a', other: 'z', number: 1 })
    const key = honest.entries[0]!.key
    const horizon = key.map((value) => (query === QUERIES[1] && value === 'z' ? 'y' : `${value}!`))
    const cut = { horizon, dropped: 1, groupsCut: query.kind === 'groups' ? 1 : 0 }
    for (const lie of [
      { ...honest, ...cut },
      { ...honest, ...cut, entries: [] },
    ]) {
      assert.throws(
        () => decodePartial(query, encodePartial(lie)),
        (error) => error instanceof Malformed && error.reason === 'partial-cut',
      )
      // What the check is there for: merged, it takes away what others have.
      const others = merge(query, collect(query, { id: 'm', note: 'm', other: 'm' }), lie)
      assert.equal(others.entries.length, lie.entries.length)
    }
  }
})

test('twins too large to be sent together do not empty an honest answer, nor make it a lie', () => {
  const twins = Array.from({ length: 90 }, (_, i) => ({ note: 'a', other: `${i}`.padStart(1000, 'x') }))
  const honest = Array.from({ length: 9 }, (_, i) => ({ id: `n${i}`, note: 'b' }))
  const partial = gathered(ROWS, [...twins, ...honest], (each) => decodePartial(ROWS, encodePartial(each)))
  const { rows, truncated } = finish(ROWS, partial)
  assert.ok(rows.length > 50)
  assert.equal(rows.length + truncated.rows, 99)
})

/** 2,000 groups of one node, and one of five hundred, in a tree over the wire. */
function ofRacks(order: string) {
  const racks = Array.from({ length: 2000 }, (_, i) => ({
    id: `n${i}`,
    rack: i,
    half: i % 2 === 0 ? 'a' : 'b',
    load: i,
  }))
  const busy = Array.from({ length: 500 }, (_, i) => ({ id: `m${i}`, rack: 5000, half: 'b', load: 0 }))
  const query = parse(`SELECT rack, count(*) FROM nodes GROUP BY half, rack ${order}`)
  const partial = gathered(query, [...racks, ...busy], (each) => decodePartial(query, encodePartial(each)))
  const { rows, truncated, among } = finish(query, partial)
  return { first: rows.slice(0, 3).map(([rack]) => rack), count: rows.length, truncated, among }
}

test('groups ordered by their keys, either way, are cut where the answer ends: LIMIT gets what it asks for, and misses nothing', () => {
  const nothing = { truncated: { rows: 0, groups: 0 }, among: undefined, count: 3 }
  assert.deepEqual(ofRacks('ORDER BY rack DESC LIMIT 3'), { first: [5000, 1999, 1998], ...nothing })
  assert.deepEqual(ofRacks('ORDER BY rack LIMIT 3'), { first: [0, 1, 2], ...nothing })
  assert.deepEqual(ofRacks('ORDER BY half DESC, rack DESC LIMIT 3'), { first: [5000, 1999, 1997], ...nothing })
  assert.deepEqual(ofRacks('ORDER BY half DESC LIMIT 3'), { first: [1, 3, 5], ...nothing })
  assert.deepEqual(ofRacks('ORDER BY half, rack DESC, count(*) LIMIT 3'), { first: [1998, 1996, 1994], ...nothing })
  assert.deepEqual(ofRacks('LIMIT 3'), { first: [0, 2, 4], ...nothing })
  const all = ofRacks('ORDER BY rack DESC')
  assert.deepEqual([all.first, all.count], [[5000, 1999, 1998], 1000])
  assert.ok(all.truncated.groups > 0 && all.truncated.groups <= 1001 && all.truncated.rows === 1001)
})

test('groups ordered by an aggregate are ordered among those that were kept, and the answer says so', () => {
  for (const order of [
    'ORDER BY count(*) DESC LIMIT 1',
    'ORDER BY half DESC, count(*) DESC LIMIT 1',
    'ORDER BY sum(load)',
  ]) {
    const { among, truncated } = ofRacks(order)
    assert.equal(among, 1000)
    assert.ok(truncated.groups > 0)
  }
})
