import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compose, type Publication } from '../publication.ts'
import { EventBuffer } from './buffer.ts'

function publication(sequence: number, how: Partial<Publication> = {}): Publication {
  return compose({ publisher: 'p', sequence, published: 0, topic: 'news', payload: new Uint8Array(0), ...how })
}
const PUBLICATIONS = Array.from({ length: 40 }, (_, i) => publication(i + 1))

const step = fc.oneof(
  fc.record({ kind: fc.constant('come' as const), which: fc.nat(39), age: fc.nat(12) }),
  fc.record({ kind: fc.constant('turn' as const) }),
)

/** Fig. 1 and Fig. 5b word for word, over a list. */
class Plain {
  held: { sequence: number; age: number; order: number }[] = []
  followed: { sequence: number; age: number; order: number }[] = []
  readonly known = new Set<number>()
  #order = 0

  come(sequence: number, age: number): void {
    if (this.known.has(sequence)) {
      for (const list of [this.held, this.followed]) {
        const event = list.find((one) => one.sequence === sequence)
        if (event !== undefined && age > event.age) Object.assign(event, { age, order: this.#order++ })
      }
      return
    }
    this.known.add(sequence)
    this.held.push({ sequence, age, order: this.#order })
    this.followed.push({ sequence, age, order: this.#order++ })
  }

  turn(limit: number): void {
    for (const event of [...this.held, ...this.followed]) event.age++
    this.held = this.held.filter(({ age }) => age <= limit)
    this.followed = this.followed.filter(({ age }) => age <= limit)
  }

  cut(list: 'held' | 'followed', limit: number): number[] {
    const ages: number[] = []
    while (this[list].length > limit) {
      const oldest = this[list].reduce((a, b) => (b.age > a.age || (b.age === a.age && b.order < a.order) ? b : a))
      ages.push(oldest.age)
      this[list] = this[list].filter((one) => one !== oldest)
    }
    return ages
  }
}

test('what is held, dropped and followed is what Figs 1 and 5b say, step by step', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 15 }),
      (steps, capacity, other) => {
        const buffer = new EventBuffer({ capacity, ids: 1000, shadowed: true, copies: false, trust: 63 })
        const plain = new Plain()
        for (const one of steps) {
          if (one.kind === 'turn') {
            buffer.turn(14, 0, () => {})
            plain.turn(14)
          } else {
            const event = PUBLICATIONS[one.which] as Publication
            if (buffer.hear(event, one.age) === 'new') buffer.add(event, one.age)
            plain.come(event.sequence, one.age)
          }
          const lost: number[] = []
          buffer.shadow(other, (age) => lost.push(age))
          assert.deepEqual(lost, plain.cut('followed', other))
          const dropped: number[] = []
          buffer.trim((age) => dropped.push(age))
          assert.deepEqual(dropped, plain.cut('held', capacity))
          const held = plain.held
            .map(({ sequence, age }) => [sequence, age])
            .sort((a, b) => Number(a[0]) - Number(b[0]))
          const events = buffer.events(0, 0).map((event) => [event.publication.sequence, event.age])
          assert.deepEqual(
            events.sort((a, b) => Number(a[0]) - Number(b[0])),
            held,
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('ids are bounded: the one that came first is forgotten, and so is its event', () => {
  const buffer = new EventBuffer({ capacity: 3, ids: 4, shadowed: true, copies: false, trust: 63 })
  for (const event of PUBLICATIONS.slice(0, 10)) {
    buffer.add(event, 0)
    buffer.trim(() => {})
    assert.ok(buffer.size <= 3 && buffer.ids <= 4)
  }
  assert.equal(buffer.hear(PUBLICATIONS[5] as Publication, 0), 'new')
  assert.equal(buffer.hear(PUBLICATIONS[6] as Publication, 0), 'known')
})

test('a smaller limit tells of no drops by itself: only what comes later counts', () => {
  const buffer = new EventBuffer({ capacity: 40, ids: 100, shadowed: true, copies: false, trust: 63 })
  const lost: number[] = []
  buffer.shadow(30, (age) => lost.push(age))
  for (const event of PUBLICATIONS.slice(0, 30)) buffer.add(event, 1)
  buffer.shadow(10, (age) => lost.push(age))
  assert.equal(lost.length, 0)
  buffer.add(PUBLICATIONS[30] as Publication, 0)
  buffer.shadow(10, (age) => lost.push(age))
  assert.deepEqual(lost, [1])
})

test('a buffer that cannot be is refused', () => {
  const options = { ids: 100, shadowed: false, copies: false, trust: 63 }
  for (const capacity of [0, -1, 1.5, Number.NaN, 101]) {
    assert.throws(() => new EventBuffer({ ...options, capacity }), RangeError)
  }
})

test('what is of low priority goes first while the oldest has not reached most, the oldest of them; then the oldest of all, as Fig. 1 says', () => {
  const left = (spread: number, age: number) => {
    const buffer = new EventBuffer({ capacity: 4, ids: 100, shadowed: false, copies: false, trust: 63, spread })
    buffer.add(publication(1), age)
    buffer.add(publication(2, { priority: 'low' }), age - 2)
    buffer.add(publication(3, { priority: 'low' }), age - 1)
    for (const sequence of [4, 5, 6])
      buffer.add(publication(sequence, { priority: sequence === 4 ? 'high' : 'normal' }), 0)
    const dropped: number[] = []
    buffer.trim((one) => dropped.push(one))
    const ages = buffer.events(0, 0).map((event) => event.age)
    assert.deepEqual(
      ages,
      [...ages].sort((a, b) => a - b),
      'the youngest are sent first',
    )
    assert.deepEqual([dropped.length, buffer.size], [2, 4])
    return buffer
      .events(0, 0)
      .map((event) => event.publication.sequence)
      .sort((a, b) => a - b)
  }
  assert.deepEqual(left(6, 5), [1, 4, 5, 6])
  assert.deepEqual(left(6, 6), [2, 4, 5, 6])
  assert.deepEqual(left(0, 5), [2, 4, 5, 6])
})

test('what has outlived its time is not sent, and gone with the next round, whatever its priority', () => {
  const buffer = new EventBuffer({ capacity: 9, ids: 100, shadowed: true, copies: false, trust: 63 })
  buffer.add(publication(1), 0)
  buffer.add(publication(2, { ttl: 1000 }), 0)
  buffer.add(publication(3, { ttl: 1000, priority: 'low' }), 0)
  const sent = (now: number) => buffer.events(0, now).map(({ publication }) => publication.sequence)
  assert.deepEqual([sent(1000), sent(1001)], [[1, 2, 3], [1]])
  let expired = 0
  buffer.turn(14, 1001, () => expired++)
  assert.deepEqual([expired, buffer.size], [2, 1])
  assert.equal(buffer.hear(publication(2, { ttl: 1000 }), 0), 'known')
})
