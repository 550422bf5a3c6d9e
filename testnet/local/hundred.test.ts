// In a file of its own: it takes longer than all the others of local.test.ts together, and runs beside them.
import { test } from 'node:test'
import { exactlyOnce } from '../checks/broadcast.ts'
import { bandsFilled, ringComplete } from '../checks/ring.ts'
import { exactCount, holds, messages, withTestnet } from './local.fixture.ts'

test('100 real nodes: an exact count with 99 delegations, every message once', async (t) => {
  await withTestnet(100, {}, async (testnet) => {
    await holds(testnet, ringComplete(120_000), bandsFilled(60_000))
    t.diagnostic(`ready after ${Math.round(testnet.now())} ms`)
    await holds(testnet, exactCount(), exactCount(99))
    await holds(testnet, exactlyOnce(messages(testnet, 'news', 20)))
  })
})
