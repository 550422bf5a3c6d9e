import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../core/position.ts'
import { type Bed, network, TOPIC, text } from './network.fixture.ts'

const sent = (bed: Bed) => bed.simulation.nodes.reduce((sum, node) => sum + node.sent.messages, 0)
const lanes = (bed: Bed) => bed.ids.reduce((sum, id) => sum + bed.node(id).status().lanes, 0)

for (const delivery of ['bimodal', 'epidemic', 'reliable', 'anonymous'] as const) {
  test(`${delivery}: a group that nobody publishes to any more falls silent; and comes back with the next message`, () => {
    const bed = network({ nodes: 8, seed: 4 })
    const publish = () => {
      for (let tries = 0; tries < 40; tries++) {
        const receipt = bed.node('n0').publish(TOPIC, text('x'), { delivery })
        if (receipt.status === 'accepted') return receipt.id
        bed.simulation.run(500)
      }
      return assert.fail('it is never accepted')
    }
    const published = [publish()]
    bed.simulation.run(10_000)
    assert.equal(lanes(bed), 8)
    bed.simulation.run(450_000)
    assert.equal(lanes(bed), 0)
    const before = sent(bed)
    bed.simulation.run(10_000)
    assert.equal(sent(bed), before)
    published.push(publish())
    bed.simulation.run(10_000)
    for (const id of bed.ids)
      assert.deepEqual(
        bed.got.get(id)?.map((message) => message.id),
        published,
        id,
      )
    assert.deepEqual([...bed.missed.values()].flat(), [], 'what was forgotten had come')
  })
}

test('what a member said that it wants outlasts silence: the next message comes as it rated, without being asked again', () => {
  const bed = network({ nodes: 4, seed: 4 })
  let got = 0
  for (const id of bed.ids) bed.node(id).subscribe('rated', { rating: id === 'n0' ? 0.5 : 1, onMessage: () => got++ })
  bed.simulation.run(450_000)
  for (const id of bed.ids) {
    const lanes =
      bed
        .node(id)
        .topics()
        .find(({ topic }) => topic === 'rated')?.lanes ?? {}
    assert.deepEqual(Object.keys(lanes), ['gravitational'], id)
  }
  assert.equal(bed.node('n1').publish('rated', text('x'), { delivery: 'gravitational' }).status, 'accepted')
  bed.simulation.run(1000)
  assert.ok(got >= 3, `${got}`)
})

test('one message of a stranger does not make a group run a delivery for ever; one that says nobody uses it opens nothing', () => {
  const bed = network({ nodes: 8, seed: 4 })
  bed.simulation.run(1000)
  const send = (idle: number) => {
    const [n0, n1] = [bed.simulation.node('n0'), bed.simulation.node('n1')]
    const message = { kind: 'digest', round: 1, holdings: [], partial: false } as never
    n0.environment.send(n1.self, { group: positionOf(TOPIC), delivery: 'bimodal', idle, message })
    bed.simulation.run(1000)
  }
  send(20)
  assert.equal(lanes(bed), 0)
  assert.equal(bed.node('n1').status().refused['idle-lane'], 1)
  send(0)
  assert.ok(lanes(bed) > 0)
  bed.simulation.run(450_000)
  assert.equal(lanes(bed), 0)
})
