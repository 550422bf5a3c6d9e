import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network, TOPIC, text } from '../network.fixture.ts'

test('subscribers of an ordered topic all see one order, whoever publishes; over the real wire format, signed', () => {
  const bed = network({ nodes: 9, seed: 3, wire: true, loss: 0.05 })
  const publish = (id: string, payload: string) => {
    const receipt = bed.node(id).publish(TOPIC, text(payload), { delivery: 'ordered' })
    assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
  }
  publish('n0', 'the first opens the group')
  bed.simulation.run(8000)
  for (let i = 0; i < 20; i++) {
    for (const id of ['n1', 'n4', 'n7']) publish(id, `${id} says ${i}`)
    bed.simulation.run(100)
  }
  bed.simulation.run(5000)
  const order = (id: string) => bed.got.get(id)?.map((delivery) => delivery.id)
  assert.equal(order('n0')?.length, 61)
  for (const id of bed.ids) assert.deepEqual(order(id), order('n0'), id)
})
