import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../../core/descriptor.ts'
import { Random } from '../../../core/random.ts'
import { Acquaintance } from './acquaintance.ts'
import { Members } from './members.ts'
import { GRAVITATIONAL_DEFAULTS } from './options.ts'

const peer = (id: string) => describe({ id, addresses: [], sequence: 1, issued: 0 })
/** Takes introductions of everybody. */
const CREDULOUS = { ...GRAVITATIONAL_DEFAULTS, advisers: Number.POSITIVE_INFINITY }
const ALL = { rest: 255, named: new Map<number, number>() }

test('who was introduced and does not answer is asked twice and forgotten, and others are looked for again', () => {
  const acquaintance = new Acquaintance(new Members(), { ...CREDULOUS, known: 0 })
  const random = new Random(1)
  acquaintance.introduced('m', [peer('gone'), peer('made up')], 'me')
  const asked: string[] = []
  let searches = 0
  for (let now = 0; now <= 30_000; now += 500) {
    for (const { to, poor } of acquaintance.turn(ALL, [peer('partner')], now, random)) {
      if (poor.length > 0) searches++
      else asked.push(to.id)
    }
    if (now === 12_000) assert.equal(acquaintance.sizes.introduced, 0)
  }
  assert.deepEqual(asked, ['gone', 'made up', 'gone', 'made up'])
  assert.ok(searches > 0)
})

test('64 who were introduced are remembered at most, never this node, nor who is known or gone', () => {
  const members = new Members()
  const acquaintance = new Acquaintance(members, CREDULOUS)
  members.said(peer('known'), { rest: 1, named: new Map() }, 1)
  acquaintance.introduced('m', [peer('me'), peer('known')], 'me')
  assert.equal(acquaintance.sizes.introduced, 0)
  acquaintance.introduced(
    'm',
    Array.from({ length: 100 }, (_, i) => peer(`p${i}`)),
    'me',
  )
  assert.equal(acquaintance.sizes.introduced, 64)
  acquaintance.forget('p0')
  acquaintance.changed()
  acquaintance.forget('known')
  assert.deepEqual(acquaintance.sizes, { untold: 0, introduced: 63 })
})

test('only who was asked introduces, once for each question, and of the last four', () => {
  const members = new Members()
  const acquaintance = new Acquaintance(members, { ...GRAVITATIONAL_DEFAULTS, known: 0 })
  const random = new Random(1)
  const ask = (adviser: string, now: number) => {
    const asked = acquaintance.turn(ALL, [peer(adviser)], now, random).filter(({ poor }) => poor.length > 0)
    assert.deepEqual(
      asked.map(({ to }) => to.id),
      [adviser],
    )
  }
  let known = 0
  const introduces = (by: string) => {
    const before = acquaintance.sizes.introduced as number
    const taken = acquaintance.introduced(by, [peer(`new${known++}`)], 'me')
    assert.equal((acquaintance.sizes.introduced as number) - before, taken ? 1 : 0)
    acquaintance.forget(`new${known - 1}`)
    return taken
  }
  assert.equal(introduces('unasked'), false)
  for (let i = 0; i < 6; i++) {
    ask(`p${i}`, 600_000 * i)
  }
  assert.deepEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5'].map(introduces), [false, false, true, true, true, true])
  assert.equal(introduces('p5'), false)
  ask('p5', 6_000_000)
  acquaintance.forget('p5')
  assert.equal(introduces('p5'), false)
})

test('who asks for mates goes on at once while it did not know half of an answer, and ever more seldom when it knew most', () => {
  /** Questions within 100 s, of which each names 8, so many of them new. */
  const questions = (brings: number) => {
    const members = new Members()
    const acquaintance = new Acquaintance(members, { ...CREDULOUS, known: 0 })
    const random = new Random(1)
    const rare = { rest: 0, named: new Map([[7, 255]]) }
    const nothing = { rest: 0, named: new Map<number, number>() }
    for (let i = 0; i < 8; i++) members.said(peer(`m${i}`), nothing, 1)
    let asked = 0
    for (let now = 0; now < 100_000; now += 500) {
      if (!acquaintance.turn(rare, [], now, random).some(({ poor }) => poor.length > 0)) continue
      asked++
      const fresh = Array.from({ length: brings }, (_, i) => peer(`f${asked}/${i}`))
      const known = Array.from({ length: 8 - brings }, (_, i) => peer(`m${i}`))
      acquaintance.introduced('m', [...fresh, ...known], 'me')
      for (const one of fresh) members.said(one, nothing, 1)
    }
    return asked
  }
  assert.equal(questions(4), 100)
  for (const few of [0, 1, 3]) assert.ok(questions(few) <= 8, `${few}: ${questions(few)}`)
})
