import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNode, QueryError, QueryRefused } from './index.ts'

test('whoever embeds a node can tell a query that is wrong from one that is refused, by what the package exports', async () => {
  const node = await createNode({ listen: ['/ip4/127.0.0.1/tcp/0'], dht: { enabled: false } })
  await assert.rejects(node.tendril.query('SELECT nonsense'), QueryError)
  await node.stop()
  await assert.rejects(node.tendril.query('SELECT count(*) FROM nodes'), QueryRefused)
})
