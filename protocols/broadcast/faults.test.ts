import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Last, Published } from './lane.ts'
import { assertOrdered, delivered, network, publishSteadily, TOPIC, text, total } from './network.fixture.ts'

test('10 % of the nodes die silently and undetected: all who live get everything', () => {
  for (const seed of [1, 2, 3]) {
    const bed = network({ nodes: 200, seed })
    const dead = bed.ids.slice(20, 40)
    for (const [i, id] of dead.entries()) bed.simulation.after(i * 150, () => bed.simulation.kill(id))
    const published = publishSteadily(bed, bed.ids.slice(0, 10), 60, 50)
    bed.simulation.run(15_000)
    const live = bed.ids.filter((id) => !dead.includes(id))
    assert.equal(delivered(bed, published, live), 1, `seed ${seed}`)
    assertOrdered(bed)
  }
})

test('a delegate that is found dead is passed by: its piece gets there without repair', () => {
  for (const withHandover of [true, false]) {
    const bed = network({ nodes: 200, options: { fanout: 0 } })
    const dead = bed.ids.slice(20, 40)
    for (const id of dead) bed.simulation.kill(id)
    const published = publishSteadily(bed, ['n0'], 1, 0)
    bed.simulation.run(1500)
    const live = bed.ids.filter((id) => !dead.includes(id))
    assert.ok(delivered(bed, published, live) < 1, 'the dead take their subtrees with them')
    if (withHandover) {
      for (const id of dead) bed.down.add(id)
      for (let times = 0; times < 3; times++) {
        for (const id of live) for (const victim of dead) bed.node(id).peerDown(victim)
        bed.simulation.run(1500)
      }
      assert.equal(delivered(bed, published, live), 1)
    } else {
      bed.simulation.run(4500)
      assert.ok(delivered(bed, published, live) < 1)
    }
  }
})

test('20 % of all messages are lost: repair delivers everything; without repair much is lost', () => {
  for (const seed of [1, 2, 3]) {
    const bed = network({ nodes: 200, seed, loss: 0.2 })
    const published = publishSteadily(bed, bed.ids.slice(0, 5), 50, 100)
    bed.simulation.run(20_000)
    const ratio = delivered(bed, published)
    assert.equal(ratio, 1, `seed ${seed}: ${ratio}`)
    assertOrdered(bed)
  }
  const control = network({ nodes: 200, seed: 1, loss: 0.2, options: { fanout: 0 } })
  const published = publishSteadily(control, control.ids.slice(0, 5), 50, 100)
  control.simulation.run(20_000)
  assert.ok(delivered(control, published) < 0.7)
})

test('as signed bytes on the wire, with loss: everything arrives, and nothing that we say is malformed or unverifiable', () => {
  const bed = network({ nodes: 30, wire: true, loss: 0.1 })
  const published = publishSteadily(bed, bed.ids.slice(0, 5), 30, 100)
  bed.simulation.run(15_000)
  assert.equal(delivered(bed, published), 1)
  assert.ok(total(bed, 'done', 'repaired') > 0)
  assert.deepEqual(Object.keys(bed.simulation.tally.toJSON()), ['loss'])
})

test('round trips of a second: repair still works', () => {
  const bed = network({ nodes: 40, latency: 450, loss: 0.2 })
  const published = publishSteadily(bed, bed.ids.slice(0, 5), 30, 100)
  bed.simulation.run(20_000)
  assert.equal(delivered(bed, published), 1)
})

test('duplicated and reordered messages: at most once and in order', () => {
  for (const seed of [1, 2, 3]) {
    const bed = network({ nodes: 60, seed, duplicate: 0.3, latency: (random) => 10 + random.float() ** 4 * 2000 })
    const published = publishSteadily(bed, bed.ids.slice(0, 3), 100, 30)
    bed.simulation.run(20_000)
    assertOrdered(bed)
    assert.equal(delivered(bed, published), 1)
    assert.ok(total(bed, 'done', 'duplicates') > 0)
  }
})

test('a partition that heals within the retention: both sides get what the other published', () => {
  for (const seed of [1, 2, 3]) {
    const bed = network({ nodes: 60, seed })
    const [left, right] = [bed.ids.slice(0, 30), bed.ids.slice(30)]
    const before = publishSteadily(bed, ['n0', 'n30'], 10, 50)
    bed.simulation.partition([left, right])
    const during = publishSteadily(bed, ['n0', 'n30'], 40, 250)
    bed.simulation.run(15_000)
    assert.ok(delivered(bed, during) < 0.6)
    bed.simulation.heal()
    bed.simulation.run(20_000)
    assert.equal(delivered(bed, [...before, ...during]), 1)
    assertOrdered(bed)
  }
})

test('a node that slept catches up, and is told what it missed when it slept too long', () => {
  const bed = network({ nodes: 30, pauseQueue: 0 })
  publishSteadily(bed, ['n0'], 5, 100)
  bed.simulation.pause('n7', 20_000)
  const short = publishSteadily(bed, ['n0'], 20, 100)
  bed.simulation.run(30_000)
  assert.equal(delivered(bed, short, ['n7']), 1)
  bed.simulation.pause('n7', 150_000)
  const long = publishSteadily(bed, ['n0'], 5, 100)
  bed.simulation.run(149_000)
  const after = publishSteadily(bed, ['n0'], 20, 200)
  bed.simulation.run(15_000)
  assert.equal(delivered(bed, long, ['n7']), 0)
  assert.equal(delivered(bed, after.slice(-10), ['n7']), 1)
  const gaps = bed.missed.get('n7') ?? []
  assert.equal(gaps.length, 1)
  const sequences = long.map((id) => Number(id.split('/')[1]))
  assert.ok((gaps[0]?.range.first ?? 0) <= (sequences[0] as number))
  assert.ok((gaps[0]?.range.last ?? 0) >= (sequences.at(-1) as number))
  assertOrdered(bed)
})

test('a publisher that restarts with a gap in its numbers is delivered at once', () => {
  const bed = network({ nodes: 30 })
  publishSteadily(bed, ['n0'], 5, 100)
  bed.simulation.kill('n0')
  bed.simulation.restart('n0', bed.make('n0'))
  const fresh = publishSteadily(bed, ['n0'], 5, 100)
  bed.simulation.run(500)
  assert.equal(delivered(bed, fresh), 1)
  assertOrdered(bed)
})

test('who lacks what a publisher sent right before its restart is told so, where the publisher remembers it', () => {
  const lasts = new Map<string, Last>()
  const published: Published = {
    get: (lane) => lasts.get(lane),
    set: (lane, last) => void (last === undefined ? lasts.delete(lane) : lasts.set(lane, last)),
  }
  const bed = network({ nodes: 3, init: (id) => (id === 'n0' ? { published } : {}) })
  const [first] = publishSteadily(bed, ['n0'], 1, 1000)
  bed.simulation.block('n0', ['n1', 'n2'])
  const [lost] = publishSteadily(bed, ['n0'], 1, 10)
  bed.simulation.kill('n0')
  bed.simulation.heal()
  bed.simulation.restart('n0', bed.make('n0'))
  const [fresh] = publishSteadily(bed, ['n0'], 1, 30_000)
  const sequence = (id: string | undefined) => Number(id?.split('/')[1])
  for (const id of ['n1', 'n2']) {
    const got = bed.got.get(id)?.map((message) => message.id)
    assert.deepEqual(got, [first, fresh])
    const told = bed.missed.get(id)?.map(({ from, range }) => [from, range.first <= sequence(lost), range.last])
    assert.deepEqual(told, [['n0', true, sequence(lost)]])
  }
  assert.deepEqual([bed.got.get('n0')?.length, bed.missed.get('n0')], [1, []])
})

test('a lost message whose time is over does not hold back the next one of its publisher', () => {
  for (const ttl of [300, 0]) {
    const bed = network({ nodes: 2, options: { fanout: 0 } })
    bed.simulation.run(3000)
    bed.node('n0').publish(TOPIC, text('first'))
    bed.simulation.run(1000)
    bed.simulation.block('n0', 'n1')
    bed.node('n0').publish(TOPIC, text('lost'), { ttl })
    bed.simulation.run(10)
    bed.simulation.heal()
    bed.node('n0').publish(TOPIC, text('next'))
    bed.simulation.run(2000)
    assert.equal(bed.got.get('n1')?.length, ttl === 0 ? 1 : 2, `ttl ${ttl}`)
    assert.deepEqual(bed.missed.get('n1'), [])
  }
})

test('who was stopped for longer than it waits for a gap reads what came meanwhile before it gives anything up', () => {
  const bed = network({ nodes: 8, options: { fanout: 0 } })
  bed.simulation.run(3000)
  bed.node('n0').publish(TOPIC, text('first'))
  bed.simulation.run(1000)
  // The second message takes a second longer than the third: it comes while its receiver is stopped.
  bed.simulation.setLatency(3000)
  bed.node('n0').publish(TOPIC, text('second'))
  bed.simulation.setLatency(50)
  bed.node('n0').publish(TOPIC, text('third'))
  bed.simulation.run(1000)
  for (const id of bed.ids.slice(1)) bed.simulation.pause(id, 12_000)
  bed.simulation.run(15_000)
  for (const id of bed.ids.slice(1)) {
    assert.deepEqual(
      bed.got.get(id)?.map(({ payload }) => new TextDecoder().decode(payload)),
      ['first', 'second', 'third'],
    )
    assert.deepEqual(bed.missed.get(id), [])
  }
})
