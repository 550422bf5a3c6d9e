import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOrdered, misled, network, TOPIC, text } from '../network.fixture.ts'

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

test('who was cut off for minutes gets each message or is told that it will not, its own accepted ones too, and never both', () => {
  const bed = network({ nodes: 7, seed: 7 })
  const said = new Map<string, string>()
  const publish = (id: string, payload: string) => {
    const receipt = bed.node(id).publish(TOPIC, text(payload), { delivery: 'ordered' })
    if (receipt.status === 'accepted') said.set(receipt.id, payload)
  }
  bed.simulation.run(2000)
  publish('n1', 'the first opens the group')
  bed.simulation.run(40_000)
  bed.simulation.partition([['n4'], bed.ids.filter((id) => id !== 'n4')])
  for (let i = 0; i < 40; i++) {
    publish('n1', `one ${i}`)
    if (i % 4 === 0) publish('n4', `own ${i}`)
    bed.simulation.run(4000)
  }
  bed.simulation.heal()
  bed.simulation.run(60_000)
  publish('n1', 'afterwards')
  bed.simulation.run(120_000)
  const got = new Set(bed.got.get('n4')?.map(({ id }) => id))
  assert.equal(said.get([...got].at(-1) ?? ''), 'afterwards')
  assert.deepEqual(
    misled(bed, 'n4', said.keys()).map((one) => said.get(one)),
    [],
  )
})

test('who was left out and is back is told to miss what it missed, and nothing that comes: payloads are lost, and fetched', () => {
  const bed = network({ nodes: 6, seed: 2, loss: 0.2 })
  const said: string[] = []
  const publish = (id: string) => {
    const receipt = bed.node(id).publish(TOPIC, text('something'), { delivery: 'ordered' })
    if (receipt.status === 'accepted') said.push(receipt.id)
  }
  publish('n0')
  bed.simulation.run(20_000)
  bed.simulation.partition([
    ['n4', 'n5'],
    ['n0', 'n1', 'n2', 'n3'],
  ])
  for (let i = 0; i < 300; i++) {
    if (i === 60) bed.simulation.heal()
    publish(bed.ids[i % 6] as string)
    bed.simulation.run(100)
  }
  bed.simulation.run(170_000)
  for (const id of bed.ids) assert.deepEqual(misled(bed, id, said), [], id)
})

test('two groups that were founded apart become one while all publish: nobody gets a message twice, or one after a later one', () => {
  const bed = network({ nodes: 4 })
  const said: string[] = []
  const publish = (id: string) => {
    const receipt = bed.node(id).publish(TOPIC, text('something'), { delivery: 'ordered' })
    if (receipt.status === 'accepted') said.push(receipt.id)
  }
  bed.simulation.partition([bed.ids.slice(0, 2), bed.ids.slice(2)])
  for (const id of bed.ids) publish(id)
  bed.simulation.run(20_000)
  for (let i = 0; i < 60; i++) {
    if (i === 10) bed.simulation.heal()
    for (const id of bed.ids) publish(id)
    bed.simulation.run(100)
  }
  bed.simulation.run(170_000)
  assertOrdered(bed)
  for (const id of bed.ids) assert.deepEqual(misled(bed, id, said), [], id)
})
