import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../../core/descriptor.ts'
import { WantedOnes } from './wanted.ts'

const peer = (id: string) => describe({ id, addresses: [], sequence: 1, issued: 0 })

test('what was asked of one is taken from that one alone, once; who else announced it is told as one who has it', () => {
  const wanted = new WantedOnes({ patience: 500, others: 2 })
  assert.equal(wanted.announced('1/1', peer('a')), false)
  wanted.ask('1/1', 1, 1, 'a', 0)
  for (const id of ['a', 'b', 'b', 'c', 'd']) assert.equal(wanted.announced('1/1', peer(id)), true)
  assert.deepEqual([wanted.isAskedOf('1/1', 'b'), wanted.isAskedOf('1/1', 'a')], [false, true])
  assert.deepEqual(wanted.came('1/1'), ['a', 'b', 'c'])
  assert.equal(wanted.isAskedOf('1/1', 'a'), false)
})

test('who does not answer is followed by the next who has it, one at a time; without a next it is given up after two seconds', () => {
  const wanted = new WantedOnes({ patience: 500, others: 3 })
  wanted.ask('1/1', 1, 1, 'a', 0)
  for (const id of ['b', 'c']) wanted.announced('1/1', peer(id))
  const asked = (now: number) => [...wanted.overdue(now)].map(({ of }) => of.id)
  assert.deepEqual([asked(499), asked(500), asked(999), asked(1000), asked(1500)], [[], ['b'], [], ['c'], []])
  assert.deepEqual([asked(2999), wanted.size], [[], 1])
  assert.deepEqual([asked(3000), wanted.size], [[], 0])
})

test('what does not come is said to be given up, once; what came is not', () => {
  const givenUp: number[] = []
  const wanted = new WantedOnes({ patience: 500, others: 3 }, (publisher) => givenUp.push(publisher))
  for (const publisher of [1, 2]) wanted.ask(`${publisher}/1`, publisher, 1, 'a', 0)
  wanted.came('1/1')
  for (const now of [1999, 2000, 9000]) assert.deepEqual([...wanted.overdue(now)], [])
  assert.deepEqual(givenUp, [2])
})

test('4096 are waited for at most, the latest', () => {
  const wanted = new WantedOnes({ patience: 500, others: 3 })
  for (let i = 0; i < 4097; i++) wanted.ask(`1/${i}`, 1, i, 'a', i)
  assert.equal(wanted.size, 4096)
  assert.deepEqual([wanted.isAskedOf('1/0', 'a'), wanted.isAskedOf('1/1', 'a')], [false, true])
})
