import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

test('an address that is none is refused with the option that it stands in', async () => {
  for (const option of ['listen', 'announce', 'bootstrap'] as const) {
    const start = async () => (await createNode({ ...ALONE, [option]: ['/ip4/127.0.0.1/tcp/0', 'foo'] })).stop()
    await assert.rejects(start, {
      name: 'RangeError',
      message: new RegExp(`^${option}\\[1\\] "foo" is not a multiaddr: `),
    })
  }
})

test('an address that is not TCP is refused to listen on, also beside one that is: libp2p would leave it out without a word', async () => {
  const quic = '/ip4/127.0.0.1/udp/0/quic-v1'
  for (const strange of [quic, '/ip4/127.0.0.1/tcp/0/ws', '/ip4/127.0.0.1']) {
    const start = async () => (await createNode({ ...ALONE, listen: ['/ip4/127.0.0.1/tcp/0', strange] })).stop()
    await assert.rejects(start, {
      name: 'RangeError',
      message: `listen[1] "${strange}" is not listened on: tendril takes /tcp only, like /ip4/0.0.0.0/tcp/4001`,
    })
  }
  const node = await createNode({ ...ALONE, listen: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'], announce: [quic] })
  await node.stop()
})

test('a name of a network that would move the cursor of whoever prints it is refused', async () => {
  const start = async () => (await createNode({ ...ALONE, network: 'a\u001b[2J' })).stop()
  await assert.rejects(start, {
    name: 'RangeError',
    message: /none of them a control character; this one is "a\\u001b/,
  })
})

test('damage to a store that shows only when it is read is told as that of the data folder', async (context) => {
  const data = await mkdtemp(join(tmpdir(), 'tendril-damaged-'))
  context.after(() => rm(data, { recursive: true }))
  const run = async () => (await createNode({ ...ALONE, data })).stop()
  await run()
  await run() // the first log becomes a table
  const [table] = (await readdir(join(data, 'store'))).filter((name) => name.endsWith('.ldb'))
  const file = join(data, 'store', table as string)
  const bytes = await readFile(file)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  await writeFile(file, bytes)
  const message = /^the data folder .* is damaged: restore it, or remove it to start as a new node$/
  await assert.rejects(run, { name: 'DataFolderError', message })
  await assert.rejects(run, { name: 'DataFolderError', message }) // and nothing was left open
})

test('a data folder in which the key was damaged never starts as another node', async (context) => {
  const data = await mkdtemp(join(tmpdir(), 'tendril-damaged-'))
  context.after(() => rm(data, { recursive: true }))
  const node = await createNode({ ...ALONE, data })
  await node.stop()
  const log = join(data, 'store', '000003.log')
  const bytes = await readFile(log)
  bytes[20] = (bytes[20] ?? 0) ^ 1 // LevelDB leaves out a record whose checksum is wrong
  await writeFile(log, bytes)
  const start = async () => (await createNode({ ...ALONE, data })).stop()
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(start, {
      name: 'DataFolderError',
      message: /is damaged: .* its store has no key; restore it, or remove it to start as a new node$/,
    })
  }
})
