import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../../core/descriptor.ts'
import { compose, type Publication } from '../publication.ts'
import type { Walk } from './codec.ts'
import { Ways, type WaysOptions } from './ways.ts'

const FROM = describe({ id: 'from', addresses: [], sequence: 1, issued: 0 })
const OPTIONS: WaysOptions = { wayBack: 5000, answers: 3, answerBytes: 1000 }
const walk = (number: number): Walk => ({ kind: 'walk', number, hops: 3, partial: false, holdings: [] })

function publication(sequence: number, bytes = 10): Publication {
  return compose({ publisher: 'p', sequence, published: 0, topic: 't', payload: new Uint8Array(bytes) })
}

test('of one walk so many answers go back, and so many bytes of them; what is more is refused', () => {
  const ways = new Ways(OPTIONS)
  ways.add(walk(1), FROM, 0)
  ways.sent(1, 'on')
  const answer = (sequence: number, bytes?: number) => ways.answer(1, publication(sequence, bytes), 'on', 0)
  assert.deepEqual(answer(1, 900), { back: FROM })
  assert.equal(answer(2, 101), 'too-many-answers')
  assert.deepEqual([answer(2, 50), answer(3, 50)], [{ back: FROM }, { back: FROM }])
  assert.equal(answer(4, 0), 'too-many-answers')
})

test('2048 ways are known, the latest, each for its time', () => {
  const ways = new Ways(OPTIONS)
  for (let number = 0; number < 2049; number++) ways.add(walk(number), FROM, number)
  assert.deepEqual([ways.size, ways.has(0), ways.has(1)], [2048, false, true])
  ways.turn(OPTIONS.wayBack + 100)
  assert.deepEqual([ways.size, ways.has(99), ways.has(100)], [1949, false, true])
  assert.equal(ways.answer(2048, publication(1), undefined, 2048 + OPTIONS.wayBack + 1), 'unasked-answer')
})
