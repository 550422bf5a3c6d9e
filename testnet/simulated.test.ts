import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../core/random.ts'
import { anyLive, exactlyOnce } from './checks/broadcast.ts'
import { exactCount } from './checks/count.ts'
import { bandsFilled, ringComplete } from './checks/ring.ts'
import { turnover } from './checks/turnover.ts'
import { SimulatedTestnet } from './simulated.ts'

const PATIENT = { stack: { query: { rate: 100, burst: 100 } } }

for (const nodes of [1, 2, 3, 32, 100]) {
  test(`${nodes} simulated nodes: ring, long links, count and broadcast`, async (t) => {
    const testnet = new SimulatedTestnet({ seed: nodes, wire: nodes === 32, ...PATIENT })
    await testnet.start(nodes)
    const random = new Random(nodes)
    const checks = [
      ringComplete(30_000),
      bandsFilled(30_000),
      exactCount(),
      exactCount(nodes - 1),
      exactlyOnce({ topic: 't', messages: 20, bytes: 200, rate: 20, publisher: anyLive(testnet, random) }),
    ]
    for (const check of checks) {
      const { name, ok, detail } = await check.run(testnet)
      t.diagnostic(`${name}: ${detail} at ${testnet.now()} ms`)
      assert.ok(ok, `${name}: ${detail}`)
    }
  })
}

test('some simulated nodes leave, are killed, pause, and come back', async (t) => {
  const testnet = new SimulatedTestnet({ seed: 4, ...PATIENT })
  await testnet.start(12)
  for (const check of [ringComplete(20_000), turnover([6, 7, 8]), exactCount(6), exactCount(7), exactCount(8)]) {
    const { name, ok, detail } = await check.run(testnet)
    t.diagnostic(`${name}: ${detail} at ${testnet.now()} ms`)
    assert.ok(ok, `${name}: ${detail}`)
  }
})

test('node 0, whom all others ask, leaves and comes back without what it knew: it is found again', async () => {
  const testnet = new SimulatedTestnet({ seed: 6, ...PATIENT })
  await testnet.start(8)
  await testnet.sleep(10_000)
  await testnet.leave(0)
  await testnet.sleep(5000)
  await testnet.restart(0)
  for (const check of [ringComplete(20_000), exactCount()]) {
    const { name, ok, detail } = await check.run(testnet)
    assert.ok(ok, `${name}: ${detail}`)
  }
})

test('nodes leave within an action of the network: no time passes meanwhile, none goes back, and who comes back at once stays', async () => {
  const testnet = new SimulatedTestnet({ seed: 5 })
  await testnet.start(6)
  await testnet.sleep(5000)
  const { simulation } = testnet
  const began = testnet.now()
  let after = 0
  simulation.after(10, () => {
    for (const index of [1, 2, 3]) void testnet.leave(index)
    void testnet.restart(3)
    after = testnet.now()
  })
  await testnet.sleep(11)
  assert.deepEqual([after - began, testnet.now() - began], [10, 11])
  assert.deepEqual(
    testnet.nodes.map(({ condition }) => condition),
    ['up', 'left', 'left', 'up', 'up', 'up'],
  )
  const alive = () => simulation.nodes.map((node) => node.alive)
  assert.deepEqual(alive(), [true, false, false, true, true, true])
  assert.equal(simulation.node('n0').protocol.member('n1')?.state, 'alive', 'goodbyes are under way')
  await testnet.sleep(1000)
  assert.equal(simulation.node('n0').protocol.member('n1')?.state, 'left', 'and arrive')
  assert.deepEqual(alive(), [true, false, false, true, true, true])
})

test('the same seed gives the same run', async () => {
  const run = async (seed: number) => {
    const testnet = new SimulatedTestnet({ seed })
    await testnet.start(8)
    await testnet.sleep(5000)
    return testnet.simulation.traceHash
  }
  assert.equal(await run(1), await run(1))
  assert.notEqual(await run(1), await run(2))
})
