import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCount, checkFinite, checkId, checkInteger, checkText } from './codec.ts'
import { Malformed } from './malformed.ts'

/** What a check makes of each of these: the value, or the reason for which it is refused. */
function verdicts<T>(check: (value: T) => unknown, values: readonly T[]): unknown[] {
  return values.map((value) => {
    try {
      return check(value)
    } catch (error) {
      assert.ok(error instanceof Malformed)
      return error.reason
    }
  })
}

test('an integer is whole and within its bounds, however it travelled; a fraction, NaN or what a double cannot hold is refused', () => {
  const check = (value: number | bigint) => checkInteger(value, 0, 2 ** 53, 'why')
  assert.deepEqual(verdicts(check, [0, 7, 9n, 2 ** 53 - 1]), [0, 7, 9, 2 ** 53 - 1])
  for (const value of [-1, -1n, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2n ** 53n, 2n ** 64n - 1n])
    assert.deepEqual(verdicts(check, [value]), ['why'], `${value}`)
  const bounded = (value: number) => checkInteger(value, 2, 4, 'why')
  assert.deepEqual(verdicts(bounded, [1, 2, 3, 4, 5]), ['why', 2, 3, 4, 'why'])
})

test('an id is 1 to 64 letters and digits; texts, lists and numbers are held to their limits', () => {
  const longest = 'a'.repeat(64)
  assert.deepEqual(verdicts(checkId, ['', longest, `${longest}a`, 'a b', 'a/b', 'A9']), [
    'id',
    longest,
    'id',
    'id',
    'id',
    'A9',
  ])
  assert.deepEqual(
    verdicts((text: string) => checkText(text, 2, 'long'), ['', 'ab', 'abc']),
    ['', 'ab', 'long'],
  )
  assert.deepEqual(
    verdicts((items: number[]) => checkCount(items, 1, 'many'), [[], [1], [1, 2]]),
    [[], [1], 'many'],
  )
  assert.deepEqual(
    verdicts((value: number) => checkFinite(value, 'number'), [1.5, Number.NaN, Number.NEGATIVE_INFINITY]),
    [1.5, 'number', 'number'],
  )
})
