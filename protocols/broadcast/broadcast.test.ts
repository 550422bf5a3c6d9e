import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOrdered, delivered, network, publishSteadily, TOPIC, text, total } from './network.fixture.ts'

for (const nodes of [1, 2, 3, 32, 1000]) {
  test(`undisturbed, ${nodes} nodes: every subscriber gets everything once, in order, with one copy of the payload`, () => {
    for (const seed of nodes === 1000 ? [1] : [1, 2, 3]) {
      const bed = network({ nodes, seed })
      const published = publishSteadily(bed, bed.ids.slice(0, 5), 40, 100)
      bed.simulation.run(5000)
      assert.equal(delivered(bed, published), 1)
      assertOrdered(bed)
      assert.equal(total(bed, 'done', 'delivered'), published.length * nodes)
      assert.equal(total(bed, 'done', 'copies'), published.length * (nodes - 1))
      assert.equal(total(bed, 'done', 'repaired'), 0)
    }
  })
}

test('with nothing to say nothing is sent', () => {
  const bed = network({ nodes: 16 })
  publishSteadily(bed, bed.ids, 5, 100)
  bed.simulation.run(90_000)
  const before = bed.simulation.nodes.map(({ sent }) => sent.messages)
  bed.simulation.run(60_000)
  assert.deepEqual(
    bed.simulation.nodes.map(({ sent }) => sent.messages),
    before,
  )
})

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

test('a late joiner gets the recent past by repair, and no more than that', () => {
  const bed = network({ nodes: 30 })
  bed.simulation.kill('n9')
  const old = publishSteadily(bed, ['n0'], 30, 1000)
  bed.simulation.restart('n9', bed.make('n9'))
  const young = publishSteadily(bed, ['n0'], 10, 500)
  bed.simulation.run(10_000)
  assert.equal(delivered(bed, [...old.slice(-5), ...young], ['n9']), 1)
  assert.equal(delivered(bed, old.slice(0, 15), ['n9']), 0)
  assert.deepEqual(bed.missed.get('n9'), [])
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

test('subscriptions: by topic, several on one topic, ended ones get nothing, one that throws harms nobody', () => {
  const threw: unknown[] = []
  const bed = network({ nodes: 3, init: () => ({ on: { subscriberThrew: (error) => threw.push(error) } }) })
  const node = bed.node('n1')
  const got: string[] = []
  node.subscribe(TOPIC, () => {
    throw new Error('mine')
  })
  const end = node.subscribe(TOPIC, ({ payload }) => {
    got.push(`a:${payload.length}`)
    payload.fill(0)
  })
  node.subscribe(TOPIC, ({ payload }) => got.push(`b:${new TextDecoder().decode(payload)}`))
  node.subscribe('other', () => got.push('other'))
  bed.node('n0').publish(TOPIC, text('hello'))
  bed.simulation.run(1000)
  assert.deepEqual(got, ['a:5', 'b:hello'])
  assert.equal(threw.length, 1)
  end()
  end()
  bed.node('n0').publish(TOPIC, text('again'))
  bed.simulation.run(1000)
  assert.deepEqual(got.slice(2), ['b:again'])
})

test('a subscriber that publishes: all subscribers still see one order', () => {
  const bed = network({ nodes: 3 })
  const node = bed.node('n0')
  const seen: string[][] = [[], []]
  const decode = (payload: Uint8Array) => new TextDecoder().decode(payload)
  node.subscribe('talk', ({ payload }) => {
    seen[0]?.push(decode(payload))
    if (decode(payload) === 'first') node.publish('talk', text('second'))
  })
  node.subscribe('talk', ({ payload }) => seen[1]?.push(decode(payload)))
  node.publish('talk', text('first'))
  assert.deepEqual(seen, [
    ['first', 'second'],
    ['first', 'second'],
  ])
})

test('publish refuses synchronously, with a sentence and the limit', () => {
  const bed = network({ nodes: 2, init: (id) => (id === 'n1' ? { sequences: { next: () => undefined } } : {}) })
  const node = bed.node('n0')
  const tooLong = node.publish(TOPIC, new Uint8Array(48 * 1024 + 1))
  assert.equal(tooLong.status === 'refused' && tooLong.limit, 48 * 1024)
  assert.match(tooLong.status === 'refused' ? tooLong.reason : '', /^The payload has 49153 bytes; at most 49152 /)
  assert.equal(node.publish(TOPIC, new Uint8Array(48 * 1024)).status, 'accepted')
  for (const topic of ['', 'x'.repeat(129), '\ud800']) assert.equal(node.publish(topic, text('')).status, 'refused')
  assert.equal(node.publish('x'.repeat(128), text('')).status, 'accepted')
  const receipts = Array.from({ length: 60 }, () => node.publish(TOPIC, text('x')))
  assert.equal(receipts.filter(({ status }) => status === 'accepted').length, 38)
  const limited = receipts.at(-1)
  assert.equal(limited?.status === 'refused' && limited.limit, 20)
  const pending = bed.node('n1').publish(TOPIC, text('x'))
  assert.match(pending.status === 'refused' ? pending.reason : '', /sequence reservation pending/)
  node.stop()
  assert.equal(node.publish(TOPIC, text('x')).status, 'refused')
  assert.throws(() => node.subscribe('', () => {}), RangeError)
})

test('the same seed gives the same run', () => {
  const run = () => {
    const bed = network({ nodes: 40, seed: 9, loss: 0.1, duplicate: 0.1 })
    publishSteadily(bed, bed.ids, 20, 70)
    bed.simulation.run(5000)
    return bed.simulation.traceHash
  }
  assert.equal(run(), run())
})
