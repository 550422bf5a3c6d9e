import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { KnownSuperPeers } from './known.ts'
import { type Known, MAX_KNOWN_AGE, MAX_KNOWN_SENT } from './messages.ts'

function heard(id: string, age: number, room = 1): Known {
  return { id, peer: describe({ id, addresses: [], sequence: 1, issued: 0 }), room, age }
}

const ids = (known: readonly { id: string }[]) => known.map(({ id }) => id).sort()

test('20 super-peers are known at most: the freshest, and of equally fresh ones those with room', () => {
  const known = new KnownSuperPeers()
  const fresh = Array.from({ length: 18 }, (_, i) => heard(`fresh${i}`, i % 3, 0))
  const later = [heard('full', 3, 0), heard('room1', 3, 5), heard('full2', 3, 0), heard('room2', 3, 1)]
  known.merge([...later, ...fresh])
  assert.deepEqual(ids(known.all()), ids([...fresh, heard('room1', 3), heard('room2', 3)]))
  known.merge([heard('new', 0), heard('old', 4)])
  assert.equal(known.all().length, 20)
  assert.ok(ids(known.all()).includes('new'))
})

test('what a super-peer says itself replaces what was heard of it; without a word of its own it is forgotten after ten rounds', () => {
  const known = new KnownSuperPeers()
  known.merge([heard('a', 2, 7), heard('b', 0, 7)])
  known.merge([heard('a', 5, 3)])
  assert.deepEqual(
    known.all().map(({ room }) => room),
    [7, 7],
  )
  known.heard(heard('a', 0).peer, 4)
  for (let round = 0; round < MAX_KNOWN_AGE; round++) known.age()
  assert.deepEqual(ids(known.all()), ['a', 'b'])
  known.merge([heard('b', 0, 7)])
  known.age()
  assert.deepEqual(ids(known.all()), ['b'])
})

test('8 are told, never the one that is told, those with room first', () => {
  const known = new KnownSuperPeers()
  known.merge(Array.from({ length: 16 }, (_, i) => heard(`n${i}`, 0, i < 6 ? 2 : 0)))
  const told = known.told(new Random(1), 'n0')
  assert.equal(told.length, MAX_KNOWN_SENT)
  assert.deepEqual(ids(told.slice(0, 5)), ['n1', 'n2', 'n3', 'n4', 'n5'])
  assert.ok(told.slice(5).every(({ room }) => room === 0))
})
