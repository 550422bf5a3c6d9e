import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe } from '../../../core/descriptor.ts'
import { Random } from '../../../core/random.ts'
import { Controller, type ControllerOptions, PUBLISHED } from './controller.ts'

const PERIOD = 5000
const YOUNG = 2
const OLD = 12

function controller(options: Partial<ControllerOptions> = {}, seed = 1) {
  const clock = { now: 1_000_000 }
  const surroundings = {
    self: describe({ id: 'me', addresses: [], sequence: 1, issued: 0 }),
    random: new Random(seed),
    now: () => clock.now,
  }
  const made = new Controller(surroundings, { group: 'news', buffer: () => 100 }, options)
  /** Rounds in which so much is dropped at that age, and as much sent as may be, or nothing. */
  const rounds = (count: number, age: number | undefined, hungry: boolean) => {
    for (let i = 0; i < count; i++) {
      if (age !== undefined) for (let drop = 0; drop < 300; drop++) made.dropped(age)
      while (hungry && made.admit(clock.now).admitted) made.received('me')
      clock.now += PERIOD
      made.turn()
    }
  }
  return { clock, made, rounds }
}

test('never more than the bucket and the highest rate allow; who waits until it was told to is admitted then', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3000), { minLength: 1, maxLength: 80 }),
      fc.double({ min: 0.1, max: 20, noNaN: true }),
      (gaps, start) => {
        const { clock, made } = controller({ start, burst: 3 })
        const began = clock.now
        let admitted = 0
        for (const gap of gaps) {
          clock.now += gap
          const admission = made.admit(clock.now)
          assert.equal(admission.rate, start)
          if (admission.admitted) admitted++
          else {
            assert.ok(admission.until > clock.now && admission.until <= clock.now + 1000 / start + 1)
            clock.now = admission.until
            assert.equal(made.admit(clock.now).admitted, true)
            admitted++
          }
          assert.ok(admitted <= 3 + (start * (clock.now - began)) / 1000 + 1e-3)
        }
      },
    ),
  )
})

test('the rate falls while what is dropped is young, down to the least, and rises while it is old, up to the most', () => {
  const { made, rounds } = controller({ start: 5 })
  rounds(3, YOUNG, true)
  assert.ok(made.rate < 5)
  rounds(200, YOUNG, true)
  assert.equal(made.rate, 0.02)
  rounds(2000, OLD, true)
  assert.equal(made.rate, 20)
})

test('nothing dropped means room, not the congestion of some time ago', () => {
  const { made, rounds } = controller({ start: 2 })
  rounds(5, YOUNG, true)
  const before = made.rate
  rounds(20, undefined, false)
  assert.equal(made.rate, before)
})

test('an unused rate stays and does not grow; by the published rule it decays to nothing', () => {
  const idle = (options: Partial<ControllerOptions>) => {
    const { made, rounds } = controller({ start: 2, ...options })
    rounds(100, OLD, false)
    return made.rate
  }
  assert.equal(idle({}), 2)
  assert.ok(idle(PUBLISHED) < 0.1)
})

test('near a mark steps are small; as published they are full', () => {
  const step = (grade: number) => {
    const { made, rounds } = controller({ start: 2, decrease: 0.1, grade, low: 6, high: 7, memory: 0 })
    rounds(1, 5.9, false)
    return 1 - made.rate / 2
  }
  assert.ok(Math.abs(step(0) - 0.1) < 1e-9)
  assert.ok(Math.abs(step(1) - 0.01) < 1e-9)
})

test('two senders of unequal rates become equal; as published they stay as unequal as they were', () => {
  const ratio = (fair: boolean) => {
    const senders = [controller({ start: 8, fair, chance: 1 }), controller({ start: 1, fair, chance: 1 })]
    for (let round = 0; round < 400; round++) {
      // A network that carries ten messages a second.
      const total = senders.reduce((sum, { made }) => sum + made.rate, 0)
      for (const [i, { made, clock }] of senders.entries()) {
        for (let drop = 0; drop < 300; drop++) made.dropped(total > 10 ? YOUNG : OLD)
        while (made.admit(clock.now).admitted) for (const other of senders) other.made.received(`n${i}`)
        clock.now += PERIOD
      }
      for (const { made } of senders) made.turn()
    }
    const [a, b] = senders.map(({ made }) => made.rate) as [number, number]
    return a / b
  }
  assert.ok(ratio(true) < 1.5, `${ratio(true)}`)
  assert.ok(ratio(false) > 4, `${ratio(false)}`)
})
