import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, type PeerDescriptor } from '../../../core/descriptor.ts'
import { positionOf } from '../../../core/position.ts'
import { Bufferers } from './bufferers.ts'

function group(size: number): PeerDescriptor[] {
  return Array.from({ length: size }, (_, i) => describe({ id: `n${i}`, addresses: [], sequence: 0, issued: 0 }))
}

const PUBLISHER = positionOf('publisher')
const lack = (sequence: number) => ({ publisher: PUBLISHER, sequence, since: 0 })

test('who knows the whole group finds the members that keep a publication, exactly C, and the load is shared', () => {
  for (const size of [2, 3, 60, 500]) {
    const members = group(size)
    const all = new Map(
      members.map((self) => {
        const bufferers = new Bufferers(self, 4)
        bufferers.turn(members)
        return [self.id, bufferers]
      }),
    )
    const kept = new Map<string, number>()
    let found = 0
    let others = 0
    for (let sequence = 1; sequence <= 500; sequence++) {
      const keepers = [...all].filter(([, bufferers]) => bufferers.keeps(PUBLISHER, sequence)).map(([id]) => id)
      assert.equal(keepers.length, Math.min(4, size))
      for (const id of keepers) kept.set(id, (kept.get(id) ?? 0) + 1)
      const [asker] = members as [PeerDescriptor]
      const asked = (all.get(asker.id) as Bufferers).of(lack(sequence)).map(({ id }) => id)
      if (keepers.includes(asker.id)) continue // it does not ask
      assert.ok(asked.every((id) => keepers.includes(id)))
      found += asked.length
      others += keepers.length
    }
    assert.ok(found >= 0.95 * others, `${found} of ${others} are found`)
    const most = Math.max(...kept.values())
    assert.ok(most <= Math.min(1, 24 / size) * 500, `${most} of 500 kept by one of ${size}`)
  }
})

test('with partial knowledge: its own neighbours are enough to know what to keep, and it asks those who keep it, often', () => {
  const members = group(500)
  const sorted = members.toSorted((a, b) => a.position - b.position)
  const all = new Map<string, Bufferers>()
  for (const [i, self] of sorted.entries()) {
    const bufferers = new Bufferers(self, 4)
    const near = [-4, -3, -2, -1, 1, 2, 3, 4].map((d) => sorted[(i + d + 500) % 500] as PeerDescriptor)
    bufferers.turn([...new Set([...near, ...members.slice(i % 100, (i % 100) + 60)])])
    all.set(self.id, bufferers)
  }
  let asked = 0
  let right = 0
  for (let sequence = 1; sequence <= 200; sequence++) {
    const keepers = new Set([...all].filter(([, one]) => one.keeps(PUBLISHER, sequence)).map(([id]) => id))
    assert.equal(keepers.size, 4)
    for (const [id, bufferers] of all) {
      if (keepers.has(id)) continue
      for (const peer of bufferers.of(lack(sequence)).slice(0, 1)) {
        asked++
        if (keepers.has(peer.id)) right++
      }
    }
  }
  assert.ok(right > asked * 0.4, `${right} of ${asked}, where at random 1 of 125 would`)
})
