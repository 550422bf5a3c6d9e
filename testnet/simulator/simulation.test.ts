import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Environment } from '../../core/environment.ts'
import { Recorder } from './recorder.ts'
import { Simulation, type SimulationOptions } from './simulation.ts'

const record = (environment: Environment<number>) => new Recorder(environment)

/** `count` recorders that know each other; start() of a recorder does nothing. */
function network(count: number, options: Partial<SimulationOptions<number>> = {}) {
  const simulation = new Simulation<number, Recorder>({ seed: 1, ...options })
  for (let i = 0; i < count; i++) simulation.add({}, record)
  const protocol = (id: string) => simulation.node(id).protocol
  const say = (from: string, to: string, message: number) =>
    protocol(from).environment.send(simulation.node(to).self, message)
  return { simulation, protocol, say }
}

/** 20 nodes that pass numbers on to random others, under loss, duplication, deaths, pauses and a partition. */
function chatter(seed: number) {
  const simulation = new Simulation<number, Recorder>({ seed, loss: 0.1, duplicate: 0.1 })
  for (let i = 0; i < 20; i++) {
    simulation.add({}, (environment) => {
      const recorder = new Recorder(environment)
      const anyone = () => simulation.node(`n${environment.random.integer(20)}`).self
      environment.every(100, () => environment.send(anyone(), 3))
      recorder.react = (_, message) => {
        if (message > 0) environment.send(anyone(), message - 1)
      }
      return recorder
    })
  }
  simulation.after(300, () => simulation.kill('n3'))
  simulation.after(400, () => simulation.pause('n4', 200))
  simulation.after(500, () => simulation.partition([['n5', 'n6', 'n7']]))
  simulation.after(700, () => simulation.heal())
  simulation.after(800, () => simulation.restart('n3', record))
  return simulation
}

test('time that an action lets go on by itself does not go back', () => {
  const { simulation } = network(1)
  simulation.after(5, () => simulation.run(10))
  simulation.run(6)
  assert.equal(simulation.now, 15)
  simulation.run(1)
  assert.equal(simulation.now, 16)
})

describe('the same seed', () => {
  test('gives the same run, event by event; another seed another one', () => {
    const run = (seed: number) => {
      const simulation = chatter(seed)
      simulation.run(2000)
      const heard = simulation.nodes.map((node) =>
        node.protocol.heard.map(({ at, from, message }) => [at, from.id, message]),
      )
      return { hash: simulation.traceHash, events: simulation.events, heard }
    }
    assert.deepEqual(run(1), run(1))
    const hashes = new Set(Array.from({ length: 50 }, (_, seed) => run(seed).hash))
    assert.equal(hashes.size, 50)
  })

  test('gives this hash on every machine; it changes with the order or the randomness of the simulator, so old recordings do too', () => {
    const simulation = chatter(1)
    simulation.run(2000)
    assert.equal(simulation.traceHash, '8d29606f50c9e23e')
  })

  test('does not care in which steps time passes', () => {
    const whole = chatter(2)
    whole.run(2000)
    const steps = chatter(2)
    for (let i = 0; i < 200; i++) steps.run(10)
    assert.equal(steps.traceHash, whole.traceHash)
    assert.equal(steps.now, whole.now)
  })
})

describe('messages', () => {
  test('arrive after the latency, from the node that sent them, also at the sender itself', () => {
    const { simulation, protocol, say } = network(2, { latency: 30 })
    say('n0', 'n1', 7)
    say('n0', 'n0', 8)
    simulation.run(29.9)
    assert.deepEqual(protocol('n1').messages, [])
    simulation.run(0.1)
    assert.deepEqual(protocol('n1').heard, [{ at: 1_700_000_000_030, from: simulation.node('n0').self, message: 7 }])
    assert.deepEqual(protocol('n0').messages, [8])
  })

  test('of one link stay in order under a constant latency', () => {
    const { simulation, protocol, say } = network(2, { latency: 30 })
    for (let i = 0; i < 100; i++) say('n0', 'n1', i)
    simulation.run(100)
    assert.deepEqual(
      protocol('n1').messages,
      Array.from({ length: 100 }, (_, i) => i),
    )
  })

  test('overtake each other under a varying latency', () => {
    const { simulation, protocol, say } = network(2)
    for (let i = 0; i < 100; i++) say('n0', 'n1', i)
    simulation.run(100)
    const heard = protocol('n1').messages
    assert.notDeepEqual(
      heard,
      heard.toSorted((a, b) => a - b),
    )
    assert.equal(new Set(heard).size, 100)
  })

  test('take as long as a function of the link says', () => {
    const far = new Set(['n1'])
    const { simulation, protocol, say } = network(3, {
      latency: (_, from, to) => (far.has(from.id) || far.has(to.id) ? 200 : 5),
    })
    const pairs = ['n0 n1', 'n1 n2', 'n0 n2'].map((pair) => pair.split(' ') as [string, string])
    for (const [from, to] of pairs) say(from, to, 1)
    simulation.run(1000)
    const delays = pairs.map(([from, to]) => protocol(to).heard.find((each) => each.from.id === from)?.at ?? 0)
    assert.deepEqual(
      delays,
      [200, 200, 5].map((ms) => 1_700_000_000_000 + ms),
    )
  })

  test('to nobody are counted as unknown and dropped', () => {
    const { simulation, protocol } = network(1)
    const stranger = { ...simulation.node('n0').self, id: 'stranger' }
    protocol('n0').environment.send(stranger, 1)
    simulation.run(1000)
    assert.deepEqual(simulation.tally.toJSON(), { unknown: 1 })
  })

  test('a handler that throws stops the run with its error', () => {
    const { simulation, protocol, say } = network(2)
    protocol('n1').react = () => {
      throw new Error('a bug')
    }
    say('n0', 'n1', 1)
    assert.throws(() => simulation.run(100), /a bug/)
  })

  test('for ever at the same instant are told from progress', () => {
    const { simulation, protocol, say } = network(2, { latency: 0 })
    protocol('n1').react = () => say('n1', 'n1', 1)
    say('n0', 'n1', 1)
    assert.throws(() => simulation.run(1), /time stands still/)
  })
})

describe('accounting', () => {
  test('counts messages and bytes in both directions and the most in one second', () => {
    const codec = { size: (n: number) => n, encode: () => new Uint8Array(0), decode: () => 0 }
    const { simulation, say } = network(2, { latency: 10, codec })
    say('n0', 'n1', 100)
    simulation.run(1500)
    for (const bytes of [20, 30, 40]) say('n0', 'n1', bytes)
    simulation.run(1000)
    const flow = { messages: 4, bytes: 190, maxMessages: 3, maxBytes: 100 }
    assert.deepEqual(simulation.node('n0').sent, flow)
    assert.deepEqual(simulation.node('n1').received, flow)
    assert.deepEqual(simulation.node('n1').sent, { messages: 0, bytes: 0, maxMessages: 0, maxBytes: 0 })
  })

  test('adds up beyond 4 GiB', () => {
    const codec = { size: (n: number) => n, encode: () => new Uint8Array(0), decode: () => 0 }
    const { simulation, say } = network(2, { codec })
    for (let i = 0; i < 5; i++) {
      say('n0', 'n1', 2e9)
      simulation.run(1000)
    }
    assert.equal(simulation.node('n0').sent.bytes, 1e10)
    assert.equal(simulation.node('n1').received.bytes, 1e10)
  })

  test('every copy of a message is delivered or counted under a reason', () => {
    const { simulation, protocol, say } = network(10, { loss: 0.2, duplicate: 0.3, pauseQueue: 5 })
    simulation.kill('n1')
    simulation.pause('n2')
    simulation.partition([['n3', 'n4']])
    for (let i = 0; i < 5000; i++) say(`n${i % 10}`, `n${Math.floor(i / 10) % 10}`, 1)
    simulation.run(1000)
    simulation.resume('n2')
    simulation.run(1000)
    const sent = simulation.nodes.reduce((sum, node) => sum + node.sent.messages, 0)
    const received = simulation.nodes.reduce((sum, node) => sum + node.protocol.heard.length, 0)
    const { paused = 0, dead = 0, ...lost } = simulation.tally.toJSON()
    // n1, dead, and n2, paused, said 500 things each that nobody heard; the rest of `dead` arrived at n1
    assert.equal(paused, 500)
    assert.equal(sent, 4000)
    const copies = received + (dead - 500) + Object.values(lost).reduce((sum, count) => sum + count, 0)
    assert.ok(Math.abs(copies - sent * 1.3) < 150, `${copies} copies of ${sent} messages`) // standard deviation 29
    assert.deepEqual(Object.keys(lost), ['loss', 'partition', 'pause-queue-full'])
    assert.equal(protocol('n2').heard.length, 5)
    assert.equal(simulation.pending, 0)
  })
})

describe('nodes', () => {
  test('have ids of their own, n0, n1, ... by default, and descriptors with what they were given', () => {
    const { simulation } = network(2)
    const init = { id: 'x', addresses: ['/ip4/10.0.0.1/tcp/1'], attributes: { load: 2 } }
    const node = simulation.add(init, record)
    const { id, addresses, attributes, sequence, issued } = node.self
    assert.deepEqual({ id, addresses, attributes }, init)
    assert.deepEqual([sequence, issued], [1, 1_700_000_000_000])
    assert.deepEqual(
      simulation.nodes.map((each) => each.id),
      ['n0', 'n1', 'x'],
    )
    assert.throws(() => simulation.add({ id: 'x' }, record), RangeError)
    assert.throws(() => simulation.node('y'), RangeError)
  })

  test('start at once, or when they are told to', () => {
    const { simulation, protocol } = network(1)
    simulation.add({ start: false }, record)
    assert.equal(protocol('n0').started, 1)
    assert.equal(protocol('n1').started, 0)
  })

  test('describe themselves anew with the next sequence number', () => {
    const { simulation, protocol } = network(1)
    const node = simulation.node('n0')
    const before = node.self
    node.describe({ attributes: { load: 5 } })
    assert.notEqual(protocol('n0').environment.self, before)
    assert.deepEqual(protocol('n0').environment.self.attributes, { load: 5 })
    assert.equal(node.self.sequence, 2)
  })

  test('make different choices, the same in every run, whatever the others draw', () => {
    const words = (others: number) => {
      const { simulation, protocol } = network(3)
      for (let i = 0; i < others; i++) protocol('n0').environment.random.word()
      return simulation.nodes.slice(1).map((node) => node.protocol.environment.random.word())
    }
    assert.deepEqual(words(0), words(5))
    assert.equal(new Set(words(0)).size, 2)
  })

  test('runUntil stops when the predicate holds, or at its limit', () => {
    const { simulation, protocol, say } = network(2, { latency: 250 })
    say('n0', 'n1', 1)
    assert.ok(simulation.runUntil(() => protocol('n1').heard.length > 0, 1000))
    assert.equal(simulation.now, 300)
    assert.equal(
      simulation.runUntil(() => false, 250),
      false,
    )
    assert.equal(simulation.now, 550)
  })
})
