import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDelivery } from './deliveries.ts'
import { assertOrdered, network, TOPIC, text } from './network.fixture.ts'
import { DELIVERY_NAMES } from './publication.ts'

for (const delivery of DELIVERY_NAMES) {
  test(`${delivery}, behind the one interface, signed and on the wire: all subscribers get everything once, in order`, () => {
    assert.ok(isDelivery(delivery))
    const bed = network({ nodes: 10, wire: true, seed: 4 })
    const published: string[] = []
    // What is ordered before a member comes in is not brought after: all are in first.
    const warmUp = delivery === 'ordered' ? 1 : 0
    for (let i = -warmUp, tries = 0; i < 20; tries++) {
      const node = bed.simulation.node(bed.ids[Math.abs(i) % 3] as string)
      const receipt = node.protocol.publish(TOPIC, text(`${i}`), { delivery })
      if (receipt.status === 'accepted') {
        if (i >= 0) published.push(receipt.id)
        else bed.simulation.run(15_000)
        i++
      }
      // Reliable first learns who is in the group, ordered agrees on it.
      assert.ok(receipt.status === 'accepted' || (receipt.status === 'delayed' && tries < 40), JSON.stringify(receipt))
      bed.simulation.run(receipt.status === 'delayed' ? Math.max(1, receipt.until - node.environment.now()) : 500)
    }
    bed.simulation.run(15_000)
    for (const id of bed.ids) {
      const got = (bed.got.get(id) ?? []).map((message) => message.id).filter((one) => published.includes(one))
      assert.deepEqual(got.toSorted(), published.toSorted(), id)
    }
    assertOrdered(bed)
    assert.deepEqual(bed.simulation.tally.toJSON(), {}, 'nothing malformed, forged or lost')
  })
}
