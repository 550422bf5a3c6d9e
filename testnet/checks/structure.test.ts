import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedTestnet } from '../simulated.ts'
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
