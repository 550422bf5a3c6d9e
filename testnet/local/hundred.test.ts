// In a file of its own: it takes longer than all the others of local.test.ts together, and runs beside them. In two processes without
// the test runner's hooks on every promise; and with time for a machine five times slower than most, since this is no benchmark.
import { test } from 'node:test'
import { exactlyOnce } from '../checks/broadcast.ts'
import { bandsFilled, ringComplete } from '../checks/ring.ts'
import { exactCount, holds, messages, withTestnet } from './local.fixture.ts'

test('100 real nodes: an exact count with 99 delegations, every message once', async (t) => {
  await withTestnet(100, { processes: 2 }, async (testnet) => {
    await holds(testnet, ringComplete(300_000), bandsFilled(60_000))
    t.diagnostic(`ready after ${Math.round(testnet.now())} ms`)
    await holds(testnet, exactCount(), exactCount(99))
    await holds(testnet, exactlyOnce(messages(testnet, 'news', 20)))
  })
})
