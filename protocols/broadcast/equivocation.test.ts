import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../core/position.ts'
import type { Equivocation } from './equivocation.ts'
import { count, forge, push, refused } from './forged.fixture.ts'
import { network, TOPIC, text } from './network.fixture.ts'
import type { Publication } from './publication.ts'

test('two payloads under one sequence number: the first stays, the second is refused, and both are kept as a proof', () => {
  const proofs: Equivocation[] = []
  const init = (id: string) =>
    id === 'n2' ? { on: { equivocation: (proof: Equivocation) => proofs.push(proof) } } : {}
  const bed = network({ nodes: 3, seed: 1, wire: true, init })
  const sign = bed.signs.get('n0')
  const two = ['one', 'two'].map((payload) => forge(bed, { payload: text(payload) }, sign)) as [
    Publication,
    Publication,
  ]
  for (const publication of [...two, ...two]) {
    push(bed, 'n1', 'n2', publication)
    bed.simulation.run(200)
  }
  assert.deepEqual(
    bed.got.get('n2')?.map(({ payload }) => new TextDecoder().decode(payload)),
    ['one'],
  )
  assert.equal(refused(bed, 'n2', 'equivocation'), 2)
  assert.equal(proofs.length, 1)
  assert.deepEqual(proofs[0]?.records, [two[0].record, two[1].record])
  assert.equal(bed.node('n2').status().equivocations, 1)
})

test('one sequence number under two deliveries or two topics is an equivocation, too: the first stays', () => {
  for (const [topic, delivery] of [
    [TOPIC, 'anonymous'],
    ['other', 'bimodal'],
  ] as const) {
    const bed = network({ nodes: 3, wire: true })
    const got: string[] = []
    bed.node('n2').subscribe('other', ({ payload }) => got.push(new TextDecoder().decode(payload)))
    const sign = bed.signs.get('n0')
    push(bed, 'n1', 'n2', forge(bed, { payload: text('one') }, sign))
    bed.simulation.run(200)
    const publication = forge(bed, { topic, delivery, payload: text('two') }, sign)
    const message =
      delivery === 'anonymous'
        ? { kind: 'flood', publication }
        : { kind: 'data', publication, until: positionOf('n2') + 1 }
    const { environment } = bed.simulation.node('n1')
    environment.send(bed.simulation.node('n2').self, { group: positionOf(topic), delivery, message })
    bed.simulation.run(200)
    for (const { payload } of bed.got.get('n2') ?? []) got.push(new TextDecoder().decode(payload))
    assert.deepEqual(got, ['one'])
    assert.equal(refused(bed, 'n2', 'equivocation'), 1)
    assert.equal(bed.node('n2').proofs().length, 1)
  }
})

test('one publication sent again as of another topic or delivery is no equivocation: nobody frames its publisher', () => {
  const bed = network({ nodes: 3, wire: true })
  bed.node('n2').subscribe('other', () => assert.fail('it is of another topic'))
  const publication = forge(bed, {}, bed.signs.get('n0'))
  push(bed, 'n1', 'n2', publication)
  bed.simulation.run(200)
  const { environment } = bed.simulation.node('n1')
  const to = bed.simulation.node('n2').self
  const flood = { kind: 'flood', publication }
  environment.send(to, { group: positionOf(TOPIC), delivery: 'anonymous', message: flood })
  environment.send(to, { group: positionOf('other'), delivery: 'anonymous', message: flood })
  bed.simulation.run(200)
  assert.deepEqual(bed.node('n2').proofs(), [])
  assert.deepEqual([refused(bed, 'n2', 'other-delivery'), refused(bed, 'n2', 'other-topic')], [1, 1])
  assert.equal(count(bed, 'n2'), 1)
})

test('epidemic: a second payload under a number that is held is counted, proven, and neither delivered nor passed on', () => {
  const bed = network({ nodes: 3, wire: true })
  const [one, two] = ['one', 'two'].map((payload) =>
    forge(bed, { delivery: 'epidemic', payload: text(payload) }, bed.signs.get('n0')),
  ) as [Publication, Publication]
  for (const publication of [one, two, one]) {
    const message = { ask: false, events: [{ publication, age: 0 }], claims: [], subscriptions: [] }
    const { environment } = bed.simulation.node('n1')
    environment.send(bed.simulation.node('n2').self, { group: positionOf(TOPIC), delivery: 'epidemic', message })
    bed.simulation.run(100)
  }
  assert.deepEqual([refused(bed, 'n2', 'equivocation'), bed.node('n2').proofs().length], [1, 1])
  bed.simulation.run(20_000)
  for (const id of ['n1', 'n2']) {
    const got = bed.got.get(id)?.map(({ payload }) => new TextDecoder().decode(payload))
    assert.deepEqual(got, ['one'], id)
  }
})

test('proofs of equivocation are bounded', () => {
  const bed = network({ nodes: 2 })
  for (let i = 0; i < 40; i++) {
    for (const payload of ['one', 'two'])
      push(bed, 'n0', 'n1', forge(bed, { publisher: `p${i}`, payload: text(payload) }))
  }
  bed.simulation.run(1000)
  assert.equal(bed.node('n1').status().equivocations, 16)
  assert.equal(refused(bed, 'n1', 'equivocation'), 40)
})
