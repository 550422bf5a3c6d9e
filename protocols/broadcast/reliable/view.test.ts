import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOCK_WINDOW } from '../../../core/descriptor.ts'
import { positionOf } from '../../../core/position.ts'
import { type Report, reportOf, reportSize } from './report.ts'
import { MAX_DISTORTION, View, type ViewLimits } from './view.ts'

const NOW = 1_700_000_000_000
const WELL = { rate: 0, weight: 1 }
const LIMITS: ViewLimits = { members: 4, expiry: 60_000, repeats: 3, reports: 3, bytes: 10_000 }

const report = (id: string, issued = NOW): Report => reportOf({ id, position: positionOf(id) }, issued, WELL, [])
const ids = (view: View) => view.all.map((known) => known.report.origin)

function view(limits: Partial<ViewLimits> = {}): View {
  const made = new View('me', { ...LIMITS, ...limits })
  made.own(report('me'), NOW)
  return made
}

test('what is refused has a reason, and changes nothing: from the future, too old, from too far away, and one member too many', () => {
  const known = view()
  assert.equal(known.take('a', report('a', NOW + CLOCK_WINDOW + 1), 0, NOW), 'report-future')
  assert.equal(known.take('a', report('a', NOW - 600_001), 0, NOW), 'report-old')
  assert.equal(known.take('a', report('a'), MAX_DISTORTION, NOW), 'report-distorted')
  assert.deepEqual([known.version, ids(known)], [1, ['me']])
  for (const id of ['a', 'b', 'c']) assert.equal(known.take(id, report(id), 0, NOW), undefined)
  assert.ok(!known.isOverfull(NOW))
  assert.equal(known.take('d', report('d'), 0, NOW), 'view-full')
  assert.ok(known.isOverfull(NOW + LIMITS.expiry) && !known.isOverfull(NOW + LIMITS.expiry + 1))
  assert.equal(known.take('a', report('a', NOW + 1), 0, NOW), undefined, 'a known one is still renewed')
})

test('a node’s own report is never taken from others, however new', () => {
  const known = view()
  assert.equal(known.take('a', report('me', NOW + 5000), 0, NOW), undefined)
  assert.deepEqual([known.version, known.all[0]?.report.issued], [1, NOW])
})

test('of a member the newest report is kept, of the same one the copy that came the shortest way', () => {
  const known = view()
  const at = () => known.all[1]
  known.take('far', report('a', NOW), 5, NOW)
  known.take('near', report('a', NOW), 2, NOW)
  known.take('farther', report('a', NOW), 7, NOW)
  assert.deepEqual([at()?.from, at()?.distortion], ['near', 3])
  known.take('far', report('a', NOW + 10), 5, NOW)
  known.take('near', report('a', NOW), 0, NOW)
  assert.deepEqual([at()?.from, at()?.distortion, at()?.report.issued], ['far', 6, NOW + 10])
})

test('a heartbeat carries the own report and what was told least often, so many reports and bytes at most, each three times', () => {
  const known = view()
  for (const id of ['a', 'b', 'c']) known.take(id, report(id), 0, NOW)
  const told = new Map<string, number>()
  for (let i = 0; i < 10; i++) {
    const news = known.news()
    assert.ok(news.length <= LIMITS.reports)
    for (const { report: one } of news) told.set(one.origin, (told.get(one.origin) ?? 0) + 1)
  }
  assert.deepEqual(Object.fromEntries(told), { me: 10, a: 3, b: 3, c: 3 })
  const short = view({ bytes: reportSize(report('me')) + reportSize(report('a')) })
  for (const id of ['a', 'b']) short.take(id, report(id), 0, NOW)
  assert.equal(short.news().length, 2)
})

test('what nobody renews is forgotten, and what came from a neighbour that fell silent grows less certain', () => {
  const known = view()
  known.take('a', report('a'), 0, NOW)
  known.take('a', report('b'), MAX_DISTORTION - 1, NOW)
  known.missed('a')
  assert.deepEqual(ids(known), ['me', 'a'])
  assert.equal(known.all[1]?.distortion, 2)
  known.expire(NOW + LIMITS.expiry)
  assert.deepEqual(ids(known), ['me', 'a'])
  known.expire(NOW + LIMITS.expiry + 1)
  assert.deepEqual(ids(known), ['me'], 'its own it keeps')
})
