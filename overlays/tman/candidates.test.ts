import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Candidates } from './candidates.ts'

const base = describe({ id: 'base', addresses: [], sequence: 1, issued: 0 })
/** Few ids and positions, so that both collide, and positions that share their low bits. */
const peer = fc.record({ id: fc.nat(40), sequence: fc.nat(3) }).map(({ id, sequence }): PeerDescriptor => {
  return { ...base, id: `n${id}`, position: (id % 5) * 2 ** 40 + (id % 3), sequence }
})

test('whatever is added in whatever order, every id is there once, with its newest descriptor, as in a map', () => {
  const candidates = new Candidates() // one object throughout, as it is used
  fc.assert(
    fc.property(
      fc.uniqueArray(peer, { selector: ({ id }) => id, maxLength: 40 }),
      fc.array(peer, { maxLength: 300 }),
      (view, added) => {
        const expected = new Map(view.map((one) => [one.id, one]))
        candidates.restart(view)
        for (const one of added) {
          const known = expected.get(one.id)
          assert.equal(candidates.knows(one), known !== undefined && known.sequence >= one.sequence)
          if (known === undefined || known.sequence < one.sequence) expected.set(one.id, one)
          candidates.add(one)
        }
        assert.deepEqual(candidates.peers, [...expected.values()])
      },
    ),
    { numRuns: 300 },
  )
})

test('many more peers than the table had places at first', () => {
  const candidates = new Candidates()
  const many = Array.from({ length: 5000 }, (_, i) => ({ ...base, id: `n${i}`, position: i }))
  candidates.restart(many.slice(0, 2000))
  for (const one of many) candidates.add(one)
  assert.deepEqual(candidates.peers, many)
  candidates.restart([])
  assert.ok(!candidates.knows(many[0] as PeerDescriptor))
})
