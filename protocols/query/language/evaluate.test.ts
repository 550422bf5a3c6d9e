import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes, Value } from '../../../core/attributes.ts'
import { evaluate, type Truth } from './evaluate.ts'
import { like } from './like.ts'
import { compareValues } from './order.ts'
import { parse } from './parser.ts'

function truth(condition: string, attributes: Attributes = {}): Truth {
  return evaluate(parse(`SELECT id FROM nodes WHERE ${condition}`).where!, attributes)
}

const NAMES = { TRUE: true, FALSE: false, NULL: null }

test('AND, OR and NOT follow the truth tables of SQL', () => {
  const tables = {
    AND: { TRUE: [true, false, null], FALSE: [false, false, false], NULL: [null, false, null] },
    OR: { TRUE: [true, true, true], FALSE: [true, false, null], NULL: [true, null, null] },
  }
  for (const [operator, table] of Object.entries(tables)) {
    for (const [left, row] of Object.entries(table)) {
      for (const [i, right] of Object.keys(NAMES).entries()) {
        assert.equal(truth(`${left} ${operator} ${right}`), row[i], `${left} ${operator} ${right}`)
      }
    }
  }
  assert.deepEqual([truth('NOT TRUE'), truth('NOT FALSE'), truth('NOT NULL')], [false, true, null])
})

test('predicates: true, false, or unknown', () => {
  const node = { load: 2, region: 'eu', ready: true, off: false, none: null, zero: 0, empty: '' }
  const expected: [string, Truth][] = [
    ['load = 2', true],
    ['load <> 2', false],
    ['load < 2', false],
    ['load <= 2', true],
    ['load > 1.5', true],
    ['load >= 3', false],
    ['zero = -0', true],
    ["region = 'eu'", true],
    ["region < 'us'", true],
    ["region = 'EU'", false],
    ['ready', true],
    ['off', false],
    ['NOT off', true],
    ['off < ready', true],
    ['load > zero', true],
    // NULL, missing and of another type: unknown, and never true by negation
    ['none = 1', null],
    ['none = NULL', null],
    ['NULL = NULL', null],
    ['missing <> 1', null],
    ['NOT missing = 1', null],
    ["load = 'eu'", null],
    ["load <> 'eu'", null],
    ['region > 1', null],
    ['ready = 1', null],
    ['load', null],
    ['region', null],
    ['missing', null],
    // IS NULL is never unknown
    ['none IS NULL', true],
    ['missing IS NULL', true],
    ['load IS NULL', false],
    ['load IS NOT NULL', true],
    ['missing IS NOT NULL', false],
    ['empty IS NULL', false],
    ['load IN (1, 2)', true],
    ['load IN (1, 3)', false],
    ['load IN (1, NULL)', null],
    ['load IN (2, NULL)', true],
    ['load NOT IN (1, 3)', true],
    ['load NOT IN (1, NULL)', null],
    ['load NOT IN (2, NULL)', false],
    ['missing IN (1)', null],
    ['missing NOT IN (1)', null],
    ["load IN ('x', 2)", true],
    ["load IN ('x', 3)", null],
    ['load BETWEEN 2 AND 3', true],
    ['load BETWEEN 3 AND 1', false],
    ['load NOT BETWEEN 3 AND 4', true],
    ['load BETWEEN 3 AND missing', false],
    ['load BETWEEN 1 AND missing', null],
    ['load NOT BETWEEN 3 AND missing', true],
    ['missing BETWEEN 1 AND 2', null],
    ["region LIKE 'e%'", true],
    ["region LIKE 'E%'", false],
    ["region NOT LIKE 'u_'", true],
    ["load LIKE '2'", null],
    ["missing NOT LIKE '2'", null],
    // names that every object inherits are no attributes
    ['constructor IS NULL', true],
    ['__proto__ IS NULL', true],
  ]
  for (const [condition, result] of expected) assert.equal(truth(condition, node), result, condition)
})

const text = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '😀', '.', '\n'), maxLength: 12 })

test('LIKE agrees with a regular expression', () => {
  fc.assert(
    fc.property(text, text, (value, pattern) => {
      const parts = [...pattern].map((c) => (c === '%' ? '.*' : c === '_' ? '.' : c === '.' ? '\\.' : c))
      assert.equal(like(value, pattern), new RegExp(`^${parts.join('')}$`, 'su').test(value))
    }),
    { numRuns: 3000 },
  )
})

test('the worst pattern takes bounded time, where backtracking would take for ever', () => {
  const value = 'a'.repeat(1024)
  const begin = performance.now()
  assert.equal(like(value, `${'%a'.repeat(400)}%b`), false)
  assert.equal(like(value, `%${'a'.repeat(511)}b${'a'.repeat(400)}%`), false)
  assert.equal(like(value, `%${'_'.repeat(500)}b`), false)
  assert(performance.now() - begin < 1000)

  // The defence switched off: every % may come back. The greedy match takes at most 20 x 18 steps here.
  const naive = (t: string, p: string): number => {
    if (p === '') return 1
    if (p[0] !== '%') return 1 + (t !== '' && t[0] === p[0] ? naive(t.slice(1), p.slice(1)) : 0)
    let steps = 1
    for (let i = 0; i <= t.length; i++) steps += naive(t.slice(i), p.slice(1))
    return steps
  }
  assert(naive('a'.repeat(20), `${'%a'.repeat(8)}%b`) > 100_000)
})

test('values have one total order', () => {
  const ordered: Value[] = [false, true, -5, 0, 0.5, 7, '', '5', 'a', 'b', 'ba', 'é', null]
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) assert.equal(Math.sign(compareValues(a, b)), Math.sign(i - j))
  }
})
