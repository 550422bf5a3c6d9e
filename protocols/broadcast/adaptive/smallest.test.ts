import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe } from '../../../core/descriptor.ts'
import { Random } from '../../../core/random.ts'
import { signClaim } from './claims.ts'
import { SMALLEST_DEFAULTS, SmallestBuffers } from './smallest.ts'

const GROUP = 'news'

function buffers(options = {}, own = 100, members: readonly string[] = []) {
  const clock = { now: 1_000_000 }
  const surroundings = {
    self: describe({ id: 'me', addresses: [], sequence: 1, issued: 0 }),
    random: new Random(1),
    now: () => clock.now,
  }
  const settings = { ...SMALLEST_DEFAULTS, ...options }
  const known = members.map((id) => describe({ id, addresses: [], sequence: 1, issued: 0 }))
  const init = { group: GROUP, buffer: () => own, members: () => known }
  const smallest = new SmallestBuffers(surroundings, init, settings)
  /** By its owner itself, unless it is said who tells it. */
  const hear = (id: string, buffer: number, issued = clock.now, group = GROUP, from = id) =>
    smallest.heard([signClaim({ id, group, buffer, issued })], from)
  return { clock, smallest, hear }
}

test('senders go by the k-th smallest buffer of different nodes, in whatever order they are heard of', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.integer({ min: 20, max: 500 }), fc.stringMatching(/^[a-l][0-9]$/)), {
        selector: ([, id]) => id,
        minLength: 8,
        maxLength: 30,
      }),
      fc.integer({ min: 1, max: 8 }),
      (nodes, rank) => {
        const { smallest, hear } = buffers({ rank }, 1000)
        for (const [buffer, id] of nodes) for (let again = 0; again < 2; again++) hear(id, buffer)
        const sorted = nodes.map(([buffer]) => buffer).sort((a, b) => a - b)
        assert.equal(smallest.smallest(), sorted[rank - 1])
        assert.ok(smallest.claims().length <= rank)
      },
    ),
  )
})

test('three liars who claim to have nothing change nothing; by the published minimum one is enough', () => {
  const decided = (rank: number, liars: number) => {
    const { smallest, hear } = buffers({ rank, floor: 1 })
    for (let i = 0; i < 20; i++) hear(`n${i}`, 90 + i)
    for (let i = 0; i < liars; i++) hear(`liar${i}`, 0)
    return smallest.smallest()
  }
  assert.equal(decided(4, 3), 90)
  assert.equal(decided(1, 1), 1)
  assert.equal(decided(4, 4), 1)
  const { smallest, hear } = buffers()
  for (let i = 0; i < 4; i++) hear(`liar${i}`, 0)
  assert.equal(smallest.smallest(), SMALLEST_DEFAULTS.floor) // and more than k - 1 do not take all
})

/** What k claims of 20 to 23 events make senders go by, each told by the peer that `by` says, and who of their owners is passed on. */
function hearsay(by: (i: number) => string, options = {}, members: readonly string[] = []) {
  const { clock, smallest, hear } = buffers({ rank: 4, ...options }, 100, members)
  for (let i = 0; i < 20; i++) hear(`n${i}`, 90 + i)
  for (let i = 0; i < 4; i++) hear(`k${i}`, 20 + i, clock.now, GROUP, by(i))
  return {
    smallest: smallest.smallest(),
    passed: smallest.claims().map(({ id }) => id),
    tally: smallest.tally.toJSON(),
  }
}

test('who tells of claims by keys that it made up has one vote, and nobody passes them on; believed, it decides for all', () => {
  const defended = hearsay(() => 'liar')
  assert.equal(defended.smallest, 92)
  assert.deepEqual(defended.passed, ['n0', 'n1', 'n2', 'n3'])
  assert.deepEqual(defended.tally, { 'buffer-claim-hearsay': 3 })
  const believed = hearsay(() => 'liar', { credulous: true })
  assert.equal(believed.smallest, 23)
  assert.deepEqual(believed.passed, ['k0', 'k1', 'k2', 'k3'])
})

test('the small ones count that members tell of whom this node does not know, one each; of those it knows, whoever tells', () => {
  const told = hearsay((i) => `member ${i}`)
  assert.deepEqual([told.smallest, told.passed], [23, ['n0', 'n1', 'n2', 'n3']])
  const known = hearsay(() => 'liar', {}, ['k0', 'k1', 'k2', 'k3'])
  assert.deepEqual([known.smallest, known.passed], [23, ['k0', 'k1', 'k2', 'k3']])
})

test('three liars have three votes, whatever each says of itself and of others, and in whatever order it comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ liar: fc.nat(2), key: fc.nat(9), by: fc.nat(2), later: fc.nat(5) }), { maxLength: 60 }),
      (lies) => {
        const { clock, smallest, hear } = buffers({ rank: 4, floor: 1 })
        for (let i = 0; i < 20; i++) hear(`n${i}`, 90 + i)
        for (const { liar, key, by, later } of lies) {
          clock.now += later
          // Its own by whom it likes, and of the keys that it made up.
          if (key > 6) hear(`liar${liar}`, 0, clock.now, GROUP, `liar${by}`)
          else hear(`k${liar}-${key}`, 0, clock.now, GROUP, `liar${liar}`)
        }
        assert.ok(smallest.smallest() >= 90)
        assert.ok(smallest.claims().every(({ id }) => !id.startsWith('k')))
      },
    ),
  )
})

test('what was hearsay goes by its owner as soon as that tells it itself, and who told of it before is free to tell of another', () => {
  const { clock, smallest, hear } = buffers({ rank: 2 })
  hear('a', 30, clock.now, GROUP, 'member')
  hear('b', 40, clock.now, GROUP, 'member')
  assert.equal(smallest.smallest(), 100)
  hear('a', 30)
  hear('b', 40, clock.now, GROUP, 'member')
  assert.equal(smallest.smallest(), 40)
  assert.deepEqual(
    smallest.claims().map(({ id }) => id),
    ['a', 'me'],
  )
})

test('a claim counts for its sample periods; a newer one of its node replaces it, an older one does not', () => {
  const { clock, smallest, hear } = buffers({ rank: 1 })
  hear('a', 30)
  assert.equal(smallest.smallest(), 30)
  hear('a', 50, clock.now + 1)
  hear('a', 30, clock.now)
  assert.equal(smallest.smallest(), 50)
  clock.now += 20_000
  assert.equal(smallest.smallest(), 50)
  clock.now += 2
  assert.equal(smallest.smallest(), 100) // its own
})

test('claims of another group, from long ago and from the future are counted and left aside', () => {
  const { clock, smallest, hear } = buffers({ rank: 1 })
  hear('a', 30, clock.now, 'weather')
  hear('b', 30, clock.now - 20_000)
  hear('c', 30, clock.now + 20_001)
  assert.equal(smallest.smallest(), 100)
  assert.deepEqual(smallest.tally.toJSON(), {
    'buffer-claim-expired': 1,
    'buffer-claim-from-the-future': 1,
    'buffer-claim-of-another-group': 1,
  })
})

test('what others say that this node claimed does not count: it knows its own buffer', () => {
  const { clock, smallest, hear } = buffers({ rank: 1 })
  hear('me', 20)
  assert.equal(smallest.smallest(), 100)
  hear('me', 20, clock.now + 1)
  assert.equal(smallest.smallest(), 100)
})

test('of what is claimed twice as many are kept as senders go by: the smallest', () => {
  const { clock, smallest, hear } = buffers({ rank: 1 })
  assert.equal(smallest.smallest(), 100)
  hear('a', 30)
  hear('b', 20) // and 100 is forgotten
  hear('b', 900, clock.now + 1)
  assert.equal(smallest.smallest(), 30)
  hear('a', 950, clock.now + 1)
  assert.equal(smallest.smallest(), 900)
})

test('a rank that no message could carry is refused', () => {
  for (const rank of [0, 1.5, 17, Number.NaN]) assert.throws(() => buffers({ rank }), RangeError)
})
