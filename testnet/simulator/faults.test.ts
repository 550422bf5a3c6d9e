import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Environment } from '../../core/environment.ts'
import { Recorder } from './recorder.ts'
import { network, record } from './recorders.fixture.ts'

/** Within four standard deviations of what a binomial variable is expected to be. */
function near(count: number, trials: number, probability: number): void {
  const deviation = Math.sqrt(trials * probability * (1 - probability))
  assert.ok(Math.abs(count - trials * probability) <= 4 * deviation, `${count} of ${trials}, expected ${probability}`)
}

describe('loss', () => {
  test('takes the configured share and counts it', () => {
    const { simulation, arriving } = network(2, { loss: 0.05 })
    const arrived = arriving('n0', 'n1', 20_000)
    near(arrived, 20_000, 0.95)
    assert.equal(simulation.tally.get('loss'), 20_000 - arrived)
  })

  test('of a sender, a receiver or a link applies there, together with the global one, until it is lifted', () => {
    const { simulation, arriving } = network(4, { loss: 0.1 })
    simulation.lose(0.5, { from: 'n0' })
    simulation.lose(0.2, { to: 'n1' })
    simulation.lose(1, { from: 'n2', to: 'n3' })
    near(arriving('n0', 'n1', 10_000), 10_000, 0.9 * 0.5 * 0.8)
    near(arriving('n0', 'n2', 10_000), 10_000, 0.9 * 0.5)
    near(arriving('n2', 'n1', 10_000), 10_000, 0.9 * 0.8)
    near(arriving('n1', 'n0', 10_000), 10_000, 0.9)
    assert.equal(arriving('n2', 'n3', 100), 0)
    near(arriving('n3', 'n2', 10_000), 10_000, 0.9)
    simulation.lose(0)
    simulation.lose(0, { from: 'n0' })
    simulation.lose(0, { to: 'n1' })
    simulation.lose(0, { from: 'n2', to: 'n3' })
    assert.equal(arriving('n0', 'n1', 1000) + arriving('n2', 'n3', 1000), 2000)
  })

  test('and duplication are rates: anything else is refused', () => {
    for (const rate of [-0.1, 1.1, Number.NaN]) {
      assert.throws(() => network(1, { loss: rate }), RangeError)
      assert.throws(() => network(1, { duplicate: rate }), RangeError)
      assert.throws(() => network(1).simulation.lose(rate), RangeError)
    }
  })

  test('duplicates arrive as often as configured, each after a latency of its own', () => {
    const { arriving } = network(2, { duplicate: 0.25 })
    near(arriving('n0', 'n1', 10_000) - 10_000, 10_000, 0.25)
    const { simulation, protocol, say } = network(2, { duplicate: 1, latency: (random) => random.float() * 100 })
    say('n0', 'n1', 1)
    simulation.run(100)
    const [first, second] = protocol('n1').heard
    assert.ok(first !== undefined && second !== undefined && first.at < second.at)
  })
})

describe('death', () => {
  test('by kill is silent: no timer, no message in or out, and nobody is told', () => {
    const { simulation, protocol, say } = network(2, { notices: true })
    const { environment } = protocol('n1')
    environment.after(20, () => assert.fail('a dead timer fired'))
    environment.every(20, () => assert.fail('a dead timer fired'))
    say('n0', 'n1', 1) // under way when the node dies
    simulation.kill('n1')
    assert.equal(simulation.node('n1').alive, false)
    say('n0', 'n1', 2)
    say('n1', 'n0', 3)
    const { pending } = simulation
    environment.after(20, () => assert.fail('a dead timer fired'))
    assert.equal(simulation.pending, pending, 'the dead set no timers')
    simulation.run(1000)
    assert.deepEqual([protocol('n0').messages, protocol('n1').messages], [[], []])
    assert.deepEqual(protocol('n0').notices, [])
    assert.deepEqual(simulation.tally.toJSON(), { dead: 3 })
  })

  test('is not undone by pause and resume', () => {
    const { simulation, protocol, say } = network(2)
    simulation.kill('n1')
    simulation.resume('n1')
    simulation.pause('n1', 20)
    say('n0', 'n1', 1)
    simulation.run(50)
    simulation.resume('n1')
    say('n0', 'n1', 2)
    simulation.run(50)
    assert.deepEqual(protocol('n1').messages, [])
    assert.equal(simulation.tally.get('dead'), 2)
  })

  test('by crash is told to whoever sends, after the latency, if the transport gives notices', () => {
    for (const notices of [true, false]) {
      const { simulation, protocol, say } = network(2, { notices })
      simulation.crash('n1')
      say('n0', 'n1', 1)
      simulation.run(9)
      assert.deepEqual(protocol('n0').notices, [])
      simulation.run(1)
      assert.deepEqual(protocol('n0').notices, notices ? ['n1: connection refused'] : [])
    }
  })

  test('and restart: a new protocol, the same id, the next sequence number; nothing of the old one lives on', () => {
    const { simulation, protocol, say, arriving } = network(2)
    const before = protocol('n1')
    before.environment.every(10, () => assert.fail('a timer of the old incarnation fired'))
    simulation.kill('n1')
    simulation.run(50)
    simulation.restart('n1', record)
    assert.notEqual(protocol('n1'), before)
    assert.equal(protocol('n1').started, 1)
    assert.equal(simulation.node('n1').self.sequence, 2)
    before.environment.send(simulation.node('n0').self, 667)
    say('n1', 'n0', 1)
    assert.equal(arriving('n0', 'n1'), 1)
    assert.deepEqual(protocol('n0').messages, [1])
    assert.equal(protocol('n0').heard[0]?.from.sequence, 2)
    assert.deepEqual(before.messages, [])
    assert.equal(simulation.nodes.length, 2)
  })

  test('and restart with state: the new protocol takes what a disk kept from the old one; without, it comes back empty', () => {
    const { simulation, protocol, say } = network(2)
    const remembering = (environment: Environment<number>, _sign: unknown, before?: Recorder) => {
      const recorder = new Recorder(environment)
      recorder.heard.push(...(before?.heard ?? []))
      return recorder
    }
    say('n0', 'n1', 7)
    simulation.run(100)
    simulation.crash('n1')
    simulation.restart('n1', remembering, { keep: true })
    say('n0', 'n1', 8)
    simulation.run(100)
    assert.deepEqual(protocol('n1').messages, [7, 8])
    simulation.restart('n1', remembering)
    assert.deepEqual(protocol('n1').messages, [])
    assert.equal(simulation.node('n1').id, 'n1')
    assert.equal(simulation.node('n1').self.sequence, 3)
  })

  test('restart of a living node ends its old incarnation without a word', () => {
    const { simulation, protocol } = network(2)
    const before = protocol('n1')
    before.environment.every(10, () => assert.fail('a timer of the old incarnation fired'))
    simulation.restart('n1', record)
    before.environment.send(simulation.node('n0').self, 666)
    simulation.run(100)
    assert.deepEqual(protocol('n0').messages, [])
  })

  test('what was sent before a restart still carries the old descriptor', () => {
    const { simulation, protocol, say } = network(2)
    say('n1', 'n0', 1)
    simulation.restart('n1', record)
    simulation.run(100)
    assert.equal(protocol('n0').heard[0]?.from.sequence, 1)
  })
})

describe('pause', () => {
  test('keeps messages and timers that become due, and gives them at once and in order on resume', () => {
    const { simulation, protocol, say } = network(2)
    const log: string[] = []
    const { environment } = protocol('n1')
    protocol('n1').react = (_, message) => log.push(`message ${message} at ${simulation.now}`)
    environment.after(15, () => log.push(`timer at ${simulation.now}`))
    environment.after(200, () => log.push(`later timer at ${simulation.now}`))
    simulation.pause('n1')
    say('n0', 'n1', 1)
    simulation.run(50)
    say('n0', 'n1', 2)
    simulation.run(50)
    assert.deepEqual(log, [])
    assert.ok(simulation.node('n1').alive)
    assert.equal(simulation.node('n1').waiting, 2)
    simulation.resume('n1')
    simulation.run(150)
    assert.deepEqual(log, ['message 1 at 100', 'timer at 100', 'message 2 at 100', 'later timer at 200'])
  })

  test('what is due at the very time of the resume does not overtake what waited for it', () => {
    const { simulation, protocol, say } = network(2, { latency: 10 })
    const log: string[] = []
    protocol('n1').react = (_, message) => log.push(`message ${message} at ${simulation.now}`)
    simulation.pause('n1', 100)
    say('n0', 'n1', 1)
    protocol('n1').environment.after(100, () => log.push(`timer at ${simulation.now}`))
    simulation.after(90, () => say('n0', 'n1', 2))
    simulation.run(150)
    assert.deepEqual(log, ['message 1 at 100', 'timer at 100', 'message 2 at 100'])
    simulation.pause('n1')
    say('n0', 'n1', 3)
    simulation.after(50, () => {
      simulation.resume('n1')
      say('n1', 'n0', 4) // it is up again: what it says leaves
      simulation.pause('n1', 50)
      assert.equal(simulation.node('n1').waiting, 1, 'stopped again before its turn came')
    })
    simulation.run(99)
    assert.deepEqual([log.length, protocol('n0').messages], [3, [4]])
    simulation.run(1)
    assert.deepEqual(log.slice(3), ['message 3 at 250'])
  })

  test('with a duration ends by itself; a later pause is not cut short by an earlier one', () => {
    const { simulation, protocol, say } = network(2)
    simulation.pause('n1', 100)
    simulation.run(50)
    simulation.pause('n1', 100)
    say('n0', 'n1', 1)
    simulation.run(90)
    assert.deepEqual(protocol('n1').messages, [])
    simulation.run(10)
    assert.deepEqual(protocol('n1').messages, [1])
  })

  test('makes up for one turn of a periodic timer, not for each', () => {
    const { simulation, protocol } = network(1)
    const turns: number[] = []
    protocol('n0').environment.every(10, () => turns.push(simulation.now))
    simulation.run(100)
    const before = turns.length
    simulation.pause('n0', 1000)
    simulation.run(1000)
    assert.equal(turns.length, before + 1)
    simulation.run(100)
    assert.ok(turns.length >= before + 9)
  })

  test('lets timers be cancelled that were due meanwhile', () => {
    const { simulation, protocol, say } = network(2)
    const timer = protocol('n1').environment.after(15, () => assert.fail('cancelled'))
    const other = protocol('n1').environment.after(15, () => assert.fail('cancelled'))
    protocol('n1').react = () => timer.cancel()
    simulation.pause('n1')
    say('n0', 'n1', 1)
    simulation.run(50)
    other.cancel()
    simulation.resume('n1')
    simulation.run(50)
    assert.deepEqual(protocol('n1').messages, [1])
    assert.equal(simulation.node('n1').environment.timers, 0)
  })

  test('keeps no more messages than the bound, and counts the rest', () => {
    const { simulation, protocol, say } = network(2, { pauseQueue: 10 })
    simulation.pause('n1')
    for (let i = 0; i < 25; i++) say('n0', 'n1', i)
    simulation.run(100)
    assert.equal(simulation.node('n1').waiting, 10)
    assert.equal(simulation.tally.get('pause-queue-full'), 15)
    simulation.resume('n1')
    simulation.run(1)
    assert.deepEqual(protocol('n1').messages, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('and then death: what waited is gone', () => {
    const { simulation, protocol, say } = network(2)
    simulation.pause('n1', 100)
    say('n0', 'n1', 1)
    simulation.run(50)
    simulation.kill('n1')
    simulation.restart('n1', record)
    simulation.pause('n1', 10)
    simulation.run(100)
    assert.deepEqual(protocol('n1').messages, [])
    assert.equal(simulation.tally.get('dead'), 1)
  })
})

describe('partition', () => {
  test('lets nothing through between its groups and the rest, everything inside, until healed', () => {
    const { simulation, arriving } = network(6)
    simulation.partition([
      ['n0', 'n1'],
      ['n2', 'n3'],
    ])
    const pairs = { inside: [0, 1, 2, 3, 4, 5], across: [0, 2, 3, 1, 0, 4, 5, 2] }
    const through = (list: number[]) =>
      list.flatMap((_, i) =>
        i % 2 === 0 ? [arriving(`n${list[i]}`, `n${list[i + 1]}`), arriving(`n${list[i + 1]}`, `n${list[i]}`)] : [],
      )
    assert.deepEqual(through(pairs.inside), [1, 1, 1, 1, 1, 1])
    assert.deepEqual(through(pairs.across), [0, 0, 0, 0, 0, 0, 0, 0])
    assert.equal(simulation.tally.get('partition'), 8)
    simulation.heal()
    assert.deepEqual(through(pairs.across), [1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('replaces the one before; nodes added later are in no group', () => {
    const { simulation, arriving } = network(3)
    simulation.partition([['n0']])
    simulation.partition([['n1']])
    simulation.add({}, record)
    assert.equal(arriving('n0', 'n2'), 1)
    assert.equal(arriving('n0', 'n3'), 1)
    assert.equal(arriving('n1', 'n3'), 0)
  })

  test('can be one-way, by blocking links', () => {
    const { simulation, arriving } = network(2)
    simulation.block('n0', 'n1')
    assert.equal(arriving('n0', 'n1'), 0)
    assert.equal(arriving('n1', 'n0'), 1)
    simulation.heal()
    assert.equal(arriving('n0', 'n1'), 1)
  })

  test('can be one-way between groups: one hears the other and is not heard; everybody else is untouched', () => {
    const { simulation, arriving } = network(5)
    simulation.block(['n0', 'n1'], ['n2', 'n3'])
    simulation.add({}, record)
    assert.equal(arriving('n0', 'n2') + arriving('n1', 'n3'), 0)
    assert.equal(arriving('n2', 'n0') + arriving('n3', 'n1'), 2, 'the way back')
    assert.equal(arriving('n0', 'n1') + arriving('n2', 'n3'), 2, 'inside')
    assert.equal(arriving('n0', 'n4') + arriving('n4', 'n2') + arriving('n5', 'n3') + arriving('n0', 'n5'), 4, 'others')
    assert.equal(simulation.tally.get('partition'), 2)
  })

  test('of a node that is in both groups leaves it its own messages', () => {
    const { simulation, arriving } = network(2)
    simulation.block(['n0', 'n1'], ['n0', 'n1'])
    assert.deepEqual([arriving('n0', 'n1'), arriving('n1', 'n0'), arriving('n0', 'n0')], [0, 0, 1])
  })

  test('of several names hold together, and each is healed alone', () => {
    const { simulation, arriving } = network(4)
    const through = () => [arriving('n0', 'n1'), arriving('n0', 'n2'), arriving('n3', 'n2')]
    simulation.partition([['n0'], ['n1', 'n2', 'n3']], 'cable')
    simulation.partition(
      [
        ['n0', 'n1'],
        ['n2', 'n3'],
      ],
      'sea',
    )
    simulation.block('n3', 'n2', 'wall')
    assert.deepEqual(through(), [0, 0, 0])
    simulation.heal('cable')
    assert.deepEqual(through(), [1, 0, 0])
    simulation.heal('wall')
    simulation.heal('nothing of this name')
    assert.deepEqual(through(), [1, 0, 1])
    simulation.partition([['n2'], ['n0', 'n1', 'n3']], 'sea')
    assert.deepEqual(through(), [1, 0, 0])
    simulation.heal()
    assert.deepEqual(through(), [1, 1, 1])
  })

  test('with a node in two groups, or one that does not exist, is refused and leaves the one before', () => {
    const { simulation, arriving } = network(3)
    simulation.partition([['n0'], ['n1', 'n2']])
    assert.throws(() => simulation.partition([['n0', 'n1'], ['n1']]), RangeError)
    assert.throws(() => simulation.partition([['n7']]), RangeError)
    assert.throws(() => simulation.block(['n0'], ['n7']), RangeError)
    assert.deepEqual([arriving('n0', 'n1'), arriving('n1', 'n2')], [0, 1])
  })

  test('does not stop what is already under way', () => {
    const { simulation, protocol, say } = network(2)
    say('n0', 'n1', 1)
    simulation.partition([['n0']])
    simulation.run(100)
    assert.deepEqual(protocol('n1').messages, [1])
  })
})

describe('actions', () => {
  test('happen at their time, unless cancelled', () => {
    const { simulation } = network(1)
    simulation.after(50, () => simulation.kill('n0'))
    const cancelled = simulation.after(10, () => assert.fail('cancelled'))
    cancelled.cancel()
    cancelled.cancel()
    simulation.run(49)
    assert.ok(simulation.node('n0').alive)
    simulation.run(1)
    assert.ok(!simulation.node('n0').alive)
  })
})
