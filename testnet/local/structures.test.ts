import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linksOf, structureComplete } from '../checks/structure.ts'
import { LocalTestnet } from './local.ts'

test('24 real nodes: line, torus and tree reach all their target links beside the ring, and close again over the dead', async (t) => {
  const structures = ['line:number', 'torus', 'tree']
  const testnet = new LocalTestnet({ seed: 11, structures })
  try {
    await testnet.start(24)
    for (const name of ['ring', ...structures]) {
      const { ok, detail } = await structureComplete(name, 60_000).run(testnet)
      t.diagnostic(detail)
      assert.ok(ok, detail)
    }
    assert.deepEqual(linksOf('line:number', await testnet.views('line:number')), { correct: 46, total: 46 })
    for (const index of [5, 6, 17]) await testnet.kill(index)
    for (const name of structures) {
      const { ok, detail } = await structureComplete(name, 60_000).run(testnet)
      assert.ok(ok, detail)
    }
    assert.deepEqual(linksOf('tree', await testnet.views('tree')), { correct: 40, total: 40 })
  } finally {
    await testnet.stop()
  }
})

test('16 real nodes in two processes, sorted by a load that they measure: all links that their descriptors say must be there', async (t) => {
  const testnet = new LocalTestnet({ seed: 12, structures: ['line:load'], processes: 2 })
  try {
    await testnet.start(16)
    const { ok, detail } = await structureComplete('line:load', 60_000).run(testnet)
    t.diagnostic(detail)
    assert.ok(ok, detail)
    assert.equal(linksOf('line:load', await testnet.views('line:load')).total, 30)
  } finally {
    await testnet.stop()
  }
})
