import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import { Random } from './random.ts'

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.word())

/** murmur3's finaliser, which spreads a seed over the state. */
function mix(word: number): number {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Pearson's chi-squared of counts that should all be equal. */
function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe('Random', () => {
  test('the same seed gives the same words on every machine and in every version: recorded experiments depend on it', () => {
    assert.deepEqual(draw(new Random(1), 3), [2923948822, 2989593762, 2624782143])
  })

  test('is xoroshiro128+: word by word what pure-rand makes of the same state', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const oracle = xoroshiro128plusFromState([
          mix(seed ^ 0x243f6a88) | 1,
          mix(seed + 0x85a308d3),
          mix(seed ^ 0x13198a2e),
          mix(seed + 0x03707344),
        ])
        for (let i = 0; i < 8; i++) oracle.next()
        const words = Array.from({ length: 200 }, () => oracle.next() >>> 0)
        assert.deepEqual(draw(new Random(seed), 200), words)
      }),
    )
  })

  test('another seed gives another sequence', () => {
    const firsts = new Set(Array.from({ length: 1000 }, (_, seed) => draw(new Random(seed), 2).join()))
    assert.equal(firsts.size, 1000)
  })

  test('a fork does not depend on what was drawn before, and drawing from it changes nothing', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.nat(20), (seed, label, drawn) => {
        const one = new Random(seed)
        const other = new Random(seed)
        draw(other, drawn)
        assert.deepEqual(draw(one.fork(label), 4), draw(other.fork(label), 4))
        const before = new Random(seed)
        draw(before, drawn)
        assert.deepEqual(draw(other, 4), draw(before, 4))
      }),
    )
  })

  test('forks with different labels, and their parent, are unrelated: bits agree half of the time', () => {
    const parent = new Random(7)
    const streams = [parent, ...['a', 'b', 'aa', 'ab', 'ba', ''].map((label) => parent.fork(label))]
    const words = streams.map((stream) => draw(stream, 1000))
    for (let i = 0; i < words.length; i++) {
      for (let j = 0; j < i; j++) {
        let equal = 0
        for (let k = 0; k < 1000; k++) {
          const difference = ((words[i] as number[])[k] as number) ^ ((words[j] as number[])[k] as number)
          for (let bit = 0; bit < 32; bit++) if ((difference & (1 << bit)) === 0) equal++
        }
        // 32000 fair coins: standard deviation 89
        assert.ok(Math.abs(equal - 16_000) < 400, `streams ${i} and ${j}: ${equal} of 32000 bits agree`)
      }
    }
  })

  test('integer(n) is uniform in [0, n), below and above 2^16', () => {
    for (const n of [10, 3 * 2 ** 20, 10 * 2 ** 40]) {
      for (const seed of [1, 2, 3]) {
        const random = new Random(seed)
        const counts = new Array<number>(10).fill(0)
        for (let i = 0; i < 20_000; i++) {
          const value = random.integer(n)
          assert.ok(Number.isInteger(value) && value >= 0 && value < n)
          const bucket = Math.floor((value / n) * 10)
          counts[bucket] = (counts[bucket] as number) + 1
        }
        assert.ok(chiSquared(counts) < 27.9, `n ${n} seed ${seed}: ${counts}`) // 9 degrees of freedom, p = 0.001
      }
    }
  })

  test('integer(n) favours nobody where n does not divide what is drawn', () => {
    for (const n of [3 * 2 ** 30, 3 * 2 ** 51]) {
      const random = new Random(1)
      const counts = [0, 0, 0]
      for (let i = 0; i < 30_000; i++) counts[Math.floor((random.integer(n) / n) * 3)]!++
      assert.ok(chiSquared(counts) < 13.8, `n ${n}: ${counts}`) // 2 degrees of freedom, p = 0.001
    }
  })

  test('integer refuses what is not a positive integer', () => {
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 53]) assert.throws(() => new Random(1).integer(n), RangeError)
  })

  test('chance happens as often as it says, never at 0, always at 1', () => {
    const random = new Random(3)
    let hits = 0
    for (let i = 0; i < 100_000; i++) {
      if (random.chance(0.2)) hits++
      assert.equal(random.chance(0), false)
      assert.equal(random.chance(1), true)
    }
    assert.ok(Math.abs(hits - 20_000) < 500, `${hits} of 100000`) // standard deviation 126
  })

  test('a sample has no repeats, only members, and as many as asked for or there are; the source stays as it was', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uniqueArray(fc.integer()), fc.nat(40), (seed, items, count) => {
        const before = items.slice()
        const sample = new Random(seed).sample(items, count)
        assert.equal(sample.length, Math.min(count, items.length))
        assert.equal(new Set(sample).size, sample.length)
        assert.ok(sample.every((item) => items.includes(item)))
        assert.deepEqual(items, before)
      }),
    )
  })

  test('every member is equally likely at every place of a sample', () => {
    const random = new Random(11)
    const places = [0, 1, 2].map(() => new Array<number>(8).fill(0))
    for (let i = 0; i < 16_000; i++) {
      random.sample([0, 1, 2, 3, 4, 5, 6, 7], 3).forEach((item, place) => {
        const counts = places[place] as number[]
        counts[item] = (counts[item] as number) + 1
      })
    }
    for (const counts of places) assert.ok(chiSquared(counts) < 24.4, `${counts}`) // 7 degrees of freedom, p = 0.001
  })

  test('pick of nothing is undefined', () => {
    assert.equal(new Random(1).pick([]), undefined)
    assert.equal(new Random(1).pick(['only']), 'only')
  })
})
