import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { network, record, weighty } from './recorders.fixture.ts'
import type { SimulationOptions } from './simulation.ts'

/** 10 ms apart; a message has as many bytes as it says. */
const lines = (count: number, options: Partial<SimulationOptions<number>> = {}) =>
  network(count, { codec: weighty, ...options })

describe('bandwidth', () => {
  test('up: a message leaves when those before it have left, each after bytes / rate', () => {
    const { simulation, say, times, protocol } = lines(3, { bandwidth: { up: 1000 } })
    say('n0', 'n1', 100)
    say('n0', 'n2', 50)
    say('n0', 'n1', 200)
    say('n1', 'n2', 30)
    simulation.run(1000)
    assert.deepEqual(times('n1'), [110, 360])
    assert.deepEqual(
      [protocol('n2').messages, times('n2')],
      [
        [30, 50],
        [40, 160],
      ],
    )
  })

  test('down: messages of many senders queue at the receiver, in the order in which they come', () => {
    const { simulation, say, times, protocol } = lines(4, {
      bandwidth: { down: 1000 },
      latency: (_, from) => (from.id === 'n0' ? 100 : 10),
    })
    say('n0', 'n3', 40) // sent first, comes last
    say('n1', 'n3', 50)
    say('n2', 'n3', 100)
    simulation.run(1000)
    assert.deepEqual(
      [protocol('n3').messages, times('n3')],
      [
        [50, 100, 40],
        [60, 160, 200],
      ],
    )
  })

  test('shows load as delay, and throughput is the rate and no more', () => {
    const { simulation, protocol, say, times } = lines(2, { bandwidth: { up: 10_000, queue: 1e9 } })
    for (let i = 0; i < 100; i++) {
      say('n0', 'n1', 1000) // 20 kB/s, twice what fits
      simulation.run(50)
    }
    assert.equal(protocol('n1').heard.length, 49)
    assert.deepEqual(simulation.node('n0').queues.up, { bytes: 50_000, maxBytes: 51_000 - 500, dropped: 0 })
    simulation.run(10_000)
    assert.equal(times('n1').at(-1), 10_010)
    const { bytes, maxBytes } = simulation.node('n0').queues.up
    assert.deepEqual([bytes, maxBytes], [0, 50_500])
  })

  test('drops what the queue has no room for, counts it by direction and by node, and takes messages again when it is empty', () => {
    const { simulation, protocol, say } = lines(3, { bandwidth: { up: 1000, queue: 250 } })
    for (let i = 0; i < 5; i++) say('n0', 'n1', 100)
    say('n0', 'n1', 50)
    assert.deepEqual(simulation.node('n0').queues.up, { bytes: 250, maxBytes: 250, dropped: 3 })
    assert.equal(simulation.tally.get('upload-queue-full'), 3)
    simulation.run(1000)
    assert.deepEqual(protocol('n1').messages, [100, 100, 50])
    say('n0', 'n1', 100)
    simulation.run(1000)
    assert.equal(protocol('n1').messages.length, 4)
    simulation.throttle({ down: 1000, queue: 250 })
    for (let i = 0; i < 5; i++) say('n0', 'n2', 100)
    simulation.run(1000)
    assert.deepEqual(protocol('n2').messages, [100, 100])
    assert.equal(simulation.tally.get('download-queue-full'), 3)
    assert.equal(simulation.node('n2').queues.down.dropped, 3)
    assert.equal(simulation.node('n1').queues.down.dropped, 0)
  })

  test('never lets more through in a time than rate x time + one message, whatever is sent', () => {
    const { simulation, protocol, say } = lines(5, { bandwidth: { up: 5000, down: 8000, queue: 20_000 } })
    const { random } = simulation
    for (let i = 0; i < 2000; i++) {
      say(`n${random.integer(4)}`, 'n4', 1 + random.integer(400))
      simulation.run(random.integer(20))
    }
    simulation.run(20_000)
    const { heard } = protocol('n4')
    for (const window of [100, 1000, 5000]) {
      let from = 0
      let bytes = 0
      for (const { at, message } of heard) {
        bytes += message
        while ((heard[from]?.at ?? 0) <= at - window) bytes -= heard[from++]?.message ?? 0
        assert.ok(bytes <= (8000 * window) / 1000 + 400, `${bytes} in ${window} ms`)
      }
    }
    const drops = simulation.tally.toJSON()
    const sent = simulation.nodes.reduce((sum, { sent }) => sum + sent.messages, 0)
    assert.equal(
      sent,
      heard.length + Object.values(drops).reduce((sum, count) => sum + count, 0),
      'nothing is unaccounted for',
    )
    assert.ok((drops['download-queue-full'] ?? 0) > 0)
    for (const { queues } of simulation.nodes) assert.ok(queues.up.maxBytes <= 20_000 && queues.down.maxBytes <= 20_000)
  })

  test('of a node is its own, or that of all nodes, later ones too; it can be changed and lifted at run time', () => {
    const { simulation, say, times } = lines(1, { bandwidth: { up: 1000 } })
    simulation.add({ bandwidth: { up: 100 } }, record)
    simulation.add({}, record)
    const took = (from: string) => {
      const start = simulation.now
      say(from, 'n0', 100)
      simulation.run(2000)
      return (times('n0').at(-1) as number) - start
    }
    assert.deepEqual(['n0', 'n1', 'n2'].map(took), [110, 1010, 110])
    simulation.throttle({ up: 500 }, ['n1', 'n2'])
    assert.deepEqual(['n0', 'n1', 'n2'].map(took), [110, 210, 210])
    simulation.throttle({})
    assert.deepEqual(['n0', 'n1', 'n2'].map(took), [10, 10, 10])
    assert.deepEqual(simulation.node('n1').queues.up.bytes, 0)
  })

  test('changed while bytes wait keeps their number: what comes waits for them at the new rate', () => {
    const { simulation, say, times } = lines(2, { bandwidth: { up: 200_000, queue: 64_000 } })
    simulation.throttle({ up: 1000, queue: 64_000 }, ['n0'])
    for (let i = 0; i < 5; i++) say('n0', 'n1', 10_000)
    simulation.throttle({ up: 200_000, queue: 64_000 }, ['n0'])
    assert.equal(simulation.node('n0').queues.up.bytes, 50_000, 'as many as before, not two hundred times as many')
    say('n0', 'n1', 10_000)
    simulation.run(400)
    assert.deepEqual(times('n1'), [60_000 / 200 + 10])
    simulation.throttle({}, ['n0'])
    assert.equal(simulation.node('n0').queues.up.bytes, 0)
    simulation.throttle({ up: 100, queue: 64_000 })
    say('n0', 'n1', 10)
    simulation.run(200)
    assert.equal(times('n1').at(-1), 400 + 100 + 10, 'and nothing waits any more once it was unlimited')
  })

  test('of all nodes is changed for those that come later, too', () => {
    const { simulation, say, times } = lines(2, { bandwidth: { up: 1000 } })
    say('n0', 'n1', 1)
    simulation.throttle({ up: 100 })
    simulation.add({}, record)
    say('n2', 'n0', 10)
    simulation.run(1000)
    assert.deepEqual(times('n0'), [100 + 10])
  })

  test('decides about loss and partition when the message leaves, not when it is queued', () => {
    const { simulation, protocol, say } = lines(2, { bandwidth: { up: 1000 } })
    for (let i = 0; i < 3; i++) say('n0', 'n1', 100)
    simulation.run(150)
    simulation.partition([['n0']])
    simulation.run(100)
    simulation.heal()
    simulation.run(1000)
    assert.equal(protocol('n1').messages.length, 2)
    assert.equal(simulation.tally.get('partition'), 1)
  })

  test('loses what a node had queued when it dies, and a restarted one begins with an empty queue', () => {
    const { simulation, protocol, say, times } = lines(2, { bandwidth: { up: 1000 } })
    for (let i = 0; i < 5; i++) say('n0', 'n1', 100)
    simulation.run(150)
    simulation.kill('n0')
    simulation.restart('n0', record)
    assert.equal(simulation.node('n0').queues.up.bytes, 0)
    say('n0', 'n1', 70)
    simulation.run(1000)
    assert.deepEqual(protocol('n1').messages, [100, 70])
    assert.deepEqual(times('n1'), [110, 230])
    assert.equal(simulation.tally.get('dead'), 4)
  })

  test('keeps what a paused node had queued: it is the line that sends it', () => {
    const { simulation, protocol, say } = lines(2, { bandwidth: { up: 1000 } })
    for (let i = 0; i < 3; i++) say('n0', 'n1', 100)
    simulation.pause('n0')
    simulation.run(1000)
    assert.equal(protocol('n1').messages.length, 3)
  })

  test('that is unlimited changes nothing, event by event', () => {
    const hash = (options: Partial<SimulationOptions<number>>) => {
      const { simulation, say } = lines(5, {
        loss: 0.1,
        duplicate: 0.1,
        latency: (random) => random.float() * 50,
        ...options,
      })
      for (let i = 0; i < 500; i++) {
        say(`n${i % 5}`, `n${(i * 3) % 5}`, i)
        simulation.run(3)
      }
      return simulation.traceHash
    }
    assert.equal(hash({ bandwidth: {} }), hash({}))
    assert.notEqual(hash({ bandwidth: { up: 50_000 } }), hash({}))
  })

  test('that is impossible, or that nobody can count, is refused', () => {
    for (const bytes of [0, -1, Number.NaN]) {
      for (const bandwidth of [{ up: bytes }, { down: bytes }, { up: 1000, queue: bytes }]) {
        assert.throws(() => lines(1, { bandwidth }), RangeError)
        assert.throws(() => lines(1).simulation.throttle(bandwidth, ['n0']), RangeError)
        assert.throws(() => lines(1).simulation.add({ bandwidth }, record), RangeError)
      }
    }
    assert.throws(() => network(1, { bandwidth: { up: 1000 } }), /needs a codec/)
    assert.throws(() => network(1).simulation.throttle({ up: 1000 }), /needs a codec/)
  })
})
