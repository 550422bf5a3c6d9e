import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  MAX_AGGREGATES,
  MAX_COLUMNS,
  MAX_DEPTH,
  MAX_IN_LIST,
  MAX_PREDICATES,
  MAX_QUERY_ATTRIBUTES,
  MAX_QUERY_BYTES,
} from './limits.ts'
import { parse } from './parser.ts'
import { QueryError } from './query-error.ts'

function errorOf(text: string): QueryError {
  try {
    parse(text)
  } catch (error) {
    assert(error instanceof QueryError, String(error))
    return error
  }
  assert.fail(`accepted: ${text}`)
}

/** Query, caret, message and, where there is one, hint. */
const REFUSED = `
SELEC id FROM nodes
^^^^^
expected SELECT, found SELEC
did you mean 'SELECT'?

SELECT FROM nodes
       ^^^^
expected an attribute or an aggregate, found FROM

SELECT * FROM nodes
       ^
SELECT * is not in this version: name the attributes
as in: SELECT id, region

SELECT id
         ^
expected ',' or FROM, found the end of the query

SELECT id FORM nodes
          ^^^^
expected ',' or FROM, found FORM
did you mean 'FROM'?

SELECT id load FROM nodes
          ^^^^
expected ',' or FROM, found load

SELECT DISTINCT region FROM nodes
       ^^^^^^^^
DISTINCT is not in this version
GROUP BY gives the different values

SELECT id FROM node
               ^^^^
expected nodes, found node
did you mean 'nodes'?

SELECT id FROM zones
               ^^^^^
zones cannot be asked: only nodes in this version

SELECT id FROM members
               ^^^^^^^
members cannot be asked: only nodes in this version

SELECT id, FROM nodes
           ^^^^
expected an attribute or an aggregate, found FROM

SELECT 1 FROM nodes
       ^
expected an attribute or an aggregate, found 1

SELECT id AS from FROM nodes
             ^^^^
expected a name, found from

SELECT load AS l, id AS l FROM nodes
                        ^
two columns are called l

SELECT load, id AS load FROM nodes
                   ^^^^
two columns are called load

SELECT avg(load) AS region, region FROM nodes GROUP BY region
                    ^^^^^^
two columns are called region

SELECT cuont(*) FROM nodes
       ^^^^^
there is no function cuont
did you mean 'count'?

SELECT quantile(load, 0.99) FROM nodes
       ^^^^^^^^
there is no function quantile
the aggregates are count, sum, avg, min, max, stddev

SELECT sum(*) FROM nodes
           ^
sum is taken of an attribute; only count takes *

SELECT count() FROM nodes
             ^
expected an attribute or *, found ')'

SELECT count(DISTINCT region) FROM nodes
             ^^^^^^^^
DISTINCT is not in this version
GROUP BY gives the different values

SELECT avg(load FROM nodes
                ^^^^
expected ')', found FROM

SELECT avg(load, 2) FROM nodes
               ^
expected ')', found ','

SELECT region, count(*) FROM nodes
       ^^^^^^
region differs from node to node: it must be in GROUP BY
add GROUP BY region

SELECT region, load FROM nodes GROUP BY region
               ^^^^
load differs from node to node: it must be in GROUP BY
add load to GROUP BY

SELECT id FROM nodes GROUP region
                           ^^^^^^
expected BY, found region

SELECT id FROM nodes GROUP BY count(*)
                              ^^^^^
GROUP BY takes attributes only

SELECT id FROM nodes ORDER BY count(*)
                              ^^^^^^^^
this query gives a row for every node, so it cannot be ordered by count(*)

SELECT id FROM nodes ORDER BY 1
                              ^
ORDER BY takes names, not the numbers of columns

SELECT count(*) AS total FROM nodes GROUP BY region ORDER BY totl
                                                             ^^^^
groups are ordered by what they have: totl is neither in GROUP BY nor the name of a column
did you mean 'total'?

SELECT id FROM nodes LIMIT 0
                           ^
LIMIT takes a whole number from 1 to 1000

SELECT id FROM nodes LIMIT 1001
                           ^^^^
LIMIT takes a whole number from 1 to 1000

SELECT id FROM nodes LIMIT 2.5
                           ^^^
LIMIT takes a whole number from 1 to 1000

SELECT id FROM nodes LIMIT
                          ^
LIMIT takes a whole number from 1 to 1000

SELECT id FROM nodes LIMIT 5 OFFSET 5
                             ^^^^^^
OFFSET is not in this version
there is no OFFSET: narrow WHERE instead

SELECT avg(load) FROM nodes WITH GOSIP
                                 ^^^^^
expected GOSSIP, found GOSIP
did you mean 'GOSSIP'?

SELECT avg(load) FROM nodes WHERE region = 'eu' WITH GOSSIP
                                  ^^^^^^^^^^^^^
gossip knows figures of all nodes together, so there can be no WHERE
without WITH GOSSIP every node is asked, and it works

SELECT region, avg(load) FROM nodes GROUP BY region WITH GOSSIP
                                             ^^^^^^
gossip knows figures of all nodes together, so there can be no GROUP BY
without WITH GOSSIP every node is asked, and it works

SELECT load FROM nodes WITH GOSSIP
       ^^^^
gossip knows aggregates, not what single nodes have: load
avg(load) would do

SELECT avg(load) FROM nodes LIMIT 5 WITH GOSSIP
                                    ^^^^^^^^^^^
an answer from gossip is one row: nothing to order or to limit

SELECT region FROM nodes GROUP BY region HAVING count(*) > 1
                                         ^^^^^^
HAVING is not in this version
groups cannot be filtered yet

SELECT id FROM nodes WERE load > 1
                     ^^^^
expected the next clause or the end of the query, found WERE
did you mean 'WHERE'?

SELECT id FROM nodes ORDER BY load WHERE load > 1
                                   ^^^^^
expected the next clause or the end of the query, found WHERE
WHERE stands before GROUP BY, ORDER BY, LIMIT and WITH GOSSIP

SELECT id FROM nodes ORDER BY id group BY id
                                 ^^^^^
expected the next clause or the end of the query, found group
GROUP BY stands before ORDER BY, LIMIT and WITH GOSSIP

SELECT id FROM nodes LIMIT 5 ORDER BY load
                             ^^^^^
expected the next clause or the end of the query, found ORDER
ORDER BY stands before LIMIT and WITH GOSSIP

SELECT count(*) FROM nodes WITH GOSSIP LIMIT 5
                                       ^^^^^
expected the next clause or the end of the query, found LIMIT
LIMIT stands before WITH GOSSIP

SELECT id FROM nodes LIMIT 5 LIMIT 6
                             ^^^^^
expected the next clause or the end of the query, found LIMIT
a query has one LIMIT

SELECT id FROM nodes WHERE a LIMIT 5 WHERE b
                                     ^^^^^
expected the next clause or the end of the query, found WHERE
a query has one WHERE

SELECT id FROM nodes; WHERE load > 1
                      ^^^^^
expected the next clause or the end of the query, found WHERE

SELECT id FROM nodes LIMIT 5 DESC
                             ^^^^
expected the next clause or the end of the query, found DESC

SELECT id FROM nodes; SELECT id FROM nodes
                      ^^^^^^
expected the next clause or the end of the query, found SELECT

SELECT id FROM nodes WHERE
                          ^
expected a condition, found the end of the query

SELECT id FROM nodes WHERE 5
                           ^
expected a condition, found only a value

SELECT id FROM nodes WHERE 'eu'
                           ^^^^
expected a condition, found only a value

SELECT id FROM nodes WHERE load >
                                 ^
expected an attribute or a value, found the end of the query

SELECT id FROM nodes WHERE load > AND id
                                  ^^^
expected an attribute or a value, found AND

SELECT id FROM nodes WHERE a < b < c
                                 ^
conditions cannot be compared
write a < b AND b < c

SELECT id FROM nodes WHERE load = (a AND b)
                                   ^^^^^^^
expected an attribute or a value, found a condition

SELECT id FROM nodes WHERE load > 1 adn id
                                    ^^^
expected the next clause or the end of the query, found adn
did you mean 'AND'?

SELECT id FROM nodes WHERE (load > 1
                                    ^
expected ')', found the end of the query

SELECT id FROM nodes WHERE load > 1)
                                   ^
expected the next clause or the end of the query, found ')'

SELECT id FROM nodes WHERE load + 1 > 2
                                ^
there is no arithmetic in this version

SELECT id FROM nodes WHERE avg(load) > 1
                           ^^^
there are no functions in WHERE
WHERE chooses nodes before anything is counted

SELECT id FROM nodes WHERE load > (SELECT id FROM nodes)
                                   ^^^^^^
there are no queries inside a query in this version

SELECT id FROM nodes WHERE group = 1
                           ^^^^^
expected a condition, found the keyword GROUP
the attribute of that name is written "group"

SELECT id FROM nodes WHERE load NOT 5
                                    ^
expected IN, BETWEEN or LIKE, found 5

SELECT id FROM nodes WHERE load IS 5
                                   ^
expected NULL or NOT NULL, found 5

SELECT id FROM nodes WHERE load IS NOT nul
                                       ^^^
expected NULL, found nul
did you mean 'NULL'?

SELECT id FROM nodes WHERE load IN 5
                                   ^
expected '(', found 5

SELECT id FROM nodes WHERE load IN ()
                                    ^
expected a number or a text, found ')'

SELECT id FROM nodes WHERE load IN (1, id)
                                       ^^
expected a number or a text, found id

SELECT id FROM nodes WHERE load IN (1 2)
                                      ^
expected ',' or ')', found 2

SELECT id FROM nodes WHERE load BETWEEN 1
                                         ^
expected AND and the upper bound, found the end of the query

SELECT id FROM nodes WHERE load BETWEEN 1 OR 2
                                          ^^
expected AND and the upper bound, found OR

SELECT id FROM nodes WHERE id LIKE 5
                                   ^
expected a pattern such as 'web-%', found 5

SELECT id FROM nodes WHERE id LIKE other
                                   ^^^^^
expected a pattern such as 'web-%', found other

SELECT id FROM nodes WHERE id = 'eu
                                ^^^
this text has no closing '
a ' inside a text is written twice: 'it''s'

SELECT id FROM nodes WHERE id = "EU west"
                                ^^^^^^^^^
"EU west" cannot name an attribute
a text is written 'EU west'

SELECT id FROM nodes WHERE id = "eu
                                ^^^
this name has no closing "

SELECT id FROM nodes WHERE id = ‘eu’
                                ^
unexpected character "‘"
a text is written in straight single quotes: 'eu'

SELECT id FROM nodes WHERE load > 12abc
                                  ^^^^^
12abc is not a number

SELECT id FROM nodes WHERE load > 1.2.3
                                  ^^^^^
1.2.3 is not a number

SELECT id FROM nodes WHERE load > 1e
                                  ^^
1e is not a number

SELECT id FROM nodes WHERE load > 1e999
                                  ^^^^^
1e999 is too large a number

SELECT id FROM nodes WHERE load > --1
                                   ^
expected a number, found '-'

SELECT id FROM nodes WHERE load > @x
                                  ^
unexpected character "@"
`

test('what is wrong with a query is said in a sentence, at its place', () => {
  for (const expected of REFUSED.trim().split('\n\n')) {
    const text = expected.slice(0, expected.indexOf('\n'))
    const error = errorOf(text)
    const [line, caret, ...hint] = error.caret().split('\n')
    assert.equal([line, caret, error.message, ...hint].join('\n'), expected)
    assert.equal(error.text, text)
  }
})

test('a text that no other node could read as it is, with half of a character in it, is refused at its place', () => {
  for (const half of ['\ud800', '\udc00', 'a\udc00\ud800', '😀\ud83d']) {
    const error = errorOf(`SELECT id FROM nodes WHERE a = '${half}'`)
    assert.match(error.message, /half of a character/)
    assert.deepEqual([error.position, error.length], [31, half.length + 2])
  }
  parse("SELECT id FROM nodes WHERE a = '😀\ufffd'")
})

test('the caret stands in the line of the error, and control characters do not move it', () => {
  assert.equal(errorOf('SELECT id\nFROM nodes\nWHERE\tload = = 1\nLIMIT 5').caret(), 'WHERE load = = 1\n             ^')
  const hostile = errorOf('SELECT id FROM nodes WHERE "\u001b[31m" = 1')
  assert(!(hostile.message + hostile.caret()).includes('\u001b'))
  assert.equal(errorOf("SELECT id FROM nodes WHERE a = '😀é' b").caret().split('\n')[1], `${' '.repeat(36)}^`)
  assert.equal(errorOf('').caret(), '\n^')
})

test('of a long line the part around the error is shown', () => {
  const error = errorOf(
    `SELECT ${'a, '.repeat(30)}b FROM nodes WHERE ${"c = 'x' AND ".repeat(20)} @ AND ${'d AND '.repeat(20)}`,
  )
  const [line, caret] = error.caret().split('\n')
  assert(line!.startsWith('…') && line!.endsWith('…') && line!.length < 130)
  assert.equal(line![caret!.indexOf('^')], '@')
})

test('each limit is refused at the place where it is passed, and what is just inside is taken', () => {
  const list = (count: number, of: (i: number) => string, by = ', ') =>
    Array.from({ length: count }, (_, i) => of(i)).join(by)
  const limits: [number, (count: number) => string, RegExp][] = [
    [
      MAX_PREDICATES,
      (n) => `SELECT id FROM nodes WHERE ${list(n, () => 'a', ' OR ')}`,
      /too many conditions: at most 32/,
    ],
    [MAX_AGGREGATES, (n) => `SELECT ${list(n, (i) => `sum(a${i})`)} FROM nodes`, /too many aggregates: at most 16/],
    [MAX_COLUMNS, (n) => `SELECT ${list(n, () => 'id')} FROM nodes`, /too many columns: at most 32/],
    [MAX_IN_LIST, (n) => `SELECT id FROM nodes WHERE id IN (${list(n, String)})`, /too many values in IN: at most 64/],
    [MAX_DEPTH, (n) => `SELECT id FROM nodes WHERE ${'NOT '.repeat(n)} a`, /nested too deeply: at most 16/],
    [MAX_DEPTH, (n) => `SELECT id FROM nodes WHERE ${'('.repeat(n)}a${')'.repeat(n)}`, /nested too deeply: at most 16/],
    [
      8,
      (n) => `SELECT id FROM nodes GROUP BY id, ${list(n - 1, (i) => `a${i}`)}`,
      /too many attributes in GROUP BY: at most 8/,
    ],
    [8, (n) => `SELECT id FROM nodes ORDER BY ${list(n, () => 'a')}`, /too many keys in ORDER BY: at most 8/],
    [
      MAX_QUERY_ATTRIBUTES,
      (n) => `SELECT ${list(n - 30, (i) => `a${i}`)} FROM nodes WHERE ${list(15, (i) => `b${i} = c${i}`, ' AND ')}`,
      /too many different attributes: at most 32/,
    ],
    [64, (n) => `SELECT ${'a'.repeat(n)} FROM nodes`, /a name has at most 64 characters/],
    [MAX_QUERY_BYTES, (n) => `SELECT id FROM nodes${' '.repeat(n - 20)}`, /too long: at most 1000 bytes/],
    [
      MAX_QUERY_BYTES / 2,
      (n) => `SELECT id FROM nodes WHERE id = '${'é'.repeat(n - 17)}'`,
      /too long: at most 1000 bytes/,
    ],
  ]
  for (const [limit, text, message] of limits) {
    parse(text(limit))
    assert.match(errorOf(text(limit + 1)).message, message)
  }
  assert.match(errorOf(`SELECT id FROM nodes ${', '.repeat(400)}`).message, /too many parts: at most 400/)
  assert(errorOf('x'.repeat(1_000_000)).text.length <= MAX_QUERY_BYTES)
})
