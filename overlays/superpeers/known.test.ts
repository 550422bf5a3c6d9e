import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { Tally } from '../../core/tally.ts'
import { type KnownOptions, KnownSuperPeers } from './known.ts'
import { type Known, MAX_KNOWN_AGE, MAX_KNOWN_SENT } from './messages.ts'

function told(id: string, age: number, room = 1): Known {
  return { id, peer: describe({ id, addresses: [], sequence: 1, issued: 0 }), room, age }
}

const many = (count: number, name: string, age = 0) => Array.from({ length: count }, (_, i) => told(`${name}${i}`, age))
const ids = (known: readonly { id: string }[]) => known.map(({ id }) => id).sort()

function bed(options: Partial<KnownOptions> = {}) {
  const tally = new Tally()
  const known = new KnownSuperPeers(tally, options)
  /** Each by another teller. */
  const merge = (words: readonly Known[]) => {
    for (const one of words) known.merge(`of ${one.id}`, [one])
  }
  return { known, tally, merge }
}

test('20 super-peers are known at most: the freshest, and of equally fresh ones those with room', () => {
  const { known, merge } = bed()
  const fresh = Array.from({ length: 18 }, (_, i) => told(`fresh${i}`, i % 3, 0))
  const later = [told('full', 3, 0), told('room1', 3, 5), told('full2', 3, 0), told('room2', 3, 1)]
  merge([...later, ...fresh])
  assert.deepEqual(ids(known.all()), ids([...fresh, told('room1', 3), told('room2', 3)]))
  merge([told('new', 0), told('old', 4)])
  assert.equal(known.all().length, 20)
  assert.ok(ids(known.all()).includes('new'))
})

test('what a super-peer says itself replaces what was heard of it, and no word of others replaces that; after ten rounds it is forgotten', () => {
  const { known, merge } = bed()
  merge([told('a', 2, 7), told('b', 0, 7)])
  merge([told('a', 5, 3)])
  assert.deepEqual(
    known.all().map(({ room }) => room),
    [7, 7],
  )
  known.heard(told('a', 0).peer, 4)
  known.age()
  merge([told('a', 0, 9)])
  assert.equal(known.all().find(({ id }) => id === 'a')?.room, 4)
  for (let round = 1; round < MAX_KNOWN_AGE; round++) known.age()
  assert.deepEqual(ids(known.all()), ['a', 'b'])
  merge([told('b', 0, 7)])
  known.age()
  assert.deepEqual(ids(known.all()), ['b'])
})

test('8 are told, never the one that is told, those with room first', () => {
  const { known, merge } = bed({ passing: 'all' })
  merge(Array.from({ length: 16 }, (_, i) => told(`n${i}`, 0, i < 6 ? 2 : 0)))
  const told8 = known.told(new Random(1), 'n0', undefined)
  assert.equal(told8.length, MAX_KNOWN_SENT)
  assert.deepEqual(ids(told8.slice(0, 5)), ['n1', 'n2', 'n3', 'n4', 'n5'])
  assert.ok(told8.slice(5).every(({ room }) => room === 0))
})

test('one teller takes five places, its own oldest out first; without a limit it takes them all', () => {
  for (const [places, others] of [
    [undefined, 15],
    [Number.POSITIVE_INFINITY, 0],
  ] as const) {
    const { known, tally, merge } = bed(places === undefined ? {} : { places })
    merge(many(15, 'other', 1))
    for (let i = 0; i < 10; i++) known.merge('liar', many(8, `made${i}-`))
    const left = ids(known.all())
    assert.equal(left.filter((id) => id.startsWith('other')).length, others)
    assert.equal(left.length, 20)
    assert.equal(tally.get('told-too-many') > 0, others > 0)
    known.age()
    known.merge('liar', [told('last', 0)])
    assert.ok(ids(known.all()).includes('last'))
  }
})

test('ten that spoke themselves stay, however many fresher ones others tell of; without reserved places none does', () => {
  for (const [reserved, stay] of [
    [10, 10],
    [0, 0],
  ] as const) {
    const { known, merge } = bed({ reserved })
    for (const { peer } of many(12, 'spoke')) known.heard(peer, 1)
    known.age()
    merge(many(40, 'made'))
    assert.equal(known.all().filter(({ id }) => id.startsWith('spoke')).length, stay)
    assert.equal(known.all().length, 20)
  }
})

test('who did not answer is not heard of for ten rounds, unless it speaks; of 64 at most, the latest; with 0 rounds at once', () => {
  const { known, tally, merge } = bed()
  known.heard(told('a', 0).peer, 1)
  known.silent('a')
  merge([told('a', 0)])
  assert.deepEqual([ids(known.all()), tally.get('told-of-silent')], [[], 1])
  known.spoke('a')
  merge([told('a', 0)])
  assert.deepEqual(ids(known.all()), ['a'])
  known.silent('a')
  for (let round = 1; round < MAX_KNOWN_AGE; round++) known.age()
  merge([told('a', 0)])
  assert.deepEqual(ids(known.all()), [])
  known.age()
  merge([told('a', 0)])
  assert.deepEqual(ids(known.all()), ['a'])

  for (const { id } of many(65, 'gone')) known.silent(id)
  merge([told('gone0', 0), told('gone1', 0)])
  assert.deepEqual(ids(known.all()), ['a', 'gone0'])

  const open = bed({ quarantine: 0 })
  open.known.silent('a')
  open.merge([told('a', 0)])
  assert.deepEqual(ids(open.known.all()), ['a'])
})

test('two with room are at random of all, or of those that spoke', () => {
  const { known, merge } = bed()
  const random = new Random(1)
  merge(many(10, 'told'))
  assert.equal(known.withRoom(random, () => true, false).length, 2)
  assert.deepEqual(
    known.withRoom(random, () => true, true),
    [],
  )
  known.heard(told('spoke', 0).peer, 1)
  known.heard(told('full', 0).peer, 0)
  assert.deepEqual(ids(known.withRoom(random, () => true, true)), ['spoke'])
  assert.deepEqual(ids(known.withRoom(random, ({ id }) => id === 'told3', false)), ['told3'])
  const believed = Array.from({ length: 200 }, () => known.believes(random)).filter(Boolean).length
  assert.ok(believed > 70 && believed < 130, `${believed} of 200`)
})

test('others are told of who spoke to this node, and of whom its own super-peer told it; or of all', () => {
  for (const [passing, expected] of [
    ['own', ['alternative', 'spoke']],
    ['all', ['alternative', 'rumour', 'spoke']],
  ] as const) {
    const { known } = bed({ passing })
    known.heard(told('spoke', 0).peer, 1)
    known.merge('my super-peer', [told('alternative', 0)])
    known.merge('another', [told('rumour', 0)])
    assert.deepEqual(ids(known.told(new Random(1), 'asking', 'my super-peer')), expected)
  }
})
