// Random queries of the whole language over random fleets, answered here (parsed, collected at every node, merged in a random tree
// with the wire in between) and by SQLite, which somebody else wrote.
// Where the two differ on purpose the translation says so in SQL: see sqlite.fixture.ts. Nothing is excused afterwards.
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes, Value } from '../../../core/attributes.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { QueryError } from '../language/query-error.ts'
import { finish, type Result } from './finish.ts'
import { collect, merge } from './partial.ts'
import { dyadic, fleetOf, NAMES, questionOf, quoted, wild, wildTo } from './sqlite.fixture.ts'
import { decodePartial, encodePartial } from './wire.ts'

const database = new DatabaseSync(':memory:')
database.exec(`PRAGMA case_sensitive_like = ON; CREATE TABLE nodes (${NAMES.map(quoted).join(', ')})`)
database.aggregate('stddev', {
  start: () => new Float64Array(),
  step: (all, value) => (typeof value === 'number' ? Float64Array.of(...(all as Float64Array), value) : all),
  result: (all) => {
    const values = [...(all as Float64Array)]
    const mean = values.reduce((sum, v) => sum + v / values.length, 0)
    const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0)
    return values.length < 2 ? null : Math.sqrt(squares / (values.length - 1))
  },
})
const insert = database.prepare(`INSERT INTO nodes VALUES (${NAMES.map(() => '?').join(', ')})`)

function bySqlite(nodes: readonly Attributes[], text: string): Value[][] {
  database.exec('DELETE FROM nodes')
  for (const node of nodes) {
    const cells = NAMES.map((name) => (Object.hasOwn(node, name) ? node[name]! : null))
    insert.run(...cells.map((value) => (typeof value === 'boolean' ? Uint8Array.of(Number(value)) : value)))
  }
  const statement = database.prepare(text)
  statement.setReturnArrays(true)
  const value = (cell: unknown): Value =>
    cell instanceof Uint8Array ? cell[0] === 1 : typeof cell === 'number' ? cell + 0 : (cell as Value)
  return statement.all().map((row) => Object.values(row).map(value))
}

function byTendril(query: Query, nodes: readonly Attributes[], turns: readonly number[]): Result {
  const left = nodes.map((node) => collect(query, node))
  for (let turn = 0; left.length > 1; turn += 2) {
    const [a] = left.splice(turns[turn % turns.length]! % left.length, 1)
    const at = turns[(turn + 1) % turns.length]! % left.length
    const merged = merge(query, a!, left[at]!)
    left[at] = turn % 3 === 0 ? merged : decodePartial(query, encodePartial(merged))
  }
  return finish(query, left[0]!)
}

const turns = fc.array(fc.nat({ max: 1000 }), { minLength: 2, maxLength: 40, size: 'max' })
for (const exact of [true, false]) {
  for (const grouped of [true, false]) {
    const fleet = exact ? fleetOf(dyadic) : wild.chain((most) => fleetOf(wildTo(most)))
    test(`${grouped ? 'groups' : 'rows'} are what SQLite says, ${exact ? 'to the last bit' : 'but for rounding'}`, () => {
      let compared = 0
      const property = fc.property(questionOf(exact, grouped), fleet, turns, (question, nodes, turns) => {
        let query: Query
        try {
          query = parse(question.ours)
        } catch (error) {
          // Too large for limits.ts; any other query should have been taken.
          assert.match(
            error instanceof QueryError ? error.message : String(error),
            /^(the query is )?too (long|many)|nested/,
          )
          return
        }
        compared++
        const { rows, truncated, unknown } = byTendril(query, nodes, turns)
        const expected = bySqlite(nodes, question.theirs)
        const numbers = nodes.flatMap((node) => Object.values(node)).filter((value) => typeof value === 'number')
        const slack = exact ? 0 : Math.max(0, ...numbers.map(Math.abs)) * nodes.length * 1e-14
        const near = (a: Value | undefined, b: Value): a is number =>
          typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= Math.max(slack, 1e-12 * Math.abs(b))
        const same = expected.map((row, i) =>
          row.map((value, j) => {
            const found = rows[i]?.[j]
            return near(found, value) ? found : value
          }),
        )
        assert.deepEqual(rows, same, question.ours)
        assert.deepEqual(truncated, { rows: 0, groups: 0 })
        const nobody = query.attributes
          .map(({ name }) => name)
          .filter((name) => !nodes.some((n) => Object.hasOwn(n, name)))
        assert.deepEqual(unknown, nobody)
      })
      fc.assert(property, { numRuns: 400 })
      assert.ok(compared > 200, `${compared} queries compared`)
    })
  }
}
