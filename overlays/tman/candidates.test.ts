import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, MAX_DESCRIPTOR_AGE, type PeerDescriptor } from '../../core/descriptor.ts'
import { Candidates } from './candidates.ts'

const base = describe({ id: 'base', addresses: [], sequence: 1, issued: 0 })
/** Few ids and positions, so that both collide, and positions that share their low bits. */
const peer = fc.record({ id: fc.nat(40), sequence: fc.nat(3) }).map(({ id, sequence }): PeerDescriptor => {
  return { ...base, id: `n${id}`, position: (id % 5) * 2 ** 40 + (id % 3), sequence }
})

const self = { ...base, id: 'self', position: 1 }

test('whatever is added in whatever order, every id is there once, with its newest descriptor, as in a map', () => {
  const candidates = new Candidates() // one object throughout, as it is used
  const view = fc.uniqueArray(peer, { selector: ({ id }) => id, maxLength: 40 })
  fc.assert(
    fc.property(view, fc.array(fc.array(peer, { maxLength: 100 }), { maxLength: 5 }), (members, lists) => {
      const expected = new Map(members.map((one) => [one.id, one]))
      candidates.restart(members)
      for (const list of lists) {
        for (const one of list) {
          if ((expected.get(one.id)?.sequence ?? -1) < one.sequence) expected.set(one.id, one)
        }
        assert.equal(candidates.add([self, ...list, { ...self }], list.length + 2, self, 0), 0)
      }
      assert.deepEqual(candidates.peers, [...expected.values()])
    }),
    { numRuns: 300 },
  )
})

test('only the first so many are added, and of these nobody stale, which is counted', () => {
  const candidates = new Candidates()
  const [old, fresh, third] = [0, MAX_DESCRIPTOR_AGE, MAX_DESCRIPTOR_AGE].map((issued, i) => {
    return { ...base, id: `n${i}`, position: i, issued }
  }) as [PeerDescriptor, PeerDescriptor, PeerDescriptor]
  candidates.restart([])
  assert.equal(candidates.add([old, fresh, third], 2, self, MAX_DESCRIPTOR_AGE + 1), 1)
  assert.deepEqual(candidates.peers, [fresh])
})

test('many more peers than there was room for at first', () => {
  const candidates = new Candidates()
  const many = Array.from({ length: 5000 }, (_, i) => ({ ...base, id: `n${i}`, position: i }))
  candidates.restart(many.slice(0, 2000))
  candidates.add(many, many.length, self, 0)
  assert.deepEqual(candidates.peers, many)
  candidates.restart([])
  candidates.add([], 0, self, 0)
  assert.deepEqual(candidates.peers, [])
})
