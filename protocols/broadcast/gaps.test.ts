// What is lost is told, and nothing is given up on account of something else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../core/position.ts'
import { assertOrdered, delivered, network, TOPIC, text } from './network.fixture.ts'
import type { Missed } from './order.ts'
import { compose } from './publication.ts'

test('short-lived messages between durable ones cost none of those: what waits for a repair outlives its own time', () => {
  const bed = network({ nodes: 20, seed: 2, loss: 0.1 })
  bed.simulation.run(3000)
  const durable: string[] = []
  for (let i = 0; i < 40; i++) {
    const receipt = bed.node('n0').publish(TOPIC, text(`durable ${i}`))
    assert.equal(receipt.status, 'accepted')
    if (receipt.status === 'accepted') durable.push(receipt.id)
    bed.simulation.run(20)
    bed.node('n0').publish(TOPIC, text(`tick ${i}`), { ttl: 300 })
    bed.simulation.run(1980)
  }
  bed.simulation.run(30_000)
  assert.equal(delivered(bed, durable), 1)
  assertOrdered(bed)
})

test('a publisher that does not subscribe and speaks twice a minute: who was cut off is told what it did not get', () => {
  for (const subscribes of [true, false]) {
    const bed = network({ nodes: 10, seed: 3 })
    const got: string[] = []
    for (const id of bed.ids) {
      if (id === 'n0' && !subscribes) continue
      bed.node(id).subscribe('sensor', ({ payload }) => {
        if (id === 'n5') got.push(new TextDecoder().decode(payload))
      })
    }
    bed.simulation.run(2000)
    for (let i = 0; i < 6; i++) {
      if (i === 2) bed.simulation.partition([['n5'], bed.ids.filter((id) => id !== 'n5')])
      if (i === 4) bed.simulation.heal()
      assert.equal(bed.node('n0').publish('sensor', text(`m${i}`)).status, 'accepted')
      bed.simulation.run(31_000)
    }
    bed.simulation.run(30_000)
    const told = bed.missed.get('n5') ?? []
    const lost = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'].filter((name) => !got.includes(name))
    const covered = told.reduce((sum, { range }) => sum + range.last - range.first + 1, 0)
    assert.ok(lost.includes('m2'), 'nobody keeps it for so long')
    assert.equal(covered, lost.length, `subscribes: ${subscribes}, lost ${lost}, told ${JSON.stringify(told)}`)
  }
})

test('nobody is told to have missed what it got from a publisher that was forgotten meanwhile, for want of places', () => {
  const bed = network({ nodes: 6, options: { publishers: 4, retention: 20_000 } })
  const publish = (id: string) => assert.equal(bed.node(id).publish(TOPIC, text(id)).status, 'accepted')
  for (const id of ['n0', 'n1', 'n2']) publish(id)
  bed.simulation.run(150_000)
  for (const id of ['n3', 'n4', 'n5']) publish(id)
  bed.simulation.run(1000)
  publish('n0')
  bed.simulation.run(30_000)
  for (const id of bed.ids) {
    assert.equal(bed.got.get(id)?.length, 7, id)
    assert.deepEqual(bed.missed.get(id), [], id)
  }
})

test('who was cut off from a publisher that it had never heard is told of what it missed last, however long ago that was', () => {
  const bed = network({ nodes: 6 })
  bed.simulation.run(1000)
  bed.simulation.partition([['n5'], bed.ids.slice(0, 5)])
  assert.equal(bed.node('n0').publish(TOPIC, text('unheard')).status, 'accepted')
  bed.simulation.run(90_000)
  bed.simulation.heal()
  assert.equal(bed.node('n0').publish(TOPIC, text('heard')).status, 'accepted')
  bed.simulation.run(20_000)
  const told = bed.missed.get('n5')?.map(({ from, range }) => [from, range.last - range.first])
  assert.deepEqual([bed.got.get('n5')?.length, told], [1, [['n0', 0]]])
  for (const id of bed.ids.slice(0, 5)) assert.deepEqual(bed.missed.get(id), [], id)
})

test('who comes back to a topic and wants its past gets what it publishes itself at once: it waits for none of its own of before', () => {
  const bed = network({ nodes: 4 })
  bed.simulation.run(2000)
  assert.equal(bed.node('n0').publish('sensor', text('one')).status, 'accepted')
  bed.simulation.run(35_000)
  assert.deepEqual(
    bed
      .node('n0')
      .topics()
      .map(({ topic }) => topic),
    [TOPIC],
  )
  const got: string[] = []
  const onMessage = ({ payload }: { readonly payload: Uint8Array }) => void got.push(new TextDecoder().decode(payload))
  bed.node('n0').subscribe('sensor', { from: { past: 60_000 }, onMessage })
  for (const name of ['two', 'three']) bed.node('n0').publish('sensor', text(name))
  bed.simulation.run(100)
  assert.deepEqual(got, ['two', 'three'])
})

test('what comes after its window is told as missed, once, though nothing follows it', () => {
  const bed = network({ nodes: 3 })
  bed.simulation.run(1000)
  const receipt = bed.node('n0').publish(TOPIC, text('first'))
  assert.ok(receipt.status === 'accepted')
  bed.simulation.run(1000)
  const published = 1_700_000_000_000 + Math.round(bed.simulation.now)
  const previous = receipt.sequence
  const late = compose({
    publisher: 'n0',
    sequence: previous + 1,
    previous,
    elapsed: 10,
    published,
    topic: TOPIC,
    payload: text('late'),
  })
  bed.simulation.run(121_000)
  const { environment } = bed.simulation.node('n1')
  const message = { kind: 'data', publication: late, until: (positionOf('n2') + 1) % 2 ** 52 }
  for (let i = 0; i < 3; i++) {
    environment.send(bed.simulation.node('n2').self, { group: positionOf(TOPIC), delivery: 'bimodal', message })
  }
  bed.simulation.run(1000)
  const reason = 'it came too late to be taken'
  assert.deepEqual(bed.missed.get('n2'), [
    { topic: TOPIC, from: 'n0', range: { first: previous + 1, last: previous + 1 }, reason },
  ])
})

test('who is told of a gap publishes, and what waited after the gap has to make room: all that waited comes, once and in order', () => {
  const gaps: Missed[] = []
  let react = () => {}
  const missed = (gap: Missed) => {
    gaps.push(gap)
    react()
  }
  const options = { bufferBytes: 12_000, fanout: 0, told: 0 }
  const bed = network({ nodes: 2, options, init: (id) => (id === 'n1' ? { on: { missed } } : {}) })
  const publish = (id: string, bytes: number) => bed.node(id).publish(TOPIC, new Uint8Array(bytes))
  publish('n0', 10)
  bed.simulation.run(1000)
  bed.simulation.block('n0', 'n1')
  publish('n0', 10)
  bed.simulation.run(200)
  bed.simulation.heal()
  for (let i = 0; i < 4; i++) {
    publish('n0', 2000)
    bed.simulation.run(100)
  }
  react = () => {
    react = () => {}
    publish('n1', 4000)
  }
  bed.simulation.run(15_000)
  assertOrdered(bed)
  const first = bed.got.get('n1')?.[0]?.sequence ?? 0
  const others = bed.got.get('n1')?.filter(({ from }) => from === 'n0')
  assert.deepEqual(
    others?.map(({ sequence }) => sequence - first),
    [0, 2, 3, 4, 5],
  )
  assert.deepEqual(
    gaps.map(({ range }) => range),
    [{ first: first + 1, last: first + 1 }],
  )
})
