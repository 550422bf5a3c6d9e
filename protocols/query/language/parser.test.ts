import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Condition, Operand } from './ast.ts'
import { MAX_LIMIT } from './limits.ts'
import { parse } from './parser.ts'
import { QueryError } from './query-error.ts'

/** The shape of a condition, without the places: ['and', ['=', 'a', 1], ...]. Attributes are written with a leading dot. */
function shape(condition: Condition): unknown {
  const operand = (of: Operand) => (of.kind === 'attribute' ? `.${of.name}` : of.value)
  switch (condition.kind) {
    case 'and':
    case 'or':
      return [condition.kind, ...condition.terms.map(shape)]
    case 'not':
      return ['not', shape(condition.term)]
    case 'truth':
      return operand(condition.operand)
    case 'compare':
      return [condition.operator, operand(condition.left), operand(condition.right)]
    case 'in':
      return [condition.negated ? 'not in' : 'in', operand(condition.operand), ...condition.list.map(operand)]
    case 'between': {
      const { negated, low, high } = condition
      return [negated ? 'not between' : 'between', operand(condition.operand), operand(low), operand(high)]
    }
    case 'like':
      return [condition.negated ? 'not like' : 'like', operand(condition.operand), condition.pattern]
    case 'null':
      return [condition.negated ? 'not null' : 'null', operand(condition.operand)]
  }
}

function where(text: string): unknown {
  const query = parse(`SELECT id FROM nodes WHERE ${text}`)
  assert(query.where !== undefined)
  return shape(query.where)
}

test('conditions are read as SQL reads them', () => {
  const examples: [string, unknown][] = [
    ["region = 'eu'", ['=', '.region', 'eu']],
    ["'eu' = region", ['=', 'eu', '.region']],
    ['a <> 1', ['<>', '.a', 1]],
    ['a != 1', ['<>', '.a', 1]],
    ['a<b', ['<', '.a', '.b']],
    ['a >= -1.5e-3', ['>=', '.a', -0.0015]],
    ['a <= + .5', ['<=', '.a', 0.5]],
    ['a > 5.', ['>', '.a', 5]],
    ["a = 'it''s'", ['=', '.a', "it's"]],
    ["a = ''", ['=', '.a', '']],
    ['a = TRUE', ['=', '.a', true]],
    ['a = null', ['=', '.a', null]],
    ['ready', '.ready'],
    ['NOT ready', ['not', '.ready']],
    ['TRUE', true],
    ['a = 1 AND b = 2 AND c = 3', ['and', ['=', '.a', 1], ['=', '.b', 2], ['=', '.c', 3]]],
    ['a OR b AND c', ['or', '.a', ['and', '.b', '.c']]],
    ['a AND b OR c', ['or', ['and', '.a', '.b'], '.c']],
    ['(a OR b) AND c', ['and', ['or', '.a', '.b'], '.c']],
    ['NOT a = 1 AND b', ['and', ['not', ['=', '.a', 1]], '.b']],
    ['NOT (a AND b)', ['not', ['and', '.a', '.b']]],
    ['NOT NOT a', ['not', ['not', '.a']]],
    ['(a) > (1)', ['>', '.a', 1]],
    ["a IN (1, -2, 'x', NULL)", ['in', '.a', 1, -2, 'x', null]],
    ['a not in (1)', ['not in', '.a', 1]],
    ['a BETWEEN 1 AND 2 AND b', ['and', ['between', '.a', 1, 2], '.b']],
    ['a NOT BETWEEN b AND c', ['not between', '.a', '.b', '.c']],
    ["a LIKE 'web-%' OR a NOT LIKE '_'", ['or', ['like', '.a', 'web-%'], ['not like', '.a', '_']]],
    ['a IS NULL AND b IS NOT NULL', ['and', ['null', '.a'], ['not null', '.b']]],
    ['"order" = 1 AND "a" = 2', ['and', ['=', '.order', 1], ['=', '.a', 2]]],
    ['min > 3 AND count < 2', ['and', ['>', '.min', 3], ['<', '.count', 2]]],
  ]
  for (const [text, expected] of examples) assert.deepEqual(where(text), expected, text)
})

test('keywords and names are case-insensitive; names fold to lower case, quoted ones must be lower case', () => {
  const query = parse('sElEcT Region, COUNT(*) fRoM NODES gRoUp By REGION oRdEr bY region dEsC lImIt 3')
  assert.deepEqual(query.columns, ['region', 'count(*)'])
  assert.throws(() => parse('SELECT "Region" FROM nodes'), QueryError)
})

test('a query for rows: columns, order by anything a node has, the default limit', () => {
  const query = parse("SELECT id, load AS l\nFROM nodes WHERE region = 'eu'\nORDER BY l DESC, rack ASC, id;")
  assert(query.kind === 'rows')
  assert.deepEqual(query.columns, ['id', 'l'])
  assert.deepEqual(
    query.orderBy.map(({ attribute, descending }) => [attribute.name, descending]),
    [
      ['load', true],
      ['rack', false],
      ['id', false],
    ],
  )
  assert.deepEqual(
    query.attributes.map(({ name }) => name),
    ['id', 'load', 'region', 'rack'],
  )
  assert.equal(query.limit, MAX_LIMIT)
  assert.equal(query.limitStated, false)
})

test('a query for groups: every aggregate once, keys and names resolved, no limit unless stated', () => {
  const query = parse(
    'SELECT count(*), count(*) AS n, avg(load), os FROM nodes GROUP BY region, os ORDER BY n DESC, region, max(load)',
  )
  assert(query.kind === 'groups')
  assert.deepEqual(query.columns, ['count(*)', 'n', 'avg(load)', 'os'])
  assert.deepEqual(
    query.aggregates.map(({ name, of }) => [name, of?.name]),
    [
      ['count', undefined],
      ['avg', 'load'],
      ['max', 'load'],
    ],
  )
  assert.deepEqual(query.select, [{ aggregate: 0 }, { aggregate: 0 }, { aggregate: 1 }, { key: 1 }])
  assert.deepEqual(
    query.orderBy.map(({ by }) => by),
    [{ aggregate: 0 }, { key: 0 }, { aggregate: 2 }],
  )
  assert.equal(query.limit, undefined)
})

test('GROUP BY without an aggregate, and an aggregate without GROUP BY, are queries for groups', () => {
  assert.equal(parse('SELECT region FROM nodes GROUP BY region').kind, 'groups')
  assert.equal(parse('SELECT stddev(load) FROM nodes').kind, 'groups')
})

test('every place points at its text', () => {
  const text =
    "SELECT  avg( load ) , region FROM nodes WHERE NOT (load BETWEEN 1 AND 22) AND region IN ('a', 'b') GROUP BY region"
  const query = parse(text)
  assert(query.kind === 'groups' && query.where?.kind === 'and')
  const at = ({ start, end }: { start: number; end: number }) => text.slice(start, end)
  assert.equal(at(query.aggregates[0]!), 'avg( load )')
  assert.equal(at(query.where), "NOT (load BETWEEN 1 AND 22) AND region IN ('a', 'b'".concat(')'))
  assert.deepEqual(query.attributes.map(at), ['load', 'region'])
})

const WORDS = (
  'SELECT FROM nodes WHERE GROUP BY ORDER LIMIT AS ASC DESC AND OR NOT IN BETWEEN LIKE IS NULL TRUE FALSE count sum avg ( ) ( ) , , ' +
  `* = <> != < <= > >= - + ; 1 2.5 1e3 1e999 'eu' 'it''s' ' "id" " id region load os zones having offset distinct . @ é 😀`
).split(' ')

test('whatever the text is, parse gives a query or a QueryError whose place lies inside the text, at once', () => {
  const soup = fc.array(fc.constantFrom(...WORDS), { maxLength: 150 }).map((words) => words.join(' '))
  const condition = fc
    .array(fc.constantFrom(...WORDS), { maxLength: 40 })
    .map((w) => `SELECT id FROM nodes WHERE ${w.join(' ')}`)
  const clauses = fc
    .array(fc.constantFrom(...WORDS), { maxLength: 20 })
    .map((w) => `SELECT id FROM nodes ${w.join(' ')}`)
  const text = fc.oneof(
    soup,
    condition,
    clauses,
    fc.string({ maxLength: 1200 }),
    fc.string({ unit: 'binary', maxLength: 500 }),
  )
  fc.assert(
    fc.property(text, (text) => {
      const begin = performance.now()
      try {
        parse(text)
      } catch (error) {
        assert(error instanceof QueryError, String(error))
        assert(error.message.length > 0 && error.position >= 0 && error.length >= 0)
        assert(error.position + error.length <= error.text.length)
        const [line, caret] = error.caret().split('\n')
        assert(line!.length <= 130 && /^ *\^+$/.test(caret!))
      }
      assert(performance.now() - begin < 1000)
    }),
    { numRuns: 2000 },
  )
})

test('WITH GOSSIP is read at the end only, and leaves with and gossip free as names of attributes', () => {
  assert.equal(parse('SELECT avg(load), count(*) FROM nodes WITH GOSSIP;').gossip, true)
  assert.equal(parse('SELECT avg(load) FROM nodes').gossip, false)
  assert.deepEqual(parse('SELECT gossip FROM nodes WHERE gossip = 1').columns, ['gossip'])
  assert.throws(() => parse('SELECT avg(load) WITH GOSSIP FROM nodes'), QueryError)
})

test('columns swap their names with AS, and one without AS stands there twice', () => {
  assert.deepEqual(parse('SELECT a AS b, b AS a FROM nodes').columns, ['b', 'a'])
  assert.deepEqual(parse('SELECT a, a, b AS c FROM nodes').columns, ['a', 'a', 'c'])
})
