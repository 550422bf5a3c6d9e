import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../../core/position.ts'
import { signClaim } from '../adaptive/claims.ts'
import type { Receipt } from '../broadcast.ts'
import { type Bed, network, TOPIC } from '../network.fixture.ts'
import { DEFAULTS } from '../options.ts'
import { MAX_PART_BYTES } from '../publication.ts'

const HOW = { delivery: 'epidemic' } as const

/** n0 among five; n1 to n4 have next to no room: in their lanes' stores, or in the delivery's own buffers. */
function shortOf(room: 'stores' | 'events') {
  const bed = network({ nodes: 5 })
  bed.simulation.run(3000)
  const claim = () => {
    const issued = bed.simulation.node('n1').environment.now()
    const claims = bed.ids.slice(1).map((id) => signClaim({ id, group: `epidemic/${TOPIC}`, buffer: 0, issued }))
    const gossip = { ask: false, events: [], claims, subscriptions: [] }
    const told = room === 'stores' ? { message: undefined, claims } : { message: gossip }
    bed.node('n0').receive(bed.simulation.node('n1').self, { group: positionOf(TOPIC), delivery: 'epidemic', ...told })
  }
  bed.simulation.node('n1').environment.every(2000, claim)
  return bed
}

function publish(bed: Bed, bytes: number): Receipt {
  return bed.node('n0').publish(TOPIC, new Uint8Array(bytes), HOW)
}

for (const parts of [1, 2, 9]) {
  test(`messages of ${parts} parts: no more of these go than the rate allows, for each is an event in the buffers`, () => {
    const bed = shortOf('events')
    // The last message may take more than the bucket holds.
    let [sent, allowed] = [0, DEFAULTS.burst + parts]
    for (let turn = 0; turn < 1200; turn++) {
      if (publish(bed, parts * MAX_PART_BYTES).status === 'accepted') sent += parts
      allowed += (bed.node('n0').topics()[0]?.rate as number) / 20
      bed.simulation.run(50)
    }
    assert.ok((bed.node('n0').topics()[0]?.rate as number) < 8)
    assert.ok(sent <= allowed && sent > 0.8 * allowed, `${sent} of ${allowed}`)
  })
}

test('who is put off because stores are short pays nothing for that to the delivery, however often it asks', () => {
  const bed = shortOf('stores')
  for (let turn = 0; turn < 600; turn++) {
    publish(bed, 20)
    bed.simulation.run(50)
  }
  const admitted = () => bed.node('n0').topics()[0]?.rate as number
  assert.ok(admitted() < 8)
  for (let again = 0; again < 200; again++) {
    const receipt = publish(bed, 20)
    assert.ok(
      receipt.status === 'accepted' || (receipt.status === 'delayed' && receipt.rate < 8),
      JSON.stringify(receipt),
    )
  }
  const own = bed.node('n0').topics()[0]?.lanes.epidemic?.delivery.admission as Record<string, unknown>
  assert.deepEqual([own.rate, own.delayed ?? 0], [DEFAULTS.rate, 0])
})
