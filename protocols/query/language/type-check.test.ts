import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from './parser.ts'
import { QueryError } from './query-error.ts'
import { checkTypes, unknownAttribute } from './type-check.ts'

const TYPES = { load: 'number', cpus: 'number', region: 'string', ready: 'boolean', note: 'null' } as const

function check(text: string): string {
  try {
    checkTypes(parse(text), TYPES)
    return ''
  } catch (error) {
    assert(error instanceof QueryError, String(error))
    return `${error.message}\n${error.caret()}`
  }
}

test('what the known types make senseless is refused at its place', () => {
  const refused = `
sum is taken of numbers, and region is a text
SELECT sum(region) FROM nodes
           ^^^^^^

stddev is taken of numbers, and ready is true or false
SELECT stddev(ready) FROM nodes
              ^^^^^

max is taken of numbers or texts, and ready is true or false
SELECT count(*) FROM nodes GROUP BY region ORDER BY max(ready)
                                                        ^^^^^

load is a number and 'eu' is a text: they never compare
SELECT id FROM nodes WHERE cpus > 1 AND load = 'eu'
                                        ^^^^^^^^^^^

5 is a number and region is a text: they never compare
SELECT id FROM nodes WHERE NOT (5 < region)
                                ^^^^^^^^^^

load is a number and region is a text: they never compare
SELECT id FROM nodes WHERE load = region
                           ^^^^^^^^^^^^^

region is a text and none of the values is: they never compare
SELECT id FROM nodes WHERE region IN (1, 2)
                           ^^^^^^^^^^^^^^^^

load is a number and 'b' is a text: they never compare
SELECT id FROM nodes WHERE load BETWEEN 1 AND 'b'
                           ^^^^^^^^^^^^^^^^^^^^^^

LIKE is for texts, and load is a number
SELECT id FROM nodes WHERE load LIKE '1%'
                           ^^^^^^^^^^^^^^

load is a number: alone it is no condition
SELECT id FROM nodes WHERE load
                           ^^^^
`
  for (const expected of refused.trim().split('\n\n')) assert.equal(check(expected.split('\n')[1]!), expected)
})

test('what fits passes, and so does what is not known here', () => {
  const taken = [
    'SELECT sum(load), min(region), max(cpus), count(ready), count(*) FROM nodes',
    "SELECT id FROM nodes WHERE load > 1 AND region = 'eu' AND ready AND load < cpus AND region LIKE 'e%'",
    "SELECT id FROM nodes WHERE load IN (1, 'x', NULL) AND load = NULL AND region IN (NULL) AND NULL = load",
    'SELECT id FROM nodes WHERE region IS NULL AND load IS NOT NULL AND 1 = 1',
    "SELECT sum(gpu), avg(note) FROM nodes WHERE gpu = 'x' AND gpu = 1 AND note = 1 AND note LIKE 'x' AND load = gpu AND gpu",
    'SELECT sum(constructor) FROM nodes',
  ]
  for (const text of taken) assert.equal(check(text), '', text)
})

test('an attribute that no node has is marked where it first stands, with the nearest name', () => {
  const known = ['id', 'load', 'memory_free', 'region']
  const query = parse('SELECT id, avg(laod) FROM nodes WHERE laod > 1 AND memory_fre > 2 GROUP BY id')
  assert.equal(unknownAttribute(query, 'laod', known).message, 'no node has an attribute laod')
  assert.equal(
    unknownAttribute(query, 'laod', known).caret(),
    `SELECT id, avg(laod) FROM nodes WHERE laod > 1 AND memory_fre > 2 GROUP BY id
               ^^^^
did you mean 'load'?`,
  )
  assert.equal(unknownAttribute(query, 'memory_fre', known).hint, "did you mean 'memory_free'?")
  assert.equal(unknownAttribute(parse('SELECT xyz FROM nodes'), 'xyz', known).hint, undefined)
  const quoted = parse('SELECT id FROM nodes WHERE region = "eu"')
  assert.equal(unknownAttribute(quoted, 'eu', known).hint, "a text is written in single quotes: 'eu'")
})
