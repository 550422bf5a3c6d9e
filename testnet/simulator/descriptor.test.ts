import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { describe, descriptorSize } from '../../core/descriptor.ts'
import { SimulatedDescriptor, Statement } from './descriptor.ts'
import { Recorder } from './recorder.ts'
import { Simulation } from './simulation.ts'

const statements = fc.record({
  addresses: fc.array(fc.string({ unit: 'binary', maxLength: 250 }), { maxLength: 6 }),
  attributes: fc.dictionary(
    fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/),
    fc.double({ noNaN: true }).filter(Number.isFinite),
    {
      maxKeys: 4,
      noNullPrototype: true,
    },
  ),
  sequence: fc.maxSafeNat(),
  issued: fc.maxSafeNat(),
})
const ids = fc.stringMatching(/^[A-Za-z0-9]{1,64}$/)

suite('a simulated descriptor', () => {
  test('says what the plain descriptor of the same node says, and is as large as a real node’s: signed, with a real id and an address', () => {
    let compared = 0
    fc.assert(
      fc.property(ids, statements, (id, said) => {
        let plain: ReturnType<typeof describe>
        try {
          plain = describe({ id, ...said })
        } catch {
          assert.throws(() => new SimulatedDescriptor(id, 0, new Statement({}, said)), RangeError)
          return
        }
        const simulated = new SimulatedDescriptor(id, 0, new Statement({}, said))
        const { addresses, attributes, sequence, issued, position, record } = simulated
        assert.deepEqual({ id, position, addresses, sequence, issued, attributes, record }, plain)
        const shortfall = Math.max(0, 29 - addresses.reduce((sum, { length }) => sum + length, 0))
        const real = descriptorSize(plain) + 64 + Math.max(0, 52 - id.length) + shortfall
        assert.equal(descriptorSize(simulated), real)
        compared++
      }),
      { seed: 1 },
    )
    assert.ok(compared > 50, `${compared}`)
  })

  test('of another simulation is looked up by its id: its number means nothing here', () => {
    const record = (simulation: Simulation<number, Recorder>, ...names: string[]) => {
      for (const id of names) simulation.add({ id }, (environment) => new Recorder(environment))
      return simulation
    }
    const here = record(new Simulation<number, Recorder>({ seed: 1 }), 'a', 'b')
    const there = record(new Simulation<number, Recorder>({ seed: 1 }), 'b', 'a', 'c')
    here.node('a').protocol.environment.send(there.node('b').self, 7)
    here.node('a').protocol.environment.send(there.node('c').self, 8)
    here.run(100)
    assert.deepEqual(here.node('b').protocol.messages, [7])
    assert.deepEqual(here.node('a').protocol.messages, [])
    assert.equal(here.tally.get('unknown'), 1)
  })
})
