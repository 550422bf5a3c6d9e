// A group survives whatever becomes of those whom it lets in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bed, network, TOPIC, text } from '../network.fixture.ts'

function statusOf(bed: Bed, id: string): { readonly members: readonly string[] } {
  return bed.node(id).topics()[0]?.lanes.ordered?.delivery as unknown as { readonly members: readonly string[] }
}

function publish(bed: Bed, id: string, payload: string): void {
  const receipt = bed.node(id).publish(TOPIC, text(payload), { delivery: 'ordered' })
  assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
}

function gotten(bed: Bed, id: string): string[] {
  return (bed.got.get(id) ?? []).map(({ payload }) => new TextDecoder().decode(payload))
}

for (const [members, joiners] of [
  [2, 2],
  [2, 4],
  [3, 5],
] as const) {
  test(`${joiners} come in at once and die as soon as they are in: the ${members} who were there go on`, () => {
    const bed = network({ nodes: members + joiners })
    const old = bed.ids.slice(0, members)
    const others = bed.ids.slice(members)
    for (const id of others) bed.down.add(id)
    bed.simulation.partition([old, others])
    publish(bed, 'n0', 'first')
    bed.simulation.run(15_000)
    bed.simulation.heal()
    bed.down.clear()
    publish(bed, 'n0', 'second')
    const isLarger = () => statusOf(bed, 'n0').members.length > members
    assert.ok(bed.simulation.runUntil(isLarger, 20_000, 25))
    for (const id of others) {
      bed.simulation.kill(id)
      bed.down.add(id)
    }
    bed.simulation.run(20_000)
    publish(bed, 'n1', 'third')
    bed.simulation.run(5000)
    for (const id of old) assert.deepEqual(gotten(bed, id), ['first', 'second', 'third'], id)
    assert.deepEqual([...statusOf(bed, 'n0').members].sort(), old)
  })
}
