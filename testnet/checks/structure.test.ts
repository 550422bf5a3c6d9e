import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contactsOf } from '../../node/peers.ts'
import { type StackMessage, stackCodec } from '../../protocols/channels.ts'
import { Stack } from '../../protocols/stack.ts'
import { SimulatedTestnet } from '../simulated.ts'
import { Simulation } from '../simulator/simulation.ts'
import { hasTargets, linksOf, structureComplete } from './structure.ts'

/** The labels `number` are distinct, and the simulated machine's `load` has 16 values for all nodes. */
const NAMES = ['line:number', 'line:load', 'torus', 'tree'] as const

test('simulated stacks: lines over distinct and over equal values, torus and tree reach every target link, beside the ring', async () => {
  const testnet = new SimulatedTestnet({ seed: 3, latency: 20, wire: true, stack: { structures: NAMES } })
  await testnet.start(48)
  for (const name of ['ring', ...NAMES]) {
    const { ok, detail } = await structureComplete(name, 20_000).run(testnet)
    assert.ok(ok, detail)
  }
  const total = async (name: string) => linksOf(name, await testnet.views(name)).total
  assert.deepEqual(await Promise.all(NAMES.slice(0, 2).map(total)), [94, 94])
  assert.ok((await total('torus')) > 180)
  assert.equal(await total('tree'), 94)
  await testnet.stop()
})

test('the dead leave the structures, which close over them', async () => {
  const structures = ['line:number', 'tree']
  const testnet = new SimulatedTestnet({ seed: 4, latency: 20, stack: { structures } })
  await testnet.start(40)
  await testnet.sleep(20_000)
  const dead = [7, 8, 9, 21, 33]
  const ids = new Set(dead.map((index) => testnet.nodes[index]?.id))
  for (const index of dead) await testnet.silence(index)
  const held = async (name: string) => {
    const views = await testnet.views(name)
    return views.flatMap(({ contacts }) => contacts).filter((id) => ids.has(id)).length
  }
  for (const name of structures) assert.ok((await held(name)) > 0)
  await testnet.sleep(60_000)
  for (const name of structures) assert.ok((await held(name)) <= 20, 'of long links alone')
  await testnet.sleep(240_000)
  for (const name of structures) {
    assert.equal(await held(name), 0)
    assert.deepEqual(linksOf(name, await testnet.views(name)), { correct: 68, total: 68 })
  }
  await testnet.stop()
})

test('a structure that nobody takes part in is not complete, and one without target links is refused', async () => {
  const testnet = new SimulatedTestnet({ seed: 5, stack: { structures: ['line:height', 'latency'] } })
  await testnet.start(4)
  const { ok, detail } = await structureComplete('line:height', 2000).run(testnet)
  assert.equal(ok, false)
  assert.match(detail, /0 of 0/)
  assert.deepEqual(['ring', 'line:load', 'torus', 'tree', 'latency', 'own:x'].map(hasTargets), [
    true,
    true,
    true,
    true,
    false,
    false,
  ])
  assert.throws(() => linksOf('latency', []), /only ring, line/)
  await testnet.stop()
})

test('members of structures are among the peers, once each, with what they are there', () => {
  const nodes = 96
  const simulation = new Simulation<StackMessage, Stack>({ seed: 3, latency: 20, codec: stackCodec })
  for (let i = 0; i < nodes; i++) {
    const node = simulation.add({ addresses: [`/ip4/10.0.${i}.1/tcp/1`] }, (environment) => {
      return new Stack(environment, {
        attributes: () => ({ number: i }),
        sequences: { next: () => undefined },
        options: { structures: ['line:number'] },
      })
    })
    node.describe({ attributes: node.protocol.ranked() })
    node.protocol.introduce(simulation.nodes.slice(0, 1).map(({ self }) => self))
  }
  simulation.run(30_000)
  let apart = 0
  for (const [i, { protocol }] of simulation.nodes.entries()) {
    const peers = contactsOf(protocol, () => false)
    assert.equal(new Set(peers.map(({ id }) => id)).size, peers.length)
    for (const beside of [i - 1, i + 1].filter((j) => j >= 0 && j < nodes)) {
      const peer = peers.find(({ id }) => id === `n${beside}`)
      assert.deepEqual(peer?.structures, [{ name: 'line:number', role: 'neighbour' }])
      if (peer?.role === 'line:number neighbour') apart++
    }
    assert.ok(peers.every(({ role }) => role !== 'random'))
  }
  assert.ok(apart > 0, 'some neighbours on the line are strangers on the ring')
})
