import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../core/random.ts'
import { QueryError } from '../../protocols/query/language/query-error.ts'
import { anyLive, exactlyOnce, publishAndCollect, spreadText } from '../checks/broadcast.ts'
import { honestCount } from '../checks/count.ts'
import { bandsFilled, ringComplete } from '../checks/ring.ts'
import { turnover } from '../checks/turnover.ts'
import { waitFor } from '../testnet.ts'
import { exactCount, holds, messages, withTestnet } from './local.fixture.ts'

const COUNT = 'SELECT count(*) FROM nodes'

for (const nodes of [1, 2, 3]) {
  test(`${nodes} real nodes: an exact count with N-1 delegations, and every message once`, async () => {
    await withTestnet(nodes, {}, async (testnet) => {
      await holds(testnet, ringComplete(15_000), exactCount(), exactCount(nodes - 1))
      await holds(testnet, exactlyOnce(messages(testnet, 'news', 20)))
    })
  })
}

test('when a testnet has started, every node of it has met another', async () => {
  await withTestnet(6, {}, async (testnet) => {
    for (let index = 0; index < 6; index++) {
      const { rows, coverage } = await testnet.query(index, COUNT)
      assert.ok((rows[0]?.[0] as number) > 1 || coverage.missing !== 0, `node ${index} takes itself for the only one`)
    }
  })
})

test('32 real nodes: exact count, every message once; during 10 % silent deaths all who live get all', async (t) => {
  await withTestnet(32, {}, async (testnet) => {
    await holds(testnet, ringComplete(60_000), bandsFilled(60_000), exactCount(), exactCount(17))
    await holds(testnet, exactlyOnce(messages(testnet, 'news', 60, 1024)))
    await assert.rejects(testnet.query(0, 'SELECT cuont(*) FROM nodes'), (error) => error instanceof QueryError)

    const doomed = new Set([5, 14, 27])
    const plan = {
      ...messages(testnet, 'more news', 100),
      publisher: anyLive(testnet, new Random(4), doomed),
      async before(i: number) {
        if (i === 30) await Promise.all([...doomed].map((index) => testnet.silence(index)))
      },
    }
    const spread = await publishAndCollect(testnet, plan, 30_000)
    t.diagnostic(spreadText(spread))
    assert.equal(spread.expected, 100 * 29)
    assert.equal(spread.delivered, spread.expected)
    assert.equal(spread.duplicates, 0)
    assert.ok(honestCount(await testnet.query(0, COUNT), 29))
  })
})

// Bytes in the queues of 15 nodes for one that does not read: far less than what is published.
const MOST_QUEUED = 2 ** 20

for (const alone of [[], [15]]) {
  const how = alone.length === 0 ? 'neither reads nor writes' : 'is stopped by SIGSTOP'
  test(`a node of 16 that ${how} costs nobody a message, and comes back`, async (t) => {
    await withTestnet(16, { alone }, async (testnet) => {
      await holds(testnet, ringComplete(30_000), exactCount())
      await testnet.pause(15)
      assert.ok(honestCount(await testnet.query(0, COUNT), 15))
      const plan = { ...messages(testnet, 'news', 200, 16 * 1024), rate: 40 }
      const spread = await publishAndCollect(testnet, plan, 30_000)
      const { queued } = await testnet.stats()
      t.diagnostic(`${spreadText(spread)}; ${queued} bytes queued`)
      assert.equal(spread.delivered, 15 * 200)
      assert.equal(spread.duplicates, 0)
      assert.ok(queued < MOST_QUEUED, `${queued} bytes wait for a node that does not read`)
      await holds(testnet, ringComplete(20_000), exactCount())
      await testnet.resume(15)
      const back = await waitFor(testnet, async () => (await testnet.query(0, COUNT)).rows[0]?.[0] === 16, 30_000, 500)
      assert.ok(back, 'the node was not counted again')
    })
  })
}

test('the node that all others joined through dies and comes back at another port: it is found again, and who comes back after it', async () => {
  await withTestnet(5, {}, async (testnet) => {
    await holds(testnet, ringComplete(20_000))
    for (const index of [0, 3]) {
      await testnet.kill(index)
      await testnet.restart(index)
      await holds(testnet, ringComplete(30_000), exactCount(index))
    }
  })
})

test('nodes of two processes make one network, which some leave, are killed, pause, and come back to', async () => {
  await withTestnet(12, { processes: 2 }, async (testnet) => {
    assert.equal(testnet.children.length, 2)
    await holds(testnet, ringComplete(20_000), exactCount(3), exactlyOnce(messages(testnet, 'news', 20)))
    await holds(testnet, turnover([6, 7, 8]), exactCount(6), exactCount(7), exactCount(8))
    await testnet.kill(9)
    await assert.rejects(testnet.query(9, COUNT), RangeError)
  })
})

test('the same seed gives nodes the same ids and places', async () => {
  const ids: string[][] = []
  for (let i = 0; i < 2; i++) {
    await withTestnet(2, { seed: 77 }, async ({ nodes }) => {
      ids.push(nodes.map(({ id }) => id))
    })
  }
  assert.deepEqual(ids[0], ids[1])
})
