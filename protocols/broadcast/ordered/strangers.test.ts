// What nodes that are no members can do to a group, and what only its members can.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../../core/descriptor.ts'
import { positionOf } from '../../../core/position.ts'
import { type Bed, network, TOPIC, text, total } from '../network.fixture.ts'
import { message } from './messages.fixture.ts'
import type { OrderedBody, OrderedFrame } from './messages.ts'

const GROUP = positionOf(TOPIC)
/** Connected, and in nobody's contacts: it takes no part in the topic. */
const STRANGER = describe({ id: 'stranger', addresses: [], sequence: 0, issued: 0 })

interface Status {
  readonly state: string
  readonly reason: string
  readonly incarnation: number
  readonly lineage: number
  readonly view: number
  readonly members: readonly string[]
}

function statusOf(bed: Bed, id: string): Status {
  return bed.node(id).topics()[0]?.lanes.ordered?.delivery as unknown as Status
}

function publish(bed: Bed, id: string, payload: string): void {
  const receipt = bed.node(id).publish(TOPIC, text(payload), { delivery: 'ordered' })
  assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
}

function gotten(bed: Bed, id: string): string[] {
  return (bed.got.get(id) ?? []).map(({ payload }) => new TextDecoder().decode(payload))
}

/** A group of so many, all in one view. */
function founded(nodes = 6): Bed {
  const bed = network({ nodes })
  publish(bed, 'n0', 'the first opens the group')
  bed.simulation.run(15_000)
  for (const id of bed.ids) assert.equal(statusOf(bed, id).members.length, nodes)
  return bed
}

function say(bed: Bed, from: PeerDescriptor, to: string, frame: OrderedFrame): void {
  bed.node(to).receive(from, { group: GROUP, delivery: 'ordered', message: frame })
}

/** Each of these ended the group for good while members believed it of anybody: evicted by hearsay, none of them founded another. */
const ATTACKS: Record<string, (status: Status) => Omit<OrderedFrame, 'incarnation'>> = {
  'gone from a later view': ({ lineage }) => ({ lineage, view: 999, body: { kind: 'gone' } }),
  'anything from a later view': ({ lineage }) => ({
    lineage,
    view: 999,
    body: { kind: 'ack', held: 0, sealed: false },
  }),
  'a succession without any of them': ({ lineage, view, members }) => {
    const value = { removed: [...members.keys()], joined: [], first: 2, tail: [] }
    return { lineage, view, body: { kind: 'decided', value } }
  },
  'an older group': () => ({ lineage: 1, view: 1, body: { kind: 'pointer', leader: STRANGER, live: true } }),
}

for (const [name, attack] of Object.entries(ATTACKS)) {
  test(`a stranger tells every member of ${name}: nobody leaves, and the group goes on`, () => {
    const bed = founded()
    const before = statusOf(bed, 'n0')
    for (let i = 0; i < 60; i++) {
      for (const id of bed.ids) say(bed, STRANGER, id, { incarnation: 1, ...attack(before) })
      bed.simulation.run(500)
      for (const id of bed.ids) assert.equal(statusOf(bed, id).state, 'member', id)
    }
    publish(bed, 'n3', 'after')
    bed.simulation.run(5000)
    for (const id of bed.ids) {
      assert.equal(statusOf(bed, id).view, before.view)
      assert.deepEqual(gotten(bed, id), ['the first opens the group', 'after'])
    }
    const refused = total(bed, 'refused', 'hearsay') + total(bed, 'refused', 'stranger')
    assert.equal(refused, 60 * bed.ids.length)
  })

  test(`from one whom a member must believe, ${name} ends it: it comes back as another`, () => {
    const bed = founded()
    const { incarnation } = statusOf(bed, 'n0')
    const before = statusOf(bed, 'n4')
    say(bed, bed.simulation.node('n0').self, 'n4', { incarnation, ...attack(before) })
    for (let i = 0; i < 120 && statusOf(bed, 'n4').state !== 'outside'; i++) bed.simulation.run(100)
    assert.equal(statusOf(bed, 'n4').state, 'outside')
    bed.simulation.run(20_000)
    assert.equal(statusOf(bed, 'n4').state, 'member')
    assert.ok(statusOf(bed, 'n4').incarnation > before.incarnation)
  })
}

test('whatever a stranger says, of whichever view and group, no member leaves and no view ends', () => {
  const bed = founded(4)
  const { lineage, view } = statusOf(bed, 'n0')
  const bodies = message
    .filter((one) => !('bimodal' in one))
    .map((one) => (one as OrderedFrame).body)
    .filter(({ kind }) => kind !== 'hello') // with which a stranger becomes a member
  fc.assert(
    fc.property(
      bodies,
      fc.constantFrom(lineage, lineage, 1, lineage + 1),
      fc.constantFrom(0, view - 1, view, view + 1, 999),
      fc.constantFrom(...bed.ids),
      (body: OrderedBody, whose, of, to) => {
        say(bed, STRANGER, to, { lineage: whose, view: of, incarnation: 1, body })
        bed.simulation.run(100)
        assert.deepEqual([statusOf(bed, to).state, statusOf(bed, to).view], ['member', view])
      },
    ),
    { numRuns: 400 },
  )
  publish(bed, 'n1', 'after')
  bed.simulation.run(5000)
  for (const id of bed.ids) assert.equal(gotten(bed, id).at(-1), 'after')
})

test('while the leader is silent, too: a stranger says that they are gone, and the others elect another', () => {
  const bed = founded()
  const before = statusOf(bed, 'n0')
  const ring = bed.ids.toSorted((a, b) => positionOf(a) - positionOf(b))
  const leader = ring[0] as string
  const others = ring.slice(1)
  bed.simulation.kill(leader)
  for (let i = 0; i < 60; i++) {
    for (const id of others) {
      for (const attack of Object.values(ATTACKS)) say(bed, STRANGER, id, { incarnation: 1, ...attack(before) })
    }
    bed.simulation.run(250)
    for (const id of others) assert.notEqual(statusOf(bed, id).state, 'outside')
  }
  publish(bed, others[2] as string, 'after')
  bed.simulation.run(5000)
  for (const id of others) {
    assert.deepEqual(statusOf(bed, id).members, others)
    assert.equal(gotten(bed, id).at(-1), 'after')
  }
})

test('a part without a majority outlasts a stranger who says that they are gone, and goes on when it is healed', () => {
  const bed = founded()
  const ring = bed.ids.toSorted((a, b) => positionOf(a) - positionOf(b))
  const before = statusOf(bed, 'n0')
  const incarnations = ring.map((id) => statusOf(bed, id).incarnation)
  bed.simulation.partition([ring.slice(0, 2), ring.slice(2, 4), ring.slice(4)])
  for (let i = 0; i < 120; i++) {
    for (const id of ring) {
      for (const attack of Object.values(ATTACKS)) say(bed, STRANGER, id, { incarnation: 1, ...attack(before) })
    }
    bed.simulation.run(250)
  }
  for (const [i, id] of ring.entries()) {
    assert.deepEqual([statusOf(bed, id).state, statusOf(bed, id).incarnation], ['stalled', incarnations[i]], id)
  }
  bed.simulation.heal()
  bed.simulation.run(15_000)
  publish(bed, 'n2', 'after')
  bed.simulation.run(5000)
  for (const id of ring) assert.equal(statusOf(bed, id).members.length, 6)
  for (const id of ring) assert.equal(gotten(bed, id).at(-1), 'after', id)
})

test('hearsay of one who takes part in the topic counts for nothing once the leader is heard again', () => {
  const bed = founded()
  const ring = bed.ids.toSorted((a, b) => positionOf(a) - positionOf(b))
  const [leader, teller, last] = [ring[0], ring[1], ring[5]] as [string, string, string]
  const before = statusOf(bed, last)
  const hear = (ms: number) => {
    for (let i = 0; i < ms; i += 500) {
      // As if it had forgotten that it was a member.
      const frame = { incarnation: 1, lineage: before.lineage, view: 999, body: { kind: 'gone' as const } }
      say(bed, bed.simulation.node(teller).self, last, frame)
      bed.simulation.run(500)
    }
  }
  hear(30_000)
  assert.equal(statusOf(bed, last).state, 'member')
  assert.equal(total(bed, 'refused', 'hearsay', [last]), 60)
  bed.simulation.block(leader, last)
  hear(6000)
  assert.equal(statusOf(bed, last).state, 'stalled')
  assert.ok(total(bed, 'refused', 'hearsay', [last]) < 72, 'some of it was kept in mind')
  bed.simulation.heal()
  bed.simulation.run(30_000)
  const { state, view, incarnation } = statusOf(bed, last)
  assert.deepEqual([state, view, incarnation], ['member', before.view, before.incarnation])
})

test('who was cut off and left out learns it, also when all whom it knew have forgotten since and are others', () => {
  const bed = founded()
  const before = statusOf(bed, 'n5')
  bed.simulation.partition([['n5'], bed.ids.slice(0, 5)])
  bed.simulation.run(10_000)
  for (const id of bed.ids.slice(0, 5)) {
    bed.simulation.kill(id)
    bed.simulation.restart(id, bed.make(id))
    publish(bed, id, `${id} is back`) // opens the lane
    bed.simulation.run(10_000)
    assert.equal(statusOf(bed, id).state, 'member', id)
  }
  bed.simulation.heal()
  bed.simulation.run(6000)
  assert.deepEqual([statusOf(bed, 'n5').state, statusOf(bed, 'n5').incarnation], ['stalled', before.incarnation])
  bed.simulation.run(20_000)
  assert.equal(statusOf(bed, 'n5').state, 'member')
  assert.ok(statusOf(bed, 'n5').incarnation > before.incarnation)
  assert.equal(statusOf(bed, 'n5').members.length, 6)
})

test('two groups that were founded apart become one when they meet', () => {
  const bed = network({ nodes: 8 })
  const parts = [bed.ids.slice(0, 4), bed.ids.slice(4)]
  bed.simulation.partition(parts)
  publish(bed, 'n0', 'here')
  publish(bed, 'n4', 'there')
  bed.simulation.run(20_000)
  assert.equal(new Set(bed.ids.map((id) => statusOf(bed, id).lineage)).size, 2)
  bed.simulation.heal()
  bed.simulation.run(20_000)
  for (const id of bed.ids) assert.equal(statusOf(bed, id).members?.length, 8, id)
})
