import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { network, TOPIC, text } from '../network.fixture.ts'

test('what was published while no other member was known is sent to the first one, the last 64 of it, once', () => {
  const contacts: PeerDescriptor[] = []
  const bed = network({
    nodes: 2,
    options: { fanout: 0, rate: 1000, burst: 1000 },
    init: (id) => (id === 'n0' ? { contacts: () => contacts } : {}),
  })
  for (let i = 0; i < 70; i++) bed.node('n0').publish(TOPIC, text(`${i}`))
  assert.equal(bed.node('n0').status().most.early, 64)
  bed.simulation.run(5000)
  assert.equal(bed.node('n1').status().done.copies ?? 0, 0)
  contacts.push(bed.simulation.node('n1').self)
  bed.simulation.run(15_000)
  assert.equal(bed.node('n0').status().most.early, 0)
  assert.equal(bed.node('n1').status().done.copies, 64)
  assert.equal(bed.got.get('n1')?.length, 64)
  assert.equal(bed.missed.get('n1')?.length, 1, 'those before are told as missed')
})

test('1024 pieces that were handed on are remembered at most, and each for ten seconds', () => {
  const bed = network({ nodes: 20, options: { fanout: 0, rate: 10_000, burst: 10_000 } })
  for (let i = 0; i < 300; i++) bed.node('n0').publish(TOPIC, text(`${i}`))
  assert.ok((bed.node('n0').status().done.forwarded ?? 0) > 1500)
  assert.equal(bed.node('n0').status().most.handovers, 1024)
  bed.simulation.run(9000)
  assert.equal(bed.node('n0').status().most.handovers, 1024)
  bed.simulation.run(2000)
  assert.equal(bed.node('n0').status().most.handovers, 0)
})
