import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Calendar } from './calendar.ts'
import { EventQueue, MESSAGE } from './events.ts'
import { EventHeap } from './heap.ts'

interface Entry {
  readonly time: number
  readonly value: number
}

/** Few different times, so that most entries tie with others. */
const times = fc.oneof(fc.nat(5), fc.double({ min: 0, max: 5, noNaN: true }))

describe('EventHeap', () => {
  test('gives what a stable sort by time gives, with pushes and pops in any order', () => {
    const steps = fc.array(fc.option(times, { nil: undefined }), { maxLength: 300 })
    fc.assert(
      fc.property(steps, (script) => {
        const heap = new EventHeap(1)
        const model: Entry[] = []
        let value = 0
        for (const time of script) {
          if (time !== undefined) {
            heap.push(time, value)
            model.push({ time, value })
            model.sort((a, b) => a.time - b.time) // stable: insertion order breaks ties
            value++
          } else if (model.length > 0) {
            const first = model.shift() as Entry
            assert.equal(heap.time, first.time)
            assert.equal(heap.pop(), first.value)
          }
          assert.equal(heap.size, model.length)
        }
        assert.deepEqual(
          Array.from({ length: heap.size }, () => heap.pop()),
          model.map((entry) => entry.value),
        )
        assert.equal(heap.time, Number.POSITIVE_INFINITY)
      }),
    )
  })

  test('filter keeps the order of what it keeps', () => {
    fc.assert(
      fc.property(fc.array(times, { maxLength: 100 }), fc.integer({ min: 1, max: 5 }), (all, modulus) => {
        const heap = new EventHeap(1)
        all.forEach((time, value) => {
          heap.push(time, value)
        })
        heap.filter((value) => value % modulus === 0)
        const expected = all
          .map((time, value) => ({ time, value }))
          .filter(({ value }) => value % modulus === 0)
          .sort((a, b) => a.time - b.time)
        assert.deepEqual(
          Array.from({ length: heap.size }, () => heap.pop()),
          expected.map(({ value }) => value),
        )
      }),
    )
  })
})

describe('Calendar', () => {
  /** Times as a network has them: now, soon, after the last bucket, days ahead; many of them the same. */
  const delays = fc.oneof(
    fc.nat(3),
    fc.double({ min: 0, max: 50, noNaN: true }),
    fc.nat(20_000),
    fc.nat(4).map((n) => n * 8192),
    fc.nat(3).map((n) => n * 1e8),
  )
  const steps = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('push' as const), delay: delays }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('run' as const), delay: delays }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('filter' as const), modulus: fc.integer({ min: 1, max: 4 }) }),
    },
  )

  test('gives what a stable sort by time gives, however far ahead entries are pushed and however time passes', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 200 }), (script) => {
        const calendar = new Calendar()
        let model: Entry[] = []
        let now = 0
        let value = 0
        const run = (until: number) => {
          for (;;) {
            const first = model[0]
            const taken = calendar.take(until)
            if (first === undefined || first.time > until) {
              assert.equal(taken, -1)
              break
            }
            model.shift()
            assert.deepEqual({ value: taken, time: calendar.time }, first)
            assert.equal(calendar.size, model.length)
          }
          now = until
        }
        for (const step of script) {
          if (step.kind === 'push') {
            calendar.push(now + step.delay, value)
            model.push({ time: now + step.delay, value })
            model.sort((a, b) => a.time - b.time) // stable: insertion order breaks ties
            value++
          } else if (step.kind === 'run') {
            run(now + step.delay)
          } else {
            calendar.filter((each) => each % step.modulus === 0)
            model = model.filter((each) => each.value % step.modulus === 0)
          }
        }
        run(Number.POSITIVE_INFINITY)
        assert.equal(calendar.size, 0)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('Calendar of a crowd', () => {
  test('100,000 entries within a moment, the latest pushed first, cost no more than others and keep the order of equals', () => {
    const calendar = new Calendar()
    const count = 100_000
    for (let i = 0; i < count; i++) calendar.push(9 + Math.floor((count - i) / 2) * 1e-12, i)
    calendar.push(9, count)
    const before = process.cpuUsage()
    const taken: Entry[] = []
    for (let value = calendar.take(10); value >= 0; value = calendar.take(10))
      taken.push({ time: calendar.time, value })
    const { user } = process.cpuUsage(before)
    assert.deepEqual(
      taken,
      taken.toSorted((a, b) => a.time - b.time || a.value - b.value),
    )
    assert.equal(taken.length, count + 1)
    assert.ok(user < 2e6, `${user / 1e6} s: by insertion it would be a minute`)
  })
})

describe('EventQueue', () => {
  test('a cancelled event never happens, the others do in order, and slots are reused', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(times, fc.boolean()), { minLength: 1, maxLength: 200 }), (script) => {
        const queue = new EventQueue<object>()
        for (let round = 0; round < 3; round++) {
          const slots = script.map(([time], i) => queue.push(time, MESSAGE, i, `payload ${i}`))
          script.forEach(([, cancelled], i) => {
            if (cancelled) queue.cancel(slots[i] as number)
          })
          const expected = script
            .map(([time, cancelled], i) => ({ time, cancelled, i }))
            .filter(({ cancelled }) => !cancelled)
            .sort((a, b) => a.time - b.time)
          assert.equal(queue.size, expected.length)
          for (const { time, i } of expected) {
            const slot = queue.take(10)
            assert.equal(queue.time, time)
            assert.equal(queue.target(slot), i)
            assert.equal(queue.payload(slot), `payload ${i}`)
            queue.release(slot)
          }
          assert.equal(queue.take(10), -1)
          assert.ok(Math.max(...slots) < script.length * 2, 'no more slots than events at a time')
        }
      }),
    )
  })

  test('takes nothing that is later than asked for', () => {
    const queue = new EventQueue<object>()
    queue.push(2, MESSAGE, 0, undefined)
    assert.equal(queue.take(1.999), -1)
    assert.notEqual(queue.take(2), -1)
  })

  test('cancelled events are swept out long before their time: a million cancelled timeouts hold a few thousand slots', () => {
    const queue = new EventQueue<object>()
    let highest = 0
    for (let i = 0; i < 1_000_000; i++) {
      const slot = queue.push(1e9, MESSAGE, 0, undefined)
      highest = Math.max(highest, slot)
      queue.cancel(slot)
    }
    assert.ok(highest < 10_000, `${highest} slots`)
    assert.equal(queue.size, 0)
  })
})
