import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { byHand, peer } from './nodes.fixture.ts'
import type { Sample } from './sample.ts'
import { Samples } from './samples.ts'
import { sampleOf } from './samples-codec.ts'
import { Top } from './top.ts'
import { Union } from './union.ts'

const KEY = 7
const RANGES = new Map([[KEY, [0, 1] as const]])
const of = (id: string, now: number, value: number) => sampleOf(id, now, new Map([[KEY, value]]))
const told = (estimate?: number) => new Map(estimate === undefined ? [] : [[KEY, estimate]])

function node(clock = { time: 1_000_000 }, options = {}) {
  return new Samples(byHand('me', clock), { partner: () => undefined, own: () => undefined, ranges: RANGES, options })
}

/** They are asked, one after the other, and answer for themselves. */
function asked(mine: Samples, samples: readonly Sample[]): void {
  for (const sample of samples) mine.absorb(peer(sample.id), { samples: [sample], estimates: told() })
}

describe('samples', () => {
  test('a liar has one voice, however often it speaks and whatever it says', () => {
    const mine = node()
    const honest = Array.from({ length: 19 }, (_, i) => of(`h${i}`, 999_000, 0.5))
    asked(mine, honest)
    for (let i = 0; i < 1000; i++) {
      mine.answer(peer('liar'), { samples: [of('liar', 999_000 + i, 1e300)], estimates: told(1e300) })
    }
    assert.equal(mine.size, 20)
    assert.equal(mine.mean(KEY), 0.5, 'the largest twentieth is left out')
    assert.equal(mine.estimate(KEY)?.value, 0.5, 'who was not asked has no voice in what it is')
    mine.absorb(peer('liar'), { samples: [], estimates: told(1e300) })
    assert.equal(mine.estimate(KEY)?.value, 1, 'of two voices the higher')
    mine.absorb(peer('p'), { samples: [], estimates: told(0.5) })
    assert.equal(mine.estimate(KEY)?.value, 0.5, 'of three the middle')
  })

  test('what few nodes have, and no partner, is within what is stated: among those kept, or on a list; made-up keys widen it by a tenth of the range', () => {
    const top = new Top(KEY, 1, true)
    const stated = (ids: readonly string[], kept: number) => {
      const clock = { time: 1_000_000 }
      const init = { partner: () => undefined, own: () => undefined, ranges: RANGES, lists: [top], options: { kept } }
      const mine = new Samples(byHand('me', clock), init)
      asked(
        mine,
        Array.from({ length: 32 }, (_, i) => of(`partner${i}`, 999_000, 0)),
      )
      for (let i = 32; i < 98; i++) mine.answer(peer('p'), { samples: [of(`n${i}`, 999_000, 0)], estimates: told() })
      for (const id of ids) mine.answer(peer('p'), { samples: [of(id, 999_000, 1)], estimates: told() })
      return mine.estimate(KEY)!
    }
    for (const kept of [400, 33]) {
      const { value, low, high } = stated(['rare1', 'rare2'], kept)
      assert.equal(value, 0)
      assert.ok(low === 0 && 0.02 <= high, `0 to ${high} of ${kept}`)
    }
    const crowd = Array.from({ length: 900 }, (_, i) => `none${i}`)
    assert.ok(stated(crowd, 400).high < 0.1)
  })

  test('at most so many are kept, each once, its latest, in the range, and no older than the limit', () => {
    const sample = fc.record({ id: fc.nat(60), age: fc.integer({ min: -300_000, max: 400_000 }), value: fc.double() })
    fc.assert(
      fc.property(fc.array(fc.array(sample, { maxLength: 40 }), { maxLength: 30 }), (messages) => {
        const mine = node({ time: 1_000_000 }, { kept: 20 })
        for (const message of messages) {
          const samples = message.map(({ id, age, value }) => of(`x${id}`, 1_000_000 - age, value))
          mine.answer(peer('p'), { samples, estimates: told() })
          assert.ok(mine.size <= 20)
          const said = mine.offer().samples
          assert.equal(new Set(said.map(({ id }) => id)).size, said.length)
          for (const { issued } of said) assert.ok(issued > 700_000 && issued < 1_120_000)
        }
        const mean = mine.mean(KEY)
        assert.ok(mean === undefined || (mean >= 0 && mean <= 1))
      }),
    )
  })

  test('who died or left counts no more, whatever others still tell of it; what it says when it is back counts again', () => {
    const clock = { time: 1_000_000 }
    const top = new Top(KEY, 1, true)
    const union = new Union(KEY)
    const mine = new Samples(byHand('me', clock), {
      partner: () => undefined,
      own: () => undefined,
      ranges: RANGES,
      lists: [top, union],
    })
    const said = (id: string, issued: number, value: number, text = 'common') =>
      sampleOf(id, issued, new Map([[KEY, value]]), { texts: new Map([[KEY, text]]) })
    const all = Array.from({ length: 10 }, (_, i) => said(`n${i}`, 999_000, i / 10))
    const tell = (samples: readonly Sample[]) => mine.answer(peer('p'), { samples, estimates: told() })
    tell([...all, said('gone', 999_000, 1, 'rare')])
    assert.deepEqual([mine.size, top.ranked[0]?.id, union.members], [11, 'gone', ['common', 'rare']])

    mine.remove('gone')
    tell([said('gone', 999_500, 1, 'rare')])
    assert.deepEqual([mine.size, top.ranked[0]?.id, union.members], [10, 'n9', ['common']])
    assert.equal(mine.count()?.value, 10)
    assert.equal(mine.count()?.low, 10)
    assert.equal(mine.tally.get('departed'), 1)

    clock.time += 60_000
    tell([said('gone', clock.time, 1, 'rare')])
    assert.deepEqual([mine.size, top.ranked[0]?.id, union.members], [11, 'gone', ['common', 'rare']])
  })

  test('what one said whose clock is ahead does not bring it back either', () => {
    const clock = { time: 1_000_000 }
    const top = new Top(KEY, 1, true)
    for (const [id, kept] of [
      ['ahead', 400],
      ['listed', 1],
    ] as const) {
      const mine = new Samples(byHand('me', clock), {
        partner: () => undefined,
        own: () => undefined,
        ranges: RANGES,
        lists: [top],
        options: { kept },
      })
      const all = [of('a', 999_000, 0), of('b', 999_000, 0), of(id, clock.time + 100_000, 1)]
      mine.absorb(peer('p'), { samples: all, estimates: told() })
      mine.remove(id)
      clock.time += 2000
      mine.absorb(peer('p'), { samples: [of(id, clock.time + 98_000, 1)], estimates: told() })
      assert.deepEqual([mine.tally.get('departed'), top.ranked[0]?.value], [1, 0], id)
      mine.absorb(peer('p'), { samples: [of(id, clock.time + 98_001, 1)], estimates: told() })
      assert.deepEqual([mine.tally.get('departed'), top.ranked[0]?.value], [1, 1], id)
      mine.remove(id)
    }
  })

  test('of those that died or left the last 1024 are remembered', () => {
    const mine = node()
    for (let i = 0; i <= 1024; i++) mine.remove(`x${i}`)
    mine.answer(peer('p'), { samples: [of('x0', 999_000, 0), of('x1', 999_000, 0)], estimates: told() })
    assert.deepEqual([mine.size, mine.tally.get('departed')], [1, 1])
  })

  test('which nodes are kept does not depend on who is heard of more often', () => {
    let liars = 0
    for (let trial = 0; trial < 40; trial++) {
      const clock = { time: 1_000_000 }
      const mine = new Samples(byHand(`me${'x'.repeat(trial)}`, clock), {
        partner: () => undefined,
        own: () => undefined,
        ranges: RANGES,
        options: { kept: 50 },
      })
      for (let i = 0; i < 450; i += 30) {
        const honest = Array.from({ length: 30 }, (_, k) => of(`h${i + k}`, 999_000, 0))
        mine.answer(peer('p'), { samples: honest, estimates: told() })
        for (let loud = 0; loud < 50; loud++) {
          mine.answer(peer('l'), { samples: [of(`liar${loud}`, 999_000 + i, 1)], estimates: told() })
        }
      }
      // 50 liars of 500: 5 of the 50 that are kept.
      const clamped = Array.from({ length: 50 }, (_, i) => mine.quantile(KEY, (i + 0.5) / 50) as number)
      liars += clamped.reduce((sum, value) => sum + value, 0)
    }
    assert.ok(liars / 40 > 3.5 && liars / 40 < 6.5, `${liars / 40} of 50`)
  })

  test('what has come in is told three times, then now and then; who signs anew all the time is not told of more often', () => {
    const clock = { time: 1_000_000 }
    const mine = node(clock, { kept: 200 })
    const honest = Array.from({ length: 100 }, (_, i) => of(`h${i}`, 999_000, 0.5))
    for (let i = 0; i < 100; i += 20) mine.absorb(peer('p'), { samples: honest.slice(i, i + 20), estimates: told() })
    const tellings = new Map<string, number>()
    let said = 0
    const messages = 100
    for (let i = 0; i < messages; i++) {
      mine.answer(peer('liar'), { samples: [of('liar', 999_000 + i, 1)], estimates: told() })
      for (const { id } of mine.offer().samples) {
        tellings.set(id, (tellings.get(id) ?? 0) + 1)
        said++
      }
    }
    // Of each of 101 three times, and two of whoever it may be in every message, also in those of the liar's answers.
    assert.ok(said <= 3 * 101 + 2 * messages, `${said}`)
    for (const { id } of honest) assert.ok((tellings.get(id) ?? 0) >= 1, id)
    assert.ok((tellings.get('liar') ?? 0) <= 3 + 10, `${tellings.get('liar')}`)

    clock.time += 60_000
    const before = tellings.get('h0') ?? 0
    mine.absorb(peer('p'), { samples: [of('h0', clock.time, 0.6)], estimates: told() })
    for (let i = 0; i < 3; i++) for (const { id } of mine.offer().samples) tellings.set(id, (tellings.get(id) ?? 0) + 1)
    assert.equal((tellings.get('h0') ?? 0) - before, 3, 'news again, a minute later')
  })

  test('which samples are kept does not depend on their order either, and of each node its latest value', () => {
    const all = Array.from({ length: 100 }, (_, i) => of(`h${i}`, 999_000, i / 100))
    const kept = (order: readonly (typeof all)[number][]) => {
      const mine = node({ time: 1_000_000 }, { kept: 20, message: 32, trim: 0 })
      for (let i = 0; i < order.length; i += 10)
        mine.absorb(peer('p'), { samples: order.slice(i, i + 10), estimates: told() })
      return mine
    }
    const means = [all, [...all].reverse(), [...all, ...all.slice(0, 50)]].map((order) => kept(order).mean(KEY))
    assert.deepEqual(means, Array(3).fill(means[0]))
    const [first] = kept(all).offer().samples
    const renewed = of(first!.id, 999_500, first!.values.get(KEY)!)
    const later = kept([...all, renewed, first!])
    const said = Array.from({ length: 50 }, () => later.offer().samples).flat()
    assert.ok(said.filter(({ id }) => id === first!.id).every(({ issued }) => issued === 999_500))
  })

  test('the latest estimates of 31 partners count: those of partners heard of before them do not', () => {
    const mine = node()
    const honest = Array.from({ length: 20 }, (_, i) => of(`h${i}`, 999_000, 0.5))
    asked(mine, honest)
    const estimated = (name: string, estimate: number) => {
      for (let i = 0; i < 31; i++) mine.absorb(peer(`${name}${i}`), { samples: [], estimates: told(estimate) })
      return mine.estimate(KEY)?.value
    }
    assert.equal(estimated('early', 0), 0)
    assert.equal(estimated('late', 1), 1)
  })

  test('who is asked has a voice, and who pushes has none: 16 liars that offer to everybody change nothing of what is believed', () => {
    const estimates = (chosen: boolean) => {
      const mine = node()
      const honest = Array.from({ length: 20 }, (_, i) => of(`h${i}`, 999_000, 0.5))
      asked(mine, honest)
      for (let i = 0; i < 15; i++) mine.absorb(peer(`p${i}`), { samples: honest, estimates: told(0.5) })
      for (let i = 0; i < 16; i++) {
        const lie = { samples: honest.slice(0, 1), estimates: told(1) }
        if (chosen) mine.absorb(peer(`liar${i}`), lie)
        else mine.answer(peer(`liar${i}`), lie)
      }
      return mine.estimate(KEY)?.value
    }
    assert.deepEqual([estimates(false), estimates(true)], [0.5, 1])
  })

  test('that nobody new comes counts once an exchange, and of partners that were asked', () => {
    const high = (tell: (mine: Samples, replay: readonly Sample[]) => void) => {
      const mine = node()
      const honest = Array.from({ length: 30 }, (_, i) => of(`h${i}`, 999_000, 0.5))
      mine.absorb(peer('p'), { samples: honest, estimates: told() })
      tell(mine, Array(32).fill(honest[0]))
      return mine.count()?.high
    }
    const nothing = high(() => {})
    assert.equal(nothing, 30 / (1 - 0.9))
    assert.equal(
      high((mine, samples) => mine.answer(peer('liar'), { samples, estimates: told() })),
      nothing,
    )
    const thrice = (mine: Samples, samples: readonly Sample[]) => {
      for (let i = 0; i < 3; i++) mine.absorb(peer('liar'), { samples, estimates: told() })
    }
    assert.equal(high(thrice), nothing, 'three of 32 copies say as much as three samples: nothing yet')
    const rule = high((mine) => {
      const samples = Array.from({ length: 30 }, (_, i) => of(`h${i}`, 999_000, 0.5))
      mine.absorb(peer('p'), { samples, estimates: told() })
    })
    assert.ok(Math.abs((rule as number) - 30 / (1 - 3 / 30)) < 1e-9, `the rule of three: ${rule}`)
  })

  test('while nobody has answered for itself, the average may be anywhere in the range', () => {
    const mine = node()
    const heard = Array.from({ length: 20 }, (_, i) => of(`h${i}`, 999_000, 0.5))
    mine.absorb(peer('p'), { samples: heard, estimates: told(0.5) })
    const { value, low, high, shareHalf } = mine.estimate(KEY)!
    assert.deepEqual([value, low, high, shareHalf], [0.5, 0, 1, 1])
  })

  test('who died or left has no voice in the median any more', () => {
    const mine = node()
    asked(
      mine,
      Array.from({ length: 20 }, (_, i) => of(`h${i}`, 999_000, 0.5)),
    )
    mine.absorb(peer('gone'), { samples: [], estimates: told(1) })
    assert.equal(mine.estimate(KEY)?.value, 1)
    mine.remove('gone')
    assert.equal(mine.estimate(KEY)?.value, 0.5)
  })

  test('of more nodes than are kept, too, those not heard of for long may be gone', () => {
    const low = (stale: number) => {
      const mine = node()
      const all = Array.from({ length: 800 }, (_, i) => of(`h${i}`, i < stale ? 849_999 : 999_000, 0.5))
      for (let i = 0; i < 800; i += 32) mine.absorb(peer('p'), { samples: all.slice(i, i + 32), estimates: told() })
      assert.equal(mine.size, 400)
      return mine.count()?.low as number
    }
    const [none, half, all] = [low(0), low(400), low(800)]
    assert.ok(none > 600 && all === 0, `${none} ${all}`)
    assert.ok(Math.abs(half / none - 0.5) < 0.1, `${half} of ${none}`)
  })

  test('values that are not renewed are forgotten', () => {
    const clock = { time: 1_000_000 }
    const mine = node(clock)
    asked(mine, [of('a', 1_000_000, 0.5)])
    clock.time += 300_001
    mine.partner()
    assert.equal(mine.size, 0)
    assert.equal(mine.estimate(KEY), undefined)
  })

  test('who slept until it knew nobody but itself says nothing until it has heard of others again', () => {
    const clock = { time: 1_000_000 }
    const own = () => of('me', clock.time, 0)
    const mine = new Samples(byHand('me', clock), { partner: () => undefined, own, ranges: RANGES })
    const others = () => {
      for (let i = 0; i < 20; i++)
        mine.absorb(peer(`n${i}`), { samples: [of(`n${i}`, 1_000_000, 1)], estimates: told() })
    }
    mine.partner()
    for (let i = 0; i < 20; i++) others()
    clock.time += 30_000
    mine.partner() // its own value is newer now than what it knows of the others
    assert.equal(mine.count()?.value, 21)
    clock.time += 280_000
    mine.partner()
    assert.deepEqual([mine.size, mine.count(), mine.mean(KEY)], [1, undefined, undefined])
  })

  test('the honest average lies in what is stated while at most 5 % lie, however skewed values are; a quarter of liars gets past it', () => {
    for (const shape of [(u: number) => u, (u: number) => u ** 6]) {
      const honest = Array.from({ length: 200 }, (_, i) => shape((i + 0.5) / 200))
      const truth = honest.reduce((a, b) => a + b, 0) / 200
      const found = (liars: number, lie: number) => {
        const mine = node({ time: 1_000_000 }, { kept: 500, message: 32 })
        const all = [...honest, ...Array<number>(liars).fill(lie)].map((value, i) => of(`h${i}`, 999_000, value))
        for (let round = 0; round < 2; round++) asked(mine, all)
        return mine.estimate(KEY)!
      }
      for (const lie of [0, 1]) {
        const { low, high, value } = found(10, lie)
        assert.ok(low <= truth && truth <= high, `${low} to ${high}, in truth ${truth}`)
        assert.ok(Math.abs(value - truth) < 0.07)
      }
      assert.ok(found(60, 1).low > truth, 'more liars than stated')
    }
  })

  test('how many there are: exactly, when all are known; else within 20 % out of 400, and who repeats itself counts once', () => {
    const mine = node({ time: 1_000_000 }, { kept: 400, message: 32 })
    const hear = (from: number, count: number) => {
      for (let i = from; i < from + count; i += 30) {
        const samples = Array.from({ length: 30 }, (_, k) => of(`x${(i + k) % (from + count)}`, 999_000, 0))
        mine.absorb(peer('p'), { samples, estimates: told() })
      }
    }
    assert.equal(mine.count(), undefined)
    hear(0, 90)
    const young = mine.count()!
    for (let again = 0; again < 20; again++) hear(0, 90)
    const known = mine.count()!
    assert.deepEqual([known.value, known.low], [90, 90])
    assert.ok(known.high < 91 && young.high > 100, 'who has heard nothing but news does not know all')
    hear(90, 4910)
    const { value, low, high } = mine.count()!
    assert.ok(low <= 5000 && 5000 <= high && Math.abs(value / 5000 - 1) < 0.2, `${low} ${value} ${high}`)
  })
})
