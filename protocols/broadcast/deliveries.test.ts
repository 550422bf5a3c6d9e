import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRunnable } from './deliveries.ts'
import { assertOrdered, network, TOPIC, text } from './network.fixture.ts'
import { DELIVERY_NAMES } from './publication.ts'

for (const delivery of DELIVERY_NAMES) {
  test(`${delivery}, behind the one interface, signed and on the wire: all subscribers get everything once, in order`, () => {
    assert.ok(isRunnable(delivery))
    const bed = network({ nodes: 10, wire: true, seed: 4, init: () => ({ options: { fanout: 1 } }) })
    bed.simulation.run(30_000) // reliable measures its links, ordered agrees on its members
    const published: string[] = []
    for (let i = 0; i < 20; i++) {
      const receipt = bed.node(bed.ids[i % 3] as string).publish(TOPIC, text(`${i}`), { delivery })
      assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
      if (receipt.status === 'accepted') published.push(receipt.id)
      bed.simulation.run(500)
    }
    bed.simulation.run(15_000)
    for (const id of bed.ids) {
      const got = bed.got.get(id)?.map((message) => message.id) ?? []
      assert.deepEqual(got.toSorted(), published.toSorted(), id)
    }
    assertOrdered(bed)
    assert.deepEqual(bed.simulation.tally.toJSON(), {}, 'nothing malformed, forged or lost')
  })
}
