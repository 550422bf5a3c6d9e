import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Missed, Order, type Ordered, type OrderOptions } from './order.ts'

const OPTIONS = { patience: 1000, retention: 60_000, started: 0, catchUp: 0 }

/** A publisher's numbers as it makes them: steps of more than one are reservations lost in a crash. */
const chain = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 }).map((steps) => {
  let sequence = 0
  return steps.map((step): Ordered => {
    const previous = sequence
    sequence += step
    return { sequence, previous, previousTtl: 0, elapsed: 10, published: 1000 + sequence * 10, part: 0 }
  })
})

/** The chain, what of it gets lost, and the order in which the rest arrives. */
const schedule = chain.chain((all) =>
  fc.record({
    all: fc.constant(all),
    arrivals: fc.shuffledSubarray(all, { minLength: 0 }),
    repeats: fc.array(fc.nat(all.length - 1), { maxLength: 5 }),
  }),
)

function run(arrivals: readonly Ordered[], options: OrderOptions = OPTIONS, start = 2000) {
  const delivered: number[] = []
  const missed: Missed[] = []
  const order = new Order<Ordered>(
    options,
    ({ sequence }) => delivered.push(sequence),
    (gap) => missed.push(gap),
  )
  let now = start
  let settled = 0
  for (const publication of arrivals) {
    order.accept(publication, now++)
    assert.ok(order.settled >= settled, 'settled never falls')
    settled = order.settled
    assert.equal(settled, delivered.at(-1) ?? 0)
  }
  return { order, delivered, missed, end: now }
}

const ascending = (numbers: readonly number[]) => numbers.every((n, i) => i === 0 || n > (numbers[i - 1] as number))

test('whatever the order of arrival, with repeats: all of a chain is delivered once, in order, without waiting', () => {
  fc.assert(
    fc.property(schedule, ({ all, arrivals, repeats }) => {
      const rest = all.filter((publication) => !arrivals.includes(publication))
      const again = repeats.map((i) => all[i] as Ordered)
      const { order, delivered, missed } = run([...again, ...arrivals, ...rest, ...again])
      assert.deepEqual(
        delivered,
        all.map(({ sequence }) => sequence),
      )
      assert.equal(order.held, 0)
      assert.deepEqual(missed, [])
    }),
  )
})

test('with losses: all that came is delivered once and in order after the patience, and exactly the rest is reported', () => {
  fc.assert(
    fc.property(schedule, ({ all, arrivals }) => {
      const { order, delivered, missed, end } = run(arrivals)
      for (let i = 1; i <= arrivals.length; i++) order.tick(end + i * OPTIONS.patience)
      assert.equal(order.held, 0)
      assert.ok(ascending(delivered))
      assert.deepEqual(
        delivered,
        arrivals.map(({ sequence }) => sequence).sort((a, b) => a - b),
      )
      const last = delivered.at(-1) ?? 0
      const lost = all.map(({ sequence }) => sequence).filter((n) => n < last && !delivered.includes(n))
      const reported = (n: number) => missed.some(({ range }) => range.first <= n && n <= range.last)
      // Of what was lost before the first delivery only the nearest is known to exist.
      const known = lost.filter((n) => n > (delivered[0] ?? 0))
      assert.ok(known.every(reported), `${known} in ${JSON.stringify(missed)}`)
      assert.ok(!delivered.some(reported), 'nothing is both delivered and missed')
    }),
  )
})

test('released for want of room: what it held up to there is delivered, in order, and never again', () => {
  fc.assert(
    fc.property(schedule, fc.nat(200), ({ arrivals }, upTo) => {
      const { order, delivered, end } = run(arrivals)
      order.release(upTo, end)
      assert.ok(ascending(delivered))
      const came = arrivals.map(({ sequence }) => sequence)
      assert.ok(came.every((n) => n > upTo || delivered.includes(n)))
      const before = delivered.length
      for (const publication of arrivals) if (publication.sequence <= order.settled) order.accept(publication, end)
      assert.equal(delivered.length, before)
    }),
  )
})

const at = (sequence: number, changes: Partial<Ordered> = {}): Ordered => {
  return {
    sequence,
    previous: sequence - 1,
    previousTtl: 0,
    elapsed: 10,
    published: sequence * 10,
    part: 0,
    ...changes,
  }
}

test('a gap is waited for as long as its repair makes progress, and no longer than the patience after that', () => {
  const { order, delivered, missed } = run([at(1), at(9)])
  order.tick(2900)
  order.accept(at(5), 2950) // below the highest that waits: repair is at work
  order.tick(3900)
  assert.deepEqual(delivered, [1])
  order.accept(at(10), 3940) // above: no progress
  order.tick(3960)
  assert.deepEqual(delivered, [1, 5])
  assert.deepEqual(missed[0]?.range, { first: 2, last: 4 })
  order.tick(5000)
  assert.deepEqual(delivered, [1, 5, 9, 10])
})

test('a gap older than anything that is kept is not waited for', () => {
  const { delivered, missed } = run([at(1), at(3, { elapsed: 60_001 })])
  assert.deepEqual(delivered, [1, 3])
  assert.deepEqual(missed[0]?.range, { first: 2, last: 2 })
})

test('a gap is waited for no longer than its one publication lives, and nobody is told; one of several, or without end, is', () => {
  const ttl = { elapsed: 10, published: 2000, previousTtl: 500 }
  const short = run([at(1), at(3, ttl)])
  short.order.tick(2490)
  assert.deepEqual(short.delivered, [1])
  short.order.tick(2491)
  assert.deepEqual([short.delivered, short.missed], [[1, 3], []])

  for (const gap of [at(4, ttl), at(3, { ...ttl, previousTtl: 0 })]) {
    const long = run([at(1), gap])
    long.order.tick(2900)
    assert.deepEqual(long.delivered, [1])
    long.order.tick(3100)
    assert.deepEqual([long.delivered, long.missed.length], [[1, gap.sequence], 1])
  }
})

test('a publisher that starts again waits for nothing', () => {
  const { delivered, missed } = run([at(1), at(1000, { previous: 0 })])
  assert.deepEqual(delivered, [1, 1000])
  assert.deepEqual(missed, [])
})

test('a publisher first heard of: predecessors from before our time are neither waited for nor missed', () => {
  const started = 1_000_000
  const options = { ...OPTIONS, started, catchUp: 5000 }
  const heard = (elapsed: number, clock = 0) => {
    const delivered: number[] = []
    const missed: Missed[] = []
    const order = new Order<Ordered>(
      options,
      ({ sequence }) => delivered.push(sequence),
      (gap) => missed.push(gap),
    )
    const now = started + 1000
    order.accept({ sequence: 7, previous: 6, previousTtl: 0, elapsed, published: now + clock, part: 0 }, now)
    return { order, delivered, missed, now }
  }
  assert.deepEqual(heard(6001).delivered, [7], 'published before the time to catch up with')
  assert.deepEqual(heard(6001, -90_000).delivered, [7], 'its clock does not matter')
  const recent = heard(3000)
  assert.deepEqual(recent.delivered, [], 'recent enough to be repaired')
  recent.order.tick(recent.now + 1000)
  assert.deepEqual([recent.delivered, recent.missed], [[7], []], 'from before the start, so not missed')
  const own = heard(500)
  own.order.tick(own.now + 1000)
  assert.deepEqual([own.delivered, own.missed.length], [[7], 1], 'published while we were here, so missed')
})

test('a publisher first heard of: its last one of our time is told as missed, unless it may have been here and was forgotten', () => {
  const started = 1_000_000
  const now = started + 200_000
  const heard = (elapsed: number, more: Partial<Ordered> = {}, remembers = started) => {
    const first = { sequence: 7, previous: 6, previousTtl: 0, elapsed, published: now, part: 0, ...more }
    return run([first], { ...OPTIONS, started, remembers }, now)
  }
  for (const elapsed of [OPTIONS.retention + 1, 199_999]) {
    const { delivered, missed } = heard(elapsed)
    assert.deepEqual([delivered, missed.map(({ range }) => range)], [[7], [{ first: 6, last: 6 }]], `${elapsed} ms`)
  }
  for (const silent of [
    heard(200_001),
    heard(100_000, { previous: 0 }),
    heard(100_000, { previousTtl: 99_000 }),
    heard(100_000, {}, now - 99_000),
  ])
    assert.deepEqual([silent.delivered, silent.missed], [[7], []])
})

test('gaps on purpose: what is not expected is not waited for, what is for 6 s, and nobody is told', () => {
  fc.assert(
    fc.property(schedule, fc.nat(6), ({ all, arrivals }, every) => {
      const delivered: number[] = []
      const missed: Missed[] = []
      const order = new Order<Ordered>(
        OPTIONS,
        ({ sequence }) => delivered.push(sequence),
        (gap) => missed.push(gap),
      )
      const expected = (sequence: number) => sequence % (every + 1) === 0
      order.expects = expected
      let now = 2000
      for (const publication of arrivals) {
        order.accept(publication, now++)
        if (order.held === 0) continue
        const { settled } = order
        const came = arrivals.slice(0, arrivals.indexOf(publication) + 1).filter(({ sequence }) => sequence > settled)
        const before = Math.min(...came.map(({ previous }) => previous))
        const gap = Array.from({ length: before - settled }, (_, i) => settled + 1 + i)
        assert.ok(gap.some(expected), 'only for something that is expected')
      }
      order.tick(now + 6000)
      assert.equal(order.held, 0)
      assert.ok(ascending(delivered))
      assert.deepEqual(missed, [])
      if (every === 0) assert.equal(delivered.length, arrivals.length, 'all that came in time')
    }),
  )
})

test('gaps on purpose, messages in parts: each that is wanted comes whole, in whatever order all parts arrive', () => {
  const messages = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 }).map((counts) => {
    const made = counts.flatMap((parts) =>
      Array.from({ length: parts }, (_, part) => ({ part, after: parts - 1 - part })),
    )
    return made.map(({ part, after }, i) => ({ ...at(i + 1, { part }), last: i + 1 + after }))
  })
  const arriving = fc.integer({ min: 1, max: 5 }).chain((every) => {
    return messages.chain((all) => {
      const due = all.filter(({ last }) => last % every === 0)
      return fc.tuple(fc.constant(every), fc.constant(due), fc.shuffledSubarray(due, { minLength: due.length }))
    })
  })
  fc.assert(
    fc.property(arriving, ([every, due, arrivals]) => {
      const delivered: number[] = []
      const order = new Order<Ordered>(
        OPTIONS,
        ({ sequence }) => delivered.push(sequence),
        () => assert.fail('nobody is told'),
      )
      order.expects = (sequence) => sequence % every === 0
      for (const [i, publication] of arrivals.entries()) order.accept(publication, 2000 + i)
      order.tick(2000 + arrivals.length + 6000)
      assert.deepEqual(
        delivered,
        due.map(({ sequence }) => sequence),
      )
    }),
  )
})

test("what was published before a late joiner's time is not delivered, in whatever order all comes, nor called missed", () => {
  const options = { ...OPTIONS, started: 30_000, catchUp: 10_000 }
  const chain = Array.from({ length: 30 }, (_, i): Ordered => {
    return {
      sequence: i + 1,
      previous: i,
      previousTtl: 0,
      elapsed: i === 0 ? 0 : 1000,
      published: (i + 1) * 1000,
      part: 0,
    }
  })
  const wanted = chain.filter(({ published }) => published >= 20_000).map(({ sequence }) => sequence)
  const newest = chain.at(-1) as Ordered
  fc.assert(
    fc.property(fc.shuffledSubarray(chain, { minLength: chain.length }), (arrivals) => {
      // One that comes fresh tells how the clocks are; then all comes by repair.
      const { delivered, missed } = run([newest, ...arrivals], options, 30_000)
      assert.deepEqual([delivered, missed], [wanted, []])
    }),
  )
})

test('a gap that comes after one given up is waited for as long: what repair brings meanwhile is delivered', () => {
  const { order, delivered, missed } = run([at(1)])
  order.accept(at(3, { published: 10 }), 2000) // 2 is lost for good
  order.accept(at(5, { published: 910 }), 2900) // 4 is being repaired
  order.tick(3000)
  order.tick(3500)
  assert.deepEqual([delivered, missed.map(({ range }) => range.first)], [[1, 3], [2]])
  order.accept(at(4), 3600)
  assert.deepEqual([delivered, missed.length], [[1, 3, 4, 5], 1])

  const lost = run([at(1)])
  for (const [publication, now] of [
    [at(3, { published: 10 }), 2000],
    [at(5, { published: 910 }), 2900],
  ] as const)
    lost.order.accept(publication, now)
  for (const now of [3000, 3899, 3900]) lost.order.tick(now)
  assert.deepEqual(lost.delivered, [1, 3, 5])
})

test('where what came after a gap came late itself the gap is waited for as much longer, twice as long at most', () => {
  for (const [late, patience] of [
    [0, OPTIONS.patience],
    [500, OPTIONS.patience + 500],
    [10 * OPTIONS.retention, 2 * OPTIONS.patience],
  ] as const) {
    const { order, delivered, missed } = run([at(1)])
    const now = 10_000 + late
    order.accept(at(3, { published: 10_000 - 1990 }), now) // at(1) took 1990 ms by the two clocks
    order.tick(now + patience - 1)
    assert.deepEqual([delivered, missed.length], [[1], 0], `${late} ms late`)
    order.tick(now + patience)
    assert.deepEqual([delivered, missed.length], [[1, 3], 1], `${late} ms late`)
  }
})

test('one that came too late ends its gap: what is held before it is delivered, what lacks is told once', () => {
  const one = (sequence: number, previous: number): Ordered => ({
    sequence,
    previous,
    previousTtl: 0,
    elapsed: 10,
    published: sequence,
    part: 0,
  })
  const { order, delivered, missed } = run([one(1, 0), one(3, 2)])
  assert.deepEqual(delivered, [1])
  order.tooLate(5, 3000)
  order.tooLate(5, 3001)
  order.tooLate(2, 3002)
  assert.deepEqual(delivered, [1, 3])
  assert.deepEqual(
    missed.map(({ range }) => range),
    [
      { first: 2, last: 2 },
      { first: 4, last: 5 },
    ],
  )
  order.accept(one(6, 5), 3003)
  assert.deepEqual(delivered, [1, 3, 6])
  // Of a publisher that this node has had nothing of, nothing was to come.
  const unknown = run([])
  unknown.order.tooLate(9, 3000)
  assert.deepEqual([unknown.missed, unknown.order.settled], [[], 0])
})
