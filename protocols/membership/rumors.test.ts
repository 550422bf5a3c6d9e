import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe } from '../../core/descriptor.ts'
import { MAX_RUMORS } from './messages.ts'
import { type Bed, network, Watcher } from './network.fixture.ts'
import { Rumors } from './rumors.ts'

const dead = (id: string, sequence = 1) => describe({ id, addresses: [], sequence, issued: 0 })

/** Of all nodes. */
function sum(simulation: Bed, what: string): number {
  return simulation.nodes.reduce((total, { protocol }) => total + protocol.membership.tally.get(what), 0)
}

/** Whose deaths each living node tells of, in an answer to a ping of `asker`. */
function toldOf(simulation: Bed, asker: string): string[] {
  const { protocol, environment } = simulation.node(asker)
  const told = new Set<string>()
  const receive = protocol.receive.bind(protocol)
  protocol.receive = (from, message) => {
    if (message.kind === 'pong') for (const { id } of message.dead) told.add(id)
    receive(from, message)
  }
  for (const { self, alive } of simulation.nodes) {
    if (alive && self.id !== asker) environment.send(self, { kind: 'ping', nonce: 1, dead: [] })
  }
  simulation.run(500)
  protocol.receive = receive
  return [...told].sort()
}

test('never more than 8 deaths, the newest first, nobody twice, none that is withdrawn or over', () => {
  const operation = fc.record({
    what: fc.constantFrom('add', 'add', 'withdraw', 'forget'),
    id: fc.nat(12),
    wait: fc.nat(2000),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const rumors = new Rumors()
      let model: { id: string; sequence: number; at: number }[] = []
      let now = 0
      operations.forEach(({ what, id, wait }, sequence) => {
        now += wait
        const name = `n${id}`
        const others = model.filter((one) => one.id !== name)
        if (what === 'add') {
          rumors.add(dead(name, sequence), now)
          model = [{ id: name, sequence, at: now }, ...others].slice(0, MAX_RUMORS)
        } else if (what === 'withdraw') {
          rumors.withdraw(name)
          model = others
        } else {
          rumors.forget(now, 10_000)
          model = model.filter(({ at }) => now - at <= 10_000)
        }
        assert.deepEqual(
          rumors.told,
          model.map((one) => ({ id: one.id, sequence: one.sequence })),
        )
      })
    }),
  )
})

test('after a partition nobody tells of deaths that were none, and the living are probed as seldom as without it', () => {
  const probes: number[] = []
  for (const parted of [false, true]) {
    const simulation = network({ nodes: 30 })
    const ids = simulation.nodes.map(({ id }) => id)
    const contacts = new Map(simulation.nodes.map(({ id, protocol }) => [id, protocol.contacts]))
    if (parted) simulation.partition([ids.slice(0, 15), ids.slice(15)])
    simulation.run(15_000)
    if (parted) assert.ok(toldOf(simulation, 'n0').length >= MAX_RUMORS)
    simulation.heal()
    simulation.run(30_000)
    assert.deepEqual(toldOf(simulation, 'n0'), [])
    // As T-Man does: who is back is a contact again.
    for (const { id, protocol } of simulation.nodes) protocol.contacts = contacts.get(id) ?? []
    simulation.run(60_000)
    const [before, looks] = [sum(simulation, 'probes'), sum(simulation, 'rumours')]
    simulation.run(30_000)
    assert.equal(sum(simulation, 'rumours'), looks)
    probes.push((sum(simulation, 'probes') - before) / 30 / 30)
  }
  const [undisturbed, healed] = probes as [number, number]
  assert.ok(healed < undisturbed * 1.1, `${healed} probes a node and second, ${undisturbed} without a partition`) // it was 23 to 2
})

test('a death is told of for `deadFor` ms and no longer; of one that is back under a newer sequence not at all', () => {
  const simulation = network({ nodes: 10, options: { deadFor: 20_000 } })
  simulation.kill('n1')
  simulation.kill('n2')
  assert.ok(
    simulation.runUntil(
      () => simulation.nodes.every(({ alive, protocol }) => !alive || protocol.downs.length === 2),
      30_000,
    ),
  )
  assert.deepEqual(toldOf(simulation, 'n0'), ['n1', 'n2'])
  const { self, protocol } = simulation.restart('n2', (environment) => new Watcher(environment))
  protocol.contacts = simulation.nodes.filter(({ alive, id }) => alive && id !== self.id).map((node) => node.self)
  simulation.run(10_000)
  assert.deepEqual(toldOf(simulation, 'n0'), ['n1'])
  simulation.run(15_000)
  assert.deepEqual(toldOf(simulation, 'n0'), [])
})
