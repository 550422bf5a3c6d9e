import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe } from '../../../core/descriptor.ts'
import { Random } from '../../../core/random.ts'
import { signClaim } from './claims.ts'
import { SMALLEST_DEFAULTS, SmallestBuffers } from './smallest.ts'

const GROUP = 'news'

function buffers(options = {}, own = 100) {
  const clock = { now: 1_000_000 }
  const surroundings = {
    self: describe({ id: 'me', addresses: [], sequence: 1, issued: 0 }),
    random: new Random(1),
    now: () => clock.now,
  }
  const settings = { ...SMALLEST_DEFAULTS, ...options }
  const smallest = new SmallestBuffers(surroundings, { group: GROUP, buffer: () => own }, settings)
  const hear = (id: string, buffer: number, issued = clock.now, group = GROUP) =>
    smallest.heard([signClaim({ id, group, buffer, issued })])
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
