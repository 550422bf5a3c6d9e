import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../../core/descriptor.ts'
import { DEFAULTS } from '../options.ts'
import type { Store } from '../store.ts'
import { Backpressure } from './backpressure.ts'
import type { Digest } from './codec.ts'

const SELF = { id: 'publisher', position: 7 }
const { period: PERIOD, rate: QUOTA } = DEFAULTS
/** What it would publish: five messages a second. */
const GAP = 200

/** A publisher, and members that are behind by as much as a test says. */
class Bench {
  now = 1_000_000
  readonly #entries = new Map<number, { readonly received: number }>()
  readonly #backpressure: Backpressure

  /** @param partners members that it knows */
  constructor(options: Partial<typeof DEFAULTS> = {}, partners = 5) {
    const store = { shelf: () => ({ entries: this.#entries }) } as unknown as Store
    const known = Array.from({ length: partners }, (_, i) =>
      describe({ id: `member ${i}`, addresses: [], sequence: 1, issued: 0 }),
    )
    this.#backpressure = new Backpressure(SELF, { store, options: { ...DEFAULTS, ...options }, partners: () => known })
  }

  get rate(): number {
    return this.#backpressure.rate
  }

  get lag(): number {
    return this.#backpressure.lag
  }

  get published(): number {
    return this.#entries.size
  }

  /** A digest of a member that has all that is older than `lag` ms, and one more at least. */
  hear(member: string, lag: number): void {
    let last = 1
    for (const [sequence, { received }] of this.#entries) if (this.now - received > lag) last = sequence
    const holdings = [{ publisher: SELF.position, settled: 0, runs: [{ first: 1, last }] }]
    const digest: Digest = { kind: 'digest', round: 1, answers: undefined, partial: false, holdings }
    this.#backpressure.heard(member, digest, this.now)
  }

  /** Rounds at whose end members are heard, by how many ms each is behind. */
  rounds(count: number, lags: readonly number[] | ((round: number) => readonly number[])): void {
    for (let round = 0; round < count; round++) {
      for (const end = this.now + PERIOD; this.now < end; this.now += GAP / 2) {
        const isDue = this.now % GAP === 0
        if (isDue && this.#backpressure.admit(this.now, 1).admitted) this.publish()
      }
      const of = typeof lags === 'function' ? lags(round) : lags
      for (const [i, lag] of of.entries()) this.hear(`member ${i}`, lag)
      this.#backpressure.turn(this.now)
    }
  }

  publish(): void {
    this.#entries.set(this.published + 1, { received: this.now })
  }

  sleep(ms: number): void {
    this.now += ms
  }

  admits(): boolean {
    return this.#backpressure.admit(this.now, 1).admitted
  }
}

const members = (count: number, lag: number) => Array.from({ length: count }, () => lag)

test('a publisher keeps its quota while half of the members keep up, however far the others are behind', () => {
  const bench = new Bench()
  bench.rounds(200, [...members(8, 1000), ...members(7, 60_000)])
  assert.equal(bench.rate, QUOTA)
  bench.rounds(20, [...members(7, 1000), ...members(8, 60_000)])
  assert.ok(bench.rate < QUOTA, 'and not when one more is behind')
})

test('a member that says more often that it is behind counts no more than one that says it once', () => {
  const bench = new Bench()
  bench.rounds(40, (round) => {
    for (let i = 0; i < 100; i++) bench.hear('liar', 60_000)
    return round % 10 === 0 ? members(3, 1000) : []
  })
  assert.equal(bench.rate, QUOTA)
  assert.ok(bench.lag <= 1000)
})

test('queues that grow for every second by half of one: it sends half of the half that was carried', () => {
  const bench = new Bench()
  bench.rounds(20, (round) => members(5, (round * PERIOD) / 2))
  assert.ok(bench.rate > 1.1 && bench.rate < 1.4, `${bench.rate} of 5 messages a second`)
  const before = bench.published
  bench.rounds(8, members(5, 9000))
  assert.ok(bench.published - before <= 6, `${bench.published - before} in 4 s`)
})

test('it slows down once in the time by which members are behind, never below a hundredth of the quota', () => {
  const bench = new Bench()
  const rates = new Set<number>()
  bench.rounds(40, members(5, 10_000)) // 20 s
  rates.add(bench.rate)
  for (let second = 0; second < 9; second++) {
    bench.rounds(2, members(5, 10_000))
    rates.add(bench.rate)
  }
  assert.ok(rates.size <= 2, `${[...rates]}`)
  bench.rounds(1000, members(5, 30_000))
  assert.equal(bench.rate, QUOTA / 100)
})

test('when members have come up the rate rises quickly to near what was carried, beyond that slowly for a minute, then to the quota', () => {
  const bench = new Bench()
  bench.rounds(20, (round) => members(5, (round * PERIOD) / 2)) // 2.5 messages a second are carried
  const slowed = bench.rate
  bench.rounds(20, members(5, 500))
  const near = bench.rate
  assert.ok(near > slowed + 0.5 && near < 2.5, `${slowed} to ${near} in ten seconds`)
  bench.rounds(40, members(5, 500))
  const slowly = bench.rate
  assert.ok(slowly < near + 0.6, `${near} to ${slowly} in another twenty`)
  bench.rounds(600, members(5, 500))
  assert.equal(bench.rate, QUOTA)
})

test('words that are ten seconds old do not count: who is heard of no more slows nobody down', () => {
  const bench = new Bench()
  bench.rounds(20, members(5, 10_000))
  const slowed = bench.rate
  assert.ok(slowed < QUOTA)
  bench.rounds(21, [])
  assert.equal(bench.lag, 0)
  bench.rounds(600, [])
  assert.equal(bench.rate, QUOTA)
})

test('what a publisher reads after it was stopped was sent before: it does not take its own sleep for a lag of the members', () => {
  const bench = new Bench()
  bench.rounds(20, members(5, 500))
  bench.publish()
  bench.sleep(30_000)
  for (let i = 0; i < 15; i++) bench.hear(`member ${i}`, 30_000)
  bench.rounds(3, members(5, 30_000))
  assert.equal(bench.rate, QUOTA)
})

test('where few say anything five liars slow nobody down; did the silent not count, they would', () => {
  const rateWith = (hush: boolean, liars: number) => {
    const bench = new Bench({ hush }, 28)
    bench.rounds(40, (round) => (round % 20 === 0 ? [...members(liars, 60_000), 0, 0] : members(liars, 60_000)))
    return bench.rate
  }
  assert.equal(rateWith(true, 5), QUOTA)
  assert.ok(rateWith(true, 6) < QUOTA)
  assert.ok(rateWith(false, 3) < QUOTA)
})

test('in a small group half of all others are enough to slow down, and fewer are not', () => {
  const rateWith = (behind: number, others: number) => {
    const bench = new Bench({}, others)
    bench.rounds(40, members(behind, 60_000))
    return bench.rate
  }
  assert.ok(rateWith(1, 1) < QUOTA)
  assert.equal(rateWith(1, 2), QUOTA)
  assert.ok(rateWith(2, 3) < QUOTA)
  assert.equal(rateWith(2, 5), QUOTA)
})

test('`congested: 0` switches it off', () => {
  const bench = new Bench({ congested: 0 })
  bench.rounds(100, members(10, 60_000))
  assert.equal(bench.rate, QUOTA)
  assert.ok(bench.admits() && bench.admits())
})
