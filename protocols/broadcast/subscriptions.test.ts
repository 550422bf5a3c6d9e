import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { network, TOPIC, text } from './network.fixture.ts'
import { Subscriptions } from './subscriptions.ts'

const alone = () => {
  const bed = network({ nodes: 2, options: { catchUp: 0 } })
  bed.simulation.run(1000)
  return { bed, node: bed.node('n0') }
}

test('a node names 1024 subgroups of a topic and no more; one that it names already again, or the whole topic, it may', () => {
  const { node } = alone()
  const onMessage = () => {}
  for (let i = 0; i < 1024; i++) node.subscribe('t', { subgroup: `${i}`, onMessage })
  assert.throws(() => node.subscribe('t', { subgroup: 'more', onMessage }), RangeError)
  const end = node.subscribe('t', { subgroup: '7', onMessage })
  node.subscribe('t', onMessage)
  node.subscribe('other', { subgroup: 'more', onMessage })
  end()
  assert.equal(node.topics().find(({ topic }) => topic === 't')?.subscribers, 1025)
})

test('a subscription that another subscriber ends during a delivery gets nothing any more', () => {
  const { node } = alone()
  const got: string[] = []
  const ends: (() => void)[] = []
  node.subscribe('t', () => ends[0]?.())
  ends.push(node.subscribe('t', ({ id }) => got.push(id)))
  node.publish('t', text('x'))
  assert.deepEqual(got, [])
})

test('who subscribes with the recent past during a delivery gets every message at most once, and in order', () => {
  const { node } = alone()
  const got: number[] = []
  let begun = false
  node.publish('t', text('0'))
  node.subscribe('t', () => {
    if (begun) return
    begun = true
    for (let i = 0; i < 3; i++) node.publish('t', text('more'))
    node.subscribe('t', { onMessage: ({ sequence }) => got.push(sequence), from: { past: 60_000 } })
  })
  const receipt = node.publish('t', text('1'))
  const first = receipt.status === 'accepted' ? receipt.sequence : 0
  const expected = [first - 1, first, first + 1, first + 2, first + 3]
  assert.deepEqual(got, expected)
})

test('who subscribes with the recent past to what is published during a delivery gets it once', () => {
  const { bed, node } = alone()
  const got: string[] = []
  let begun = false
  node.subscribe(TOPIC, () => {
    if (begun) return
    begun = true
    for (let i = 0; i < 3; i++) node.publish(TOPIC, text('more'))
    node.subscribe(TOPIC, { onMessage: ({ id }) => got.push(id), from: { past: 60_000 } })
  })
  bed.node('n1').publish(TOPIC, text('x'))
  bed.simulation.run(1000)
  assert.equal(got.length, 4)
  assert.equal(new Set(got).size, 4)
})

test('by every delivery a subscriber of a part of the topic gets what is for that part, and one of the topic gets all', () => {
  for (const delivery of ['bimodal', 'epidemic', 'gravitational', 'anonymous'] as const) {
    const { node } = alone()
    const [part, all]: [string[], string[]] = [[], []]
    const into = (list: string[]) => (message: { payload: Uint8Array }) =>
      list.push(new TextDecoder().decode(message.payload))
    node.subscribe('t', { onMessage: into(part), subgroup: 'a' })
    node.subscribe('t', into(all))
    for (const subgroup of ['a', 'b', '']) node.publish('t', text(`for ${subgroup}`), { delivery, subgroup })
    assert.deepEqual([part, all], [['for a'], ['for a', 'for b', 'for ']], delivery)
  }
})

test('a callback for what was missed that throws stops nothing: what comes after the gap is delivered', () => {
  let told = 0
  const bed = network({
    nodes: 2,
    options: { patience: 2000, retention: 60_000 },
    init: (id) =>
      id === 'n1'
        ? {
            on: {
              missed: () => {
                told++
                throw new Error('the user is wrong')
              },
            },
          }
        : {},
  })
  bed.simulation.run(1000)
  bed.node('n0').publish(TOPIC, text('0'))
  bed.simulation.run(1000)
  bed.simulation.block('n0', 'n1')
  for (let i = 1; i <= 6; i++) bed.node('n0').publish(TOPIC, new Uint8Array(1000), { ttl: 500 })
  bed.simulation.run(2000)
  bed.simulation.heal()
  bed.node('n0').publish(TOPIC, text('after'))
  bed.simulation.run(6000)
  assert.equal(told, 1)
  assert.equal(bed.got.get('n1')?.length, 2)
  assert.equal(bed.node('n1').status().refused['callback-threw'], 1)
})

test('what was published while a subscriber was cut off is repaired, also when it is the first by its delivery', () => {
  const bed = network({ nodes: 4, options: { catchUp: 5000 } })
  bed.simulation.run(60_000)
  bed.simulation.block(['n0', 'n1', 'n2'], 'n3')
  const receipt = bed.node('n0').publish(TOPIC, text('x'))
  bed.simulation.run(20_000)
  bed.simulation.heal()
  bed.node('n0').publish(TOPIC, text('y'))
  bed.simulation.run(10_000)
  assert.equal(receipt.status, 'accepted')
  assert.equal(bed.got.get('n3')?.length, 2)
})

test('a node that stops in the middle of a large message: what it publishes after it starts again waits for nothing', () => {
  const bed = network({ nodes: 4 })
  bed.simulation.run(1000)
  const node = bed.node('n0')
  node.publish(TOPIC, new Uint8Array(2 ** 20))
  bed.simulation.run(200)
  node.stop()
  bed.simulation.run(1000)
  node.start()
  const receipt = node.publish(TOPIC, text('x'))
  assert.equal(receipt.status, 'accepted')
  bed.simulation.run(2000)
  for (const id of bed.ids) assert.deepEqual(bed.got.get(id)?.length, 1, id)
})

const step = fc.oneof(
  fc.record({ rating: fc.constantFrom(0.1, 0.5, 1), subgroup: fc.constantFrom(undefined, 'a', 'b') }),
  fc.record({ end: fc.nat(9) }),
)

test('ratings are the highest of the subscriptions that are there, whichever came and ended; the same object while none did', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const subscriptions = new Subscriptions(() => {})
      const there: { rating: number; subgroup: string | undefined; end: () => void }[] = []
      for (const one of steps) {
        if ('end' in one) there.splice(one.end, 1)[0]?.end()
        else there.push({ ...one, end: subscriptions.add({ ...one, subscriber: () => {} }) })
        const { ratings } = subscriptions
        const highest = (of: string | undefined) =>
          Math.max(...there.filter(({ subgroup }) => subgroup === of).map(({ rating }) => rating))
        assert.equal(ratings.rest, Math.max(0, highest(undefined)))
        const named = ['a', 'b'].filter((name) => highest(name) > 0)
        assert.deepEqual([...ratings.named.keys()].sort(), named)
        for (const name of named) assert.equal(ratings.named.get(name), highest(name))
        assert.equal(subscriptions.ratings, ratings)
      }
    }),
  )
})
