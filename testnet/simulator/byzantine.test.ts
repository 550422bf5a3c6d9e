import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { lying } from './byzantine.ts'
import { Recorder } from './recorder.ts'
import { network, record } from './recorders.fixture.ts'
import { Simulation } from './simulation.ts'

/** Passes on the largest number it heard, to everybody, every 100 ms: it falls to one liar. */
class Largest extends Recorder {
  largest: number

  constructor(environment: Environment<number>, value: number, peers: () => readonly PeerDescriptor[]) {
    super(environment)
    this.largest = value
    environment.every(100, () => {
      for (const peer of peers()) environment.send(peer, this.largest)
    })
  }

  override receive(from: PeerDescriptor, message: number): void {
    super.receive(from, message)
    this.largest = Math.max(this.largest, message)
  }
}

function maxima() {
  const simulation = new Simulation<number, Largest>({ seed: 1 })
  const make = (environment: Environment<number>) =>
    new Largest(environment, 1, () => simulation.nodes.map(({ self }) => self))
  for (let i = 0; i < 10; i++) simulation.add({}, make)
  const found = () => simulation.nodes.map(({ protocol }) => protocol.largest)
  return { simulation, make, found }
}

describe('a liar', () => {
  test('from the start says something else than its protocol, and the others are none the wiser', () => {
    const honest = maxima()
    honest.simulation.add({}, honest.make)
    honest.simulation.run(1000)
    assert.deepEqual(honest.found(), Array(11).fill(1))
    const { simulation, make, found } = maxima()
    simulation.add(
      {},
      lying(make, () => 1000),
    )
    simulation.run(1000)
    assert.deepEqual(found(), Array(11).fill(1000), 'it hears its own lie from the others')
  })

  test('can be silent, or tell each node something else', () => {
    const { simulation, protocol } = network(3)
    simulation.corrupt(
      'n0',
      lying(record, (message, to) => (to.id === 'n1' ? message + 1 : undefined)),
    )
    for (const id of ['n1', 'n2']) protocol('n0').environment.send(simulation.node(id).self, 5)
    simulation.run(100)
    assert.deepEqual([protocol('n1').messages, protocol('n2').messages], [[6], []])
  })
})

describe('a node that is taken over', () => {
  test('acts under the same descriptor from that moment on, and does not before', () => {
    const { simulation, make, found } = maxima()
    simulation.run(1000)
    assert.deepEqual(found(), Array(10).fill(1))
    const { self } = simulation.node('n3')
    simulation.corrupt(
      'n3',
      lying(make, () => 1000),
    )
    assert.equal(simulation.node('n3').self, self)
    simulation.run(1000)
    assert.deepEqual(found(), Array(10).fill(1000))
  })

  test('no longer runs the honest protocol: its timers are gone, and what it sends goes nowhere', () => {
    const { simulation, protocol } = network(2)
    const before = protocol('n0')
    before.environment.after(50, () => assert.fail('a timer of the honest protocol fired'))
    let handed: unknown
    simulation.corrupt('n0', (environment, _sign, honest) => {
      handed = honest
      return new Recorder(environment)
    })
    assert.equal(handed, before)
    assert.equal(protocol('n0').started, 1)
    before.environment.send(simulation.node('n1').self, 1)
    protocol('n0').environment.send(simulation.node('n1').self, 2)
    simulation.run(100)
    assert.deepEqual(protocol('n1').messages, [2])
  })

  test('stays paused, and gets what waited for it', () => {
    const { simulation, protocol, say } = network(2)
    simulation.pause('n0')
    say('n1', 'n0', 1)
    simulation.run(50)
    simulation.corrupt('n0', record)
    say('n1', 'n0', 2)
    simulation.run(50)
    assert.deepEqual(protocol('n0').messages, [])
    simulation.resume('n0')
    simulation.run(1)
    assert.deepEqual(protocol('n0').messages, [1, 2])
  })

  test('makes choices of its own, the same in every run', () => {
    const draw = () => {
      const { simulation, protocol } = network(1)
      const honest = protocol('n0').environment.random.word()
      simulation.corrupt('n0', record)
      return [honest, protocol('n0').environment.random.word()]
    }
    const [honest, hostile] = draw()
    assert.notEqual(honest, hostile)
    assert.deepEqual(draw(), [honest, hostile])
  })

  test('must be alive, and can be restarted as an honest one', () => {
    const { simulation, make } = maxima()
    simulation.kill('n0')
    assert.throws(() => simulation.corrupt('n0', make), /n0 is dead/)
    const { simulation: other, protocol, say } = network(2)
    other.corrupt(
      'n0',
      lying(record, () => 666),
    )
    other.restart('n0', record)
    say('n0', 'n1', 1)
    other.run(100)
    assert.deepEqual(protocol('n1').messages, [1])
  })
})
