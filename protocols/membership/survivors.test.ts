import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { type Bed, network, type Watcher } from './network.fixture.ts'

const NODES = 600

/**
 * 600 nodes that watch 30 contacts each, and that contacts told of 200 more. Then 95 % are dead, and nobody is told.
 * @returns the survivors
 */
function disaster(seed: number, acquaintances: number): { simulation: Bed; live: { id: string; protocol: Watcher }[] } {
  const simulation = network({ nodes: NODES, contacts: 30, seed, options: { acquaintances } })
  const random = new Random(seed).fork('told')
  const all = simulation.nodes.map(({ self }) => self)
  for (const { protocol } of simulation.nodes) {
    for (const from of protocol.contacts.slice(0, 10)) protocol.membership.told(from, random.sample(all, 20))
  }
  const dead = random.sample(simulation.nodes, NODES * 0.95)
  for (const { id } of dead) simulation.kill(id)
  return { simulation, live: simulation.nodes.filter(({ alive }) => alive) }
}

/** Survivors that know no other one. */
function alone(live: readonly { id: string; protocol: Watcher }[]): number {
  const isUp = (one: Watcher) => live.filter(({ id }) => one.membership.member(id)?.state === 'alive').length > 0
  return live.filter(({ protocol }) => !isUp(protocol)).length
}

test('95 % die at once: within 10 s every survivor has found others; without acquaintances some never do', () => {
  let left = 0
  for (const seed of [1, 2, 3]) {
    const on = disaster(seed, 1024)
    on.simulation.run(10_000)
    assert.equal(alone(on.live), 0, `seed ${seed}`)
    const off = disaster(seed, 0)
    off.simulation.run(15_000)
    left += alone(off.live)
  }
  assert.ok(left > 0, 'the control has to fail')
})

test('a node that nobody answers asks 128 acquaintances and then four a second, and goes on', () => {
  const simulation = network({ nodes: 2 })
  const { protocol, self } = simulation.node('n0')
  const nobody = Array.from({ length: 600 }, (_, i) =>
    describe({ id: `gone${i}`, addresses: [], sequence: 1, issued: 1_700_000_000_000 }),
  )
  protocol.membership.told(self, nobody)
  protocol.contacts = []
  const asked = () => protocol.membership.tally.get('acquaintances')
  simulation.run(1500)
  assert.ok(asked() > 0 && asked() <= 64, `${asked()} in a round or two`)
  simulation.run(58_500)
  assert.ok(asked() > 300 && asked() <= 128 + 4 * 60, `${asked()} in a minute`)
})

test('where enough contacts live, an alarm asks no acquaintance', () => {
  const simulation = network({ nodes: 60 })
  const { protocol, self } = simulation.node('n59')
  protocol.membership.told(
    self,
    Array.from({ length: 100 }, (_, i) =>
      describe({ id: `gone${i}`, addresses: [], sequence: 1, issued: 1_700_000_000_000 }),
    ),
  )
  for (let i = 0; i < 30; i++) simulation.kill(`n${i}`)
  simulation.run(20_000)
  assert.ok(protocol.membership.tally.get('alarms') > 0)
  assert.equal(protocol.membership.tally.get('acquaintances'), 0)
})

test('in an alarm who has not spoken since it began has to answer first, whoever offers it', () => {
  const simulation = network({ nodes: 40, contacts: 10 })
  const { membership } = simulation.node('n0').protocol
  for (const { self } of simulation.nodes.slice(1)) membership.heard(self) // it knows all 39
  const dead = simulation.nodes.slice(5).map(({ self }) => self)
  assert.ok(dead.every((peer) => membership.admits(peer) === 'yes'))
  for (const { id } of dead) simulation.kill(id)
  assert.ok(simulation.runUntil(() => membership.alarmed, 10_000, 10))
  assert.deepEqual(
    dead.filter((peer) => membership.admits(peer) === 'yes').map(({ id }) => id),
    [],
  )
  simulation.run(2000)
  assert.ok(simulation.nodes.slice(1, 5).some(({ self }) => membership.admits(self) === 'yes'))
})

/** Of 40 contacts 10 live on, of many others that are asked in an alarm nobody. @returns dead contacts that are not in doubt a second later */
function notLookedAt(seed: number): number {
  const simulation = network({ nodes: 160, contacts: 40, seed })
  const { protocol } = simulation.node('n0')
  const { membership } = protocol
  const others = simulation.nodes.slice(1).map(({ self }) => self)
  for (const peer of others) membership.heard(peer)
  simulation.run(1000)
  protocol.alarm = () => {
    for (const peer of others) membership.probe(peer, 'no answer to a ping')
  }
  const [live, dead] = [protocol.contacts.slice(0, 10), protocol.contacts.slice(10)]
  for (const { id } of others) if (!live.some((one) => one.id === id)) simulation.kill(id)
  assert.ok(simulation.runUntil(() => membership.alarmed, 10_000, 10))
  simulation.run(1000)
  return dead.filter((peer) => membership.admits(peer) !== 'no').length
}

test('in an alarm contacts are probed before anybody else, though there are more to probe than probes', () => {
  for (const seed of [1, 2, 3]) assert.equal(notLookedAt(seed), 0, `seed ${seed}`)
})
