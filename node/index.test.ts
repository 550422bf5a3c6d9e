import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { createNode, QueryError, QueryRefused } from './index.ts'

const ALONE = { listen: ['/ip4/127.0.0.1/tcp/0'], dht: { enabled: false } } as const

test('its own address is none that a node knew to join through', async () => {
  const privateKey = await generateKeyPair('Ed25519')
  const own = `/ip4/192.0.2.1/tcp/1/p2p/${peerIdFromPrivateKey(privateKey)}`
  const node = await createNode({ ...ALONE, privateKey, bootstrap: [own] })
  await node.stop()
  assert.equal(node.known, 0)
})

test('whoever embeds a node can tell a query that is wrong from one that is refused, by what the package exports', async () => {
  const node = await createNode(ALONE)
  await assert.rejects(node.tendril.query('SELECT nonsense'), QueryError)
  await node.stop()
  await assert.rejects(node.tendril.query('SELECT count(*) FROM nodes'), QueryRefused)
})
