import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULTS } from './options.ts'
import { compose } from './publication.ts'
import { Publishers } from './publishers.ts'

const { rate, burst, window } = DEFAULTS

function publishers(limit: number, mayForget: (id: string) => boolean = () => true, introduced = 0.5) {
  const options = { ...DEFAULTS, publishers: limit, introduced, started: 0 }
  const all = new Publishers(options, { deliver: () => {}, missed: () => {} }, mayForget, 'own')
  let sequence = 0
  /** What becomes of one more publication: undefined when it is admitted, else why not. */
  const admit = (
    publisher: string,
    now: number,
    { published = now, pushed = false, from = publisher } = {},
  ): string | undefined => {
    const publication = compose({ publisher, sequence: ++sequence, published, topic: 't', payload: new Uint8Array(1) })
    const admitted = all.admit(publication, now, pushed, from)
    return typeof admitted === 'string' ? admitted : undefined
  }
  return { all, admit }
}

test('room is made by forgetting the longest silent, once the window has closed over them; who is forgotten may come back', () => {
  const { all, admit } = publishers(2)
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => admit(id, 0)),
    [undefined, undefined, 'too-many-publishers'],
  )
  assert.equal(admit('a', window), undefined)
  assert.equal(admit('c', window + 1), undefined, 'in the place of b')
  assert.deepEqual([all.size, all.get('b')], [2, undefined])
  assert.equal(admit('b', 3 * window), undefined)
  assert.equal(all.at(all.get('b')?.position as number)?.id, 'b')
  assert.equal(all.at(all.get('c')?.position ?? -1), undefined)
})

test('nobody is forgotten of whom something is still kept, however long ago it was published', () => {
  const kept = new Set(['a'])
  const { admit } = publishers(1, (id) => !kept.has(id))
  admit('a', 0)
  assert.equal(admit('b', 10 * window), 'too-many-publishers')
  kept.clear()
  assert.equal(admit('b', 10 * window), undefined)
})

test('one peer introduces a third of the publishers, others go on to, and so do those themselves; without a share it fills the table', () => {
  const filled = (introduced: number) => {
    const { all, admit } = publishers(90, () => true, introduced)
    const reasons = Array.from({ length: 200 }, (_, i) => admit(`k${i}`, i, { from: 'liar' }))
    const others = [admit('a', 200, { from: 'member' }), admit('b', 200), admit('c', 200, { from: 'other member' })]
    return { size: all.size, reasons: [...new Set(reasons)], others, own: admit('own', 200) }
  }
  const [none] = [undefined]
  assert.deepEqual(filled(0.5), { size: 33, reasons: [none, 'introduced'], others: [none, none, none], own: none })
  const full = 'too-many-publishers'
  assert.deepEqual(filled(Number.POSITIVE_INFINITY), {
    size: 90,
    reasons: [none, full],
    others: [full, full, full],
    own: none,
  })
})

test('of thirty peers that make up keys each gets its part of the table, and a place is left for who introduces itself', () => {
  const { all, admit } = publishers(4096)
  for (let i = 0; i < 30 * 300; i++) admit(`k${i}`, i, { from: `liar${i % 30}` })
  assert.ok(all.size > 3000 && all.size < 3900, `${all.size}`)
  assert.equal(admit('a', 9000), undefined)
})

test('who introduced too many may again when those are forgotten, and what they sent does not come in again before', () => {
  const { all, admit } = publishers(9)
  const introduce = (now: number) => ['a', 'b', 'c', 'd'].map((id) => admit(`${id}${now}`, now, { from: 'relay' }))
  assert.deepEqual(introduce(0), [undefined, undefined, undefined, 'introduced'])
  assert.deepEqual(introduce(window), Array(4).fill('introduced'))
  assert.deepEqual(introduce(window + 1), [undefined, undefined, undefined, 'introduced'])
  assert.equal(all.size, 3)
})

test('what is pushed is held to its rate by our clock, what is pulled by the time at which it was published', () => {
  const { admit } = publishers(10)
  const admitted = (how: { published?: number; pushed?: boolean }, publisher: string) =>
    Array.from({ length: 1000 }, () => admit(publisher, 100_000, how)).filter((reason) => reason === undefined).length
  assert.equal(admitted({ pushed: true }, 'pushing'), 2 * burst)
  assert.equal(admitted({ published: 99_000 }, 'pulled'), rate * 6 + burst)
  assert.equal(
    admitted({ published: 90_000 }, 'pulled'),
    rate * 6 + burst,
    'of an earlier tenth of a minute as many again',
  )
})

test('what is remembered of a publisher does not grow with the time for which it publishes', () => {
  const { all, admit } = publishers(10)
  let most = 0
  for (let now = 0; now < 3_600_000; now += 1000) {
    admit('a', now, { published: now + window - 1 })
    most = Math.max(most, all.get('a')?.spans.size ?? 0)
  }
  const twoWindows = Math.ceil((2 * window) / 6000 + 1)
  assert.ok(most > twoWindows && most <= 2 * twoWindows, `${most} tenths of a minute`)
})
