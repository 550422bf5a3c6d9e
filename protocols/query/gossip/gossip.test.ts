import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lists } from '../../aggregation/defended.ts'
import type { Aggregates, Reading } from '../../aggregation/reading.ts'
import { parse } from '../language/parser.ts'
import { QueryError } from '../language/query-error.ts'
import { answerFromGossip } from './gossip.ts'

function reading(value: number, half: number, ageMs = 1500): Reading {
  return { value, low: value - half, high: value + half, confidence: 0.95, ageMs, epoch: 9 }
}

const KNOWN: Aggregates = {
  epoch: 9,
  size: { ...reading(99.7, 3), by: 'ring' },
  averages: { load: reading(0.5, 0.01, 900) },
  sums: { load: reading(50, 2) },
  counts: { load: reading(50.2, 1) },
  deviations: { load: 0.25 },
  min: { load: 0 },
  max: { load: 1 },
  histograms: {},
}
const NOTHING: Aggregates = { ...KNOWN, epoch: 0, averages: {}, sums: {}, counts: {}, deviations: {}, min: {}, max: {} }

const LISTS: Lists = {
  largest: {
    load: [
      { id: 'b', value: 9 },
      { id: 'a', value: 1 },
    ],
  },
  smallest: {
    load: [
      { id: 'a', value: 1 },
      { id: 'b', value: 9 },
    ],
  },
  unions: { region: { members: ['eu', 'us'], more: true } },
  ageMs: 4000,
}

function ask(sql: string, figures: Aggregates = KNOWN, lists: Lists | undefined = LISTS) {
  return answerFromGossip(parse(sql), { figures, names: ['load', 'memory_free'], lists, liars: 0.05 })
}

test('every aggregate is answered at once, at no cost, with its interval, its age and its confidence', () => {
  const answer = ask(
    'SELECT count(*), count(load), avg(load) AS mean, sum(load), min(load), max(load) FROM nodes WITH GOSSIP',
  )
  assert.deepEqual(answer.columns, ['count(*)', 'count(load)', 'mean', 'sum(load)', 'min(load)', 'max(load)'])
  assert.deepEqual(answer.rows, [[100, 50, 0.5, 50, 0, 1]])
  assert.deepEqual(answer.cost, { delegations: 0, messages: 0, bytes: 0, hops: 0, ms: 0 })
  assert.equal(answer.gossip?.ageMs, 1500, 'as old as the oldest of them')
  assert.deepEqual(answer.gossip?.certainty[2], { column: 'mean', low: 0.49, high: 0.51, confidence: 0.95 })
  assert.deepEqual(answer.gossip?.certainty[4], { column: 'min(load)', low: null, high: null, confidence: null })
  assert.equal(answer.gossip?.liars, 0.05)
  assert.deepEqual(answer.notes, [])
})

test('who comes first, at either end, and the different texts, at no cost and as old as said', () => {
  const most = ask('SELECT load AS l, id FROM nodes ORDER BY l DESC LIMIT 1 WITH GOSSIP')
  assert.deepEqual([most.columns, most.rows], [['l', 'id'], [[9, 'b']]])
  assert.deepEqual([most.gossip?.ageMs, most.gossip?.liars, most.cost.messages], [4000, 0, 0])
  assert.deepEqual(ask('SELECT id FROM nodes ORDER BY load LIMIT 10 WITH GOSSIP').rows, [['a'], ['b']])
  const texts = ask('SELECT region FROM nodes GROUP BY region WITH GOSSIP')
  assert.deepEqual(texts.rows, [['eu'], ['us']])
  assert.match(texts.notes[0] as string, /more than these 2/)
})

test('an answer of nodes of which gossip does not know how many there are does not say that none is missing', () => {
  const { size: _, ...unknown } = KNOWN
  const coverage = { answered: 0, missing: null, intervals: [], silent: 0 }
  assert.deepEqual(ask('SELECT count(*) FROM nodes WITH GOSSIP', unknown).coverage, coverage)
  assert.equal(ask('SELECT count(*) FROM nodes WITH GOSSIP').coverage.missing, 0)
})

test('different texts are told with what is not among them, also where that leaves none', () => {
  for (const members of [['eu', 'us'], []]) {
    const { rows, notes } = ask('SELECT region FROM nodes GROUP BY region WITH GOSSIP', KNOWN, {
      ...LISTS,
      unions: { region: { members, more: false } },
    })
    assert.equal(rows.length, members.length)
    assert.match(notes.join(), /^gossip tells texts of up to 64 characters: whatever else region is on a node/)
  }
})

test('lists that are not kept, and what lists cannot tell, are refused with the reason', () => {
  const cases: [string, RegExp][] = [
    [
      'SELECT id FROM nodes ORDER BY memory_free LIMIT 3 WITH GOSSIP',
      /does not keep up who comes first by memory_free, but by load/,
    ],
    ['SELECT id FROM nodes ORDER BY load LIMIT 11 WITH GOSSIP', /keeps the first 10 by load, not 11/],
    ['SELECT id FROM nodes ORDER BY load WITH GOSSIP', /a LIMIT is needed/],
    ['SELECT id, os FROM nodes ORDER BY load LIMIT 3 WITH GOSSIP', /nothing else of these nodes/],
    ['SELECT id FROM nodes ORDER BY load, id LIMIT 3 WITH GOSSIP', /by one attribute/],
    ['SELECT os FROM nodes GROUP BY os WITH GOSSIP', /the different texts of os, but of region/],
    ['SELECT region, count(*) FROM nodes GROUP BY region WITH GOSSIP', /no GROUP BY/],
    ['SELECT region FROM nodes GROUP BY region LIMIT 1 WITH GOSSIP', /sorted and all/],
    ['SELECT id FROM nodes ORDER BY constructor LIMIT 3 WITH GOSSIP', /does not keep up/],
  ]
  for (const [sql, message] of cases) {
    assert.throws(
      () => ask(sql),
      (error) => error instanceof QueryError && message.test(error.message),
      sql,
    )
  }
  const nothing = { figures: KNOWN, names: [], lists: undefined, liars: 0 }
  for (const [sql, message] of [
    [cases[0]![0], /^gossip does not keep up who comes first by memory_free, nor by anything else$/],
    [cases[5]![0], /^gossip does not keep up the different texts of os, nor of anything else$/],
    ['SELECT avg(load) FROM nodes WITH GOSSIP', /^gossip does not keep up load, nor anything else$/],
  ] as const) {
    assert.throws(() => answerFromGossip(parse(sql), nothing), { message })
  }
})

test("stddev is SQL's, of a sample", () => {
  const [[deviation]] = ask('SELECT stddev(load) FROM nodes WITH GOSSIP').rows as [[number]]
  assert.ok(Math.abs(deviation - 0.25 * Math.sqrt(50.2 / 49.2)) < 1e-12)
})

test('what gossip does not know yet is NULL, and a note says why', () => {
  const young = ask('SELECT avg(load) FROM nodes WITH GOSSIP', NOTHING)
  assert.deepEqual(young.rows, [[null]])
  assert.match(
    young.notes[0] as string,
    /waits to take part in the aggregation, which begins within a minute once it is in touch/,
  )
  const lacking = ask('SELECT avg(memory_free), count(*) FROM nodes WITH GOSSIP')
  assert.deepEqual(lacking.rows, [[null, 100]])
  assert.match(lacking.notes[0] as string, /avg\(memory_free\)/)
})

test('an attribute that is not kept up is refused with those that are', () => {
  assert.throws(
    () => ask('SELECT avg(temperature) FROM nodes WITH GOSSIP'),
    (error) => error instanceof QueryError && /does not keep up temperature, but load, memory_free/.test(error.message),
  )
  assert.throws(() => ask('SELECT avg(constructor) FROM nodes WITH GOSSIP'), QueryError)
})
