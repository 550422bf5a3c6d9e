import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network, TOPIC, text } from './network.fixture.ts'

const decoder = new TextDecoder()

test('the recent past comes in the order in which it was delivered, also what repair brought late', () => {
  const bed = network({ nodes: 4, options: { patience: 30_000 } })
  bed.node('n0').publish(TOPIC, text('a0'))
  bed.node('n1').publish(TOPIC, text('b0'))
  bed.simulation.run(12_000)
  bed.simulation.block(['n0', 'n1', 'n2'], 'n3')
  bed.node('n0').publish(TOPIC, text('a1'))
  bed.simulation.run(300)
  bed.simulation.heal()
  bed.node('n0').publish(TOPIC, text('a2'))
  bed.simulation.run(200)
  bed.node('n1').publish(TOPIC, text('b1'))
  bed.simulation.run(12_000)
  const live = bed.got.get('n3')?.map(({ payload }) => decoder.decode(payload))
  const past: string[] = []
  bed
    .node('n3')
    .subscribe(TOPIC, { from: { past: 20_000 }, onMessage: ({ payload }) => past.push(decoder.decode(payload)) })
  assert.ok(live !== undefined && live.indexOf('a1') > live.indexOf('b1'), 'a1 was repaired')
  assert.deepEqual(past, live.slice(-past.length))
  assert.ok(past.includes('a1') && past.includes('a2'))
})

test('ordered: the recent past and what follows are the agreed order, nothing twice, whenever somebody subscribes', () => {
  const bed = network({ nodes: 5 })
  const publish = (words: string) => {
    for (const id of bed.ids) bed.node(id).publish(TOPIC, text(`${id} ${words}`), { delivery: 'ordered' })
  }
  publish('hello')
  bed.simulation.run(25_000)
  for (let i = 0; i < 10; i++) {
    publish(`${i}`)
    bed.simulation.run(10 * i)
    const got: string[] = []
    const onMessage = ({ id }: { id: string }) => got.push(id)
    const end = bed.node('n3').subscribe(TOPIC, { from: { past: 10_000 }, onMessage })
    bed.simulation.run(5000)
    end()
    const agreed = bed.got.get('n3')?.map(({ id }) => id) ?? []
    assert.ok(got.length >= bed.ids.length)
    assert.deepEqual(got, agreed.slice(-got.length))
  }
})

test('what a subscriber publishes when it gets the recent past comes to all subscribers, to itself last', () => {
  const bed = network({ nodes: 3 })
  bed.node('n1').publish(TOPIC, text('one'))
  bed.node('n2').publish(TOPIC, text('two'), { delivery: 'epidemic' })
  bed.simulation.run(5000)
  const got: string[] = []
  bed.node('n0').subscribe(TOPIC, {
    from: { past: 10_000 },
    onMessage({ from, payload }) {
      const words = decoder.decode(payload)
      got.push(words)
      for (const delivery of ['bimodal', 'epidemic'] as const) {
        if (from !== 'n0') bed.node('n0').publish(TOPIC, text(`${words} ${delivery}`), { delivery })
      }
    },
  })
  const answers = ['one bimodal', 'one epidemic', 'two bimodal', 'two epidemic']
  assert.deepEqual(got, ['one', 'two', ...answers])
  assert.deepEqual(
    bed.got.get('n0')?.map(({ payload }) => decoder.decode(payload)),
    ['one', 'two', ...answers],
  )
})

test('a large message is of the recent past if its end is, though its first parts were delivered before', () => {
  const bed = network({ nodes: 3 })
  bed.node('n1').publish(TOPIC, new Uint8Array(2 ** 20))
  bed.node('n1').publish(TOPIC, text('after'))
  while (bed.got.get('n0')?.length !== 2) bed.simulation.run(10)
  const past = (ms: number) => {
    const got: number[] = []
    bed.node('n0').subscribe(TOPIC, { from: { past: ms }, onMessage: ({ payload }) => got.push(payload.length) })()
    return got
  }
  assert.deepEqual(past(300), [2 ** 20, 5])
  bed.simulation.run(10_000)
  assert.deepEqual(past(10_300), [2 ** 20, 5])
  assert.deepEqual(past(9000), [])
})
