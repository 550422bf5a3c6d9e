import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { byHand, peer } from './nodes.fixture.ts'
import { Samples } from './samples.ts'
import { sampleOf } from './samples-codec.ts'

function node(clock = { time: 1_000_000 }, options = {}) {
  return new Samples(byHand('me', clock), { partner: () => undefined, own: () => undefined, range: [0, 1], options })
}

describe('samples', () => {
  test('a liar has one voice, however often it speaks and whatever it says', () => {
    const mine = node()
    const honest = Array.from({ length: 19 }, (_, i) => sampleOf(`h${i}`, 999_000, 0.5))
    mine.absorb(peer('p'), { samples: honest, estimate: undefined })
    for (let i = 0; i < 1000; i++) {
      mine.answer(peer('liar'), { samples: [sampleOf('liar', 999_000 + i, 1e300)], estimate: 1e300 })
    }
    assert.equal(mine.size, 20)
    assert.equal(mine.mean(), 0.5, 'the largest twentieth is left out')
    assert.equal(mine.estimate()?.value, 1, 'of two voices the higher')
    mine.absorb(peer('p'), { samples: [], estimate: 0.5 })
    assert.equal(mine.estimate()?.value, 0.5, 'of three the middle')
  })

  test('at most so many are kept, each once, its latest, in the range, and no older than the limit', () => {
    const sample = fc.record({ id: fc.nat(60), age: fc.integer({ min: -300_000, max: 400_000 }), value: fc.double() })
    fc.assert(
      fc.property(fc.array(fc.array(sample, { maxLength: 40 }), { maxLength: 30 }), (messages) => {
        const mine = node({ time: 1_000_000 }, { kept: 20 })
        for (const message of messages) {
          const samples = message.map(({ id, age, value }) => sampleOf(`x${id}`, 1_000_000 - age, value))
          mine.answer(peer('p'), { samples, estimate: undefined })
          assert.ok(mine.size <= 20)
          const told = mine.offer().samples
          assert.equal(new Set(told.map(({ id }) => id)).size, told.length)
          for (const { issued } of told) assert.ok(issued > 700_000 && issued < 1_120_000)
        }
        const mean = mine.mean()
        assert.ok(mean === undefined || (mean >= 0 && mean <= 1))
      }),
    )
  })

  test('which nodes are kept does not depend on who is heard of more often', () => {
    let liars = 0
    for (let trial = 0; trial < 40; trial++) {
      const clock = { time: 1_000_000 }
      const mine = new Samples(byHand(`me${'x'.repeat(trial)}`, clock), {
        partner: () => undefined,
        own: () => undefined,
        range: [0, 1],
        options: { kept: 50 },
      })
      for (let i = 0; i < 450; i += 30) {
        const honest = Array.from({ length: 30 }, (_, k) => sampleOf(`h${i + k}`, 999_000, 0))
        mine.answer(peer('p'), { samples: honest, estimate: undefined })
        for (let loud = 0; loud < 50; loud++) {
          mine.answer(peer('l'), { samples: [sampleOf(`liar${loud}`, 999_000 + i, 1)], estimate: undefined })
        }
      }
      // 50 liars of 500: 5 of the 50 that are kept.
      const clamped = Array.from({ length: 50 }, (_, i) => mine.quantile((i + 0.5) / 50) as number)
      liars += clamped.reduce((sum, value) => sum + value, 0)
    }
    assert.ok(liars / 40 > 3.5 && liars / 40 < 6.5, `${liars / 40} of 50`)
  })

  test('which samples are kept does not depend on their order either, and of each node its latest value', () => {
    const all = Array.from({ length: 100 }, (_, i) => sampleOf(`h${i}`, 999_000, i / 100))
    const kept = (order: readonly (typeof all)[number][]) => {
      const mine = node({ time: 1_000_000 }, { kept: 20, message: 32, trim: 0 })
      for (let i = 0; i < order.length; i += 10)
        mine.absorb(peer('p'), { samples: order.slice(i, i + 10), estimate: undefined })
      return mine
    }
    const means = [all, [...all].reverse(), [...all, ...all.slice(0, 50)]].map((order) => kept(order).mean())
    assert.deepEqual(means, Array(3).fill(means[0]))
    const [first] = kept(all).offer().samples
    const renewed = sampleOf(first!.id, 999_500, first!.value)
    const later = kept([...all, renewed, first!])
    const told = Array.from({ length: 50 }, () => later.offer().samples).flat()
    assert.ok(told.filter(({ id }) => id === first!.id).every(({ issued }) => issued === 999_500))
  })

  test('values that are not renewed are forgotten', () => {
    const clock = { time: 1_000_000 }
    const mine = node(clock)
    mine.absorb(peer('p'), { samples: [sampleOf('a', 1_000_000, 0.5)], estimate: undefined })
    clock.time += 300_001
    mine.partner()
    assert.equal(mine.size, 0)
    assert.equal(mine.estimate(), undefined)
  })
})
