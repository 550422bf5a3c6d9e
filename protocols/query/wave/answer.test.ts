import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from '../language/parser.ts'
import { collect, merge } from '../partial/partial.ts'
import { answerOf } from './answer.ts'

/** Notes of the answer that 1,500 nodes, each of a rack of its own, give. */
function notesOf(text: string): readonly string[] {
  const query = parse(text)
  const racks = Array.from({ length: 1500 }, (_, i) => collect(query, { id: `n${i}`, rack: i }))
  const part = (from: number, to: number) => racks.slice(from, to).reduce((a, b) => merge(query, a, b))
  const partial = merge(query, part(0, 750), part(750, 1500))
  const tallied = { answered: 1500, silent: 0, missing: [], delegations: 1499, messages: 0, bytes: 0, hops: 0 }
  return answerOf(query, partial, tallied, 0).notes
}

test('notes say what is missing as what it is, rows or groups, and nothing where LIMIT got what it asked for', () => {
  const groups = 'at least 500 more groups are beyond the limit of an answer'
  const among = 'the order covers only the 1000 groups that were kept: narrow them with WHERE'
  assert.deepEqual(notesOf('SELECT rack FROM nodes GROUP BY rack'), [groups])
  assert.deepEqual(notesOf('SELECT rack FROM nodes GROUP BY rack LIMIT 5'), [])
  assert.deepEqual(notesOf('SELECT rack FROM nodes GROUP BY rack ORDER BY rack DESC LIMIT 5'), [])
  assert.deepEqual(notesOf('SELECT rack FROM nodes GROUP BY rack ORDER BY count(*) DESC LIMIT 5'), [groups, among])
  assert.deepEqual(notesOf('SELECT rack FROM nodes'), [
    '500 more rows are beyond the limit of an answer: add LIMIT or WHERE',
  ])
  assert.deepEqual(notesOf('SELECT rack FROM nodes LIMIT 5'), [])
})
