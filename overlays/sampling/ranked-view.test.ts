import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { addressGroup } from './groups.ts'
import type { Heard } from './held.ts'
import { RankedView } from './ranked-view.ts'

/** Each in an address group of its own. */
function peer(i: number, sequence = 1, group = i): PeerDescriptor {
  const address = `/ip4/${10 + (group >> 8)}.${group & 255}.0.1/tcp/1`
  return describe({ id: `p${i}`, addresses: [address], sequence, issued: 0 })
}

function ranked(view: number, slots: number): RankedView {
  return new RankedView(new Random(1), { view, slots, hearsay: false, groupOf: (one) => addressGroup(one) })
}

const told = (one: PeerDescriptor): Heard => ({ peer: one, age: 3, firstHand: false })
const spoke = (one: PeerDescriptor): Heard => ({ peer: one, age: 0, firstHand: true })
const many = (count: number) => Array.from({ length: count }, (_, i) => peer(i))
const ids = (peers: readonly { id: string }[]) => peers.map(({ id }) => id)

test('who moved to another part of the address space is known under its newest descriptor, and once', () => {
  const known = ranked(8, 8)
  known.hear([spoke(peer(1)), spoke(peer(2))], [])
  known.hear([told(peer(1, 2, 99))], [])
  assert.deepEqual(ids(known.view).sort(), ['p1', 'p2'])
  assert.equal(known.view.find(({ id }) => id === 'p1')?.peer.sequence, 2)
  known.hear([told(peer(1, 1))], [])
  assert.equal(known.view.find(({ id }) => id === 'p1')?.peer.sequence, 2)
})

test('what others tell of who did not answer is not heard for 40 rounds; of 128 at most, the latest', () => {
  const known = ranked(200, 64)
  const all = many(130)
  known.hear(all.map(told), [])
  assert.equal(known.view.length, 130)
  for (const { id } of all.slice(0, 129)) known.missed(id)
  known.hear(all.map(told), [])
  assert.deepEqual(ids(known.view).sort(), ['p0', 'p129'])
  for (let round = 0; round < 40; round++) known.turn()
  known.hear(all.map(told), [])
  assert.ok(known.view.length > 100, `${known.view.length}`)
})

test('64 peers that answered are passed on beside those that hold a seat or a slot: the latest', () => {
  const known = ranked(2, 2)
  const all = many(200)
  known.hear(all.map(spoke), [])
  const passed = ids(known.tell(peer(999), 1000))
  assert.ok(passed.length >= 64 && passed.length <= 64 + 2 * (2 + 2), `${passed.length}`)
  for (const { id } of all.slice(-64)) assert.ok(passed.includes(id), id)
})

test('whoever is proven has answered: peers that others told of, or that spoke of themselves, are no samples', () => {
  const known = ranked(2, 32)
  const [answered, pushed, ...rumours] = many(60) as [PeerDescriptor, PeerDescriptor, ...PeerDescriptor[]]
  known.hear([spoke(answered)], [])
  known.pushed(pushed)
  // Until it has lived for 20 rounds, and holds 16 slots, a newcomer draws from its seats as well.
  const proven = rumours.splice(0, 20)
  for (let round = 0; round < 24; round++) {
    known.turn()
    known.hear([...proven.map(spoke), ...rumours.map(told)], [])
  }
  const samples = new Set(Array.from({ length: 50 }, () => ids(known.sample(8, () => true))).flat())
  const honest = new Set(ids([answered, ...proven]))
  assert.ok(samples.size >= 10, `${samples.size}`)
  assert.deepEqual(
    [...samples].filter((id) => !honest.has(id)),
    [],
  )
})
