import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../../core/descriptor.ts'
import { Joiners } from './joiners.ts'
import { ORDERED_DEFAULTS } from './options.ts'
import type { Member, View } from './view.ts'

const { gather, heartbeat } = ORDERED_DEFAULTS

function member(name: string): Member {
  return { peer: describe({ id: name, addresses: [], sequence: 1, issued: 0 }), incarnation: 1 }
}

function view(members: number): View {
  return { number: 2, members: Array.from({ length: members }, (_, i) => member(`m${i}`)), start: 0 }
}

test('of more outsiders than are remembered the first come in, and when they are in others do, though all ask all the time', () => {
  const joiners = new Joiners(ORDERED_DEFAULTS)
  const small = view(3)
  const inside = new Set<string>()
  for (let now = 0; now < 60_000; now += heartbeat) {
    for (let i = 0; i < 200; i++) if (!inside.has(`o${i}`)) joiners.add(member(`o${i}`), true, now)
    assert.ok(joiners.size <= 64)
    if (!joiners.ripe(small, now, now)) continue
    for (const { peer } of joiners.chosen(small, now)) inside.add(peer.id)
  }
  assert.equal(inside.size, 200)
})

test('the larger the group the fewer come in at a time, and the longer it is until the next: by what that costs who leads it', () => {
  const joiners = new Joiners(ORDERED_DEFAULTS)
  for (let i = 0; i < 40; i++) joiners.add(member(`o${i}`), true, 0)
  const wait = (members: number) => {
    const group = view(members)
    let lasted = 0
    while (!joiners.ripe(group, gather, lasted)) lasted += 10
    const chosen = joiners.chosen(group, gather).length
    return { chosen, lasted, rate: chosen / Math.max(lasted, gather) }
  }
  const [few, some, many] = [wait(4), wait(100), wait(127)]
  const found = JSON.stringify([few, some, many])
  assert.equal(few.chosen, 16, found)
  assert.ok(few.lasted < gather && some.lasted > gather, found)
  assert.ok(few.rate > some.rate && some.rate >= many.rate, found)
})
