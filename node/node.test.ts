import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { bootstrap } from '@libp2p/bootstrap'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { MemoryDatastore } from 'datastore-core'
import { createLibp2p } from 'libp2p'
import { createNode, DHT_PROTOCOL, type NodeConfig, TESTNET_LIMITS, type TendrilNode } from './create.ts'
import { DataFolderError, type Message, QueryError, tendril } from './index.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']
const running: { stop(): unknown }[] = []
const folder = await mkdtemp(join(tmpdir(), 'tendril-node-'))
after(async () => {
  await Promise.all(running.map((node) => node.stop()))
  await rm(folder, { recursive: true, force: true })
})

async function start(config: NodeConfig = {}): Promise<TendrilNode> {
  const node = await createNode({ listen: LISTEN, limits: TESTNET_LIMITS, dht: { enabled: false }, ...config })
  running.push(node)
  return node
}

/** Waits for something to become true; the machine is shared, so the limit is generous. */
async function until(what: string, predicate: () => boolean | Promise<boolean>, limit = 30_000): Promise<void> {
  const end = performance.now() + limit
  while (!(await predicate())) {
    if (performance.now() > end) throw new Error(`waited ${limit / 1000} s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Whether it knows them, and has found its place among them: from then on its answers are complete. */
function knows({ tendril }: TendrilNode, ...others: TendrilNode[]): boolean {
  if (!tendril.status().settled) return false
  const ids = tendril.peers().flatMap(({ id, role }) => (role === 'random' ? [] : [id]))
  return others.every((other) => ids.includes(other.tendril.id))
}

test('embedded in a libp2p node: query, subscribe and publish', async () => {
  const embedded = async (region: string, list: readonly string[]) => {
    const node = await createLibp2p({
      addresses: { listen: LISTEN },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      ...(list.length > 0 && { peerDiscovery: [bootstrap({ list: [...list] })] }),
      services: { identify: identify(), tendril: tendril({ attributes: { region } }) },
    })
    running.push(node)
    return node
  }
  const a = await embedded('eu', [])
  const b = await embedded('us', a.getMultiaddrs().map(String))
  const messages: Message[] = []
  a.services.tendril.subscribe('news', (message) => messages.push(message))
  await until('they know each other', () =>
    [a, b].every(({ services: { tendril } }) => {
      return tendril.status().settled && tendril.peers().some(({ role }) => role !== 'random')
    }),
  )
  const { rows, coverage } = await b.services.tendril.query('SELECT region, os FROM nodes ORDER BY region')
  assert.deepEqual(
    rows.map(([region]) => region),
    ['eu', 'us'],
  )
  assert.equal(coverage.missing, 0)
  assert.equal(b.services.tendril.publish('news', 'hello').status, 'accepted')
  await until('the message came', () => messages.length === 1)
  assert.equal(new TextDecoder().decode(messages[0]?.payload), 'hello')
  assert.equal(messages[0]?.from, b.services.tendril.id)
})

test('a count is exact and takes N - 1 delegations, for one, two and three nodes', async () => {
  const nodes: TendrilNode[] = []
  for (const size of [1, 2, 3]) {
    const network = { network: 'count', attributes: { number: size } }
    const first = nodes[0]
    nodes.push(await start({ ...network, bootstrap: first === undefined ? [] : [first.addresses[0] as string] }))
    await until('all know all', () => nodes.every((node) => knows(node, ...nodes.filter((other) => other !== node))))
    for (const { tendril } of nodes) {
      const { rows, coverage, cost } = await tendril.query('SELECT count(*), sum(number) FROM nodes')
      assert.deepEqual(rows, [[size, (size * (size + 1)) / 2]])
      assert.deepEqual([coverage.answered, coverage.missing, cost.delegations], [size, 0, size - 1])
    }
  }
})

test('nodes of different networks stay strangers, whoever dials', async () => {
  const blue = await start({ network: 'blue' })
  const red = await start({ network: 'red', bootstrap: [blue.addresses[0] as string] })
  await until('blue refused red, or red blue', () =>
    [blue, red].some(({ tendril }) => (tendril.status().links?.reasons['other-network'] ?? 0) > 0),
  )
  for (const { tendril } of [blue, red]) {
    assert.deepEqual((await tendril.query('SELECT count(*) FROM nodes')).rows, [[1]])
    assert.deepEqual(tendril.peers(), [])
  }
})

test('a restarted node keeps its id, its attributes and its way back, without being told where the others are', async () => {
  const stays = await start({ network: 'restart' })
  const data = join(folder, 'restart')
  const first = await start({ network: 'restart', data, bootstrap: [stays.addresses[0] as string] })
  first.tendril.set('rack', 'r7')
  await until('they know each other', () => knows(first, stays) && knows(stays, first))
  await first.stop()
  const second = await start({ network: 'restart', data })
  assert.equal(second.tendril.id, first.tendril.id)
  assert.equal(second.known, 1)
  assert.equal(second.tendril.get('rack'), 'r7')
  await until('it is back', () => knows(second, stays) && knows(stays, second))
})

test('what a node published right before its restart, and nobody got, is told as missed after it', async () => {
  const network = { network: 'last', stack: { tmanPeriod: 200, broadcast: { patience: 500 } } }
  const hears = await start(network)
  const data = join(folder, 'last')
  const before = await start({ ...network, data, bootstrap: [hears.addresses[0] as string] })
  const heard: string[] = []
  const missed: string[] = []
  await until('they know each other', () => knows(before, hears) && knows(hears, before))
  hears.tendril.subscribe('news', ({ payload }) => heard.push(new TextDecoder().decode(payload)))
  hears.tendril.addEventListener('message:missed', ({ detail }) => missed.push(`${detail.from}/${detail.range.last}`))
  before.tendril.subscribe('news', () => undefined)
  await until('both are in the group', () => [before, hears].every(({ tendril }) => tendril.topics()[0]?.members === 1))
  before.tendril.publish('news', 'first')
  await until('it came', () => heard.length === 1)
  const lost = before.tendril.publish('news', 'lost')
  for (const connection of before.libp2p.getConnections()) connection.abort(new Error('the plug is pulled'))
  await before.stop()
  const after = await start({ ...network, data })
  after.tendril.subscribe('news', () => undefined)
  await until('they are in the group again', () => after.tendril.topics()[0]?.members === 1)
  after.tendril.publish('news', 'second')
  await until('it came', () => heard.length === 2)
  assert.deepEqual([heard, missed], [['first', 'second'], lost.status === 'accepted' ? [lost.id] : []])
})

test('two nodes that share nothing but a DHT server find each other by the name of their network', async () => {
  const server = await createLibp2p({
    addresses: { listen: LISTEN },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1000, maxIncomingPendingConnections: 1000 },
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({ protocol: DHT_PROTOCOL, clientMode: false, peerInfoMapper: passthroughMapper }),
    },
  })
  running.push(server)
  const address = server.getMultiaddrs().map(String)
  const config = { dht: { enabled: true, mode: 'client' }, bootstrap: address } as const
  const [a, b] = [await start({ ...config, network: 'found' }), await start({ ...config, network: 'found' })]
  const other = await start({ ...config, network: 'not found' })
  await until('they found each other', () => knows(a, b) && knows(b, a), 60_000)
  assert.deepEqual(other.tendril.peers(), [])
  assert.equal((await a.tendril.query('SELECT count(*) FROM nodes')).rows[0]?.[0], 2)
})

test('a bootstrap node that does not answer is told about, retried, and joined when it is there', async () => {
  const privateKey = await generateKeyPair('Ed25519')
  const port = await freePort()
  const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdFromPrivateKey(privateKey)}`
  const join = { firstRetry: 200, longestRetry: 500 }
  const early = await start({ network: 'late', bootstrap: [address], join, links: { dialTimeout: 1000 } })
  const reasons: string[] = []
  early.tendril.addEventListener('join:failed', ({ detail }) => reasons.push(detail.reason))
  await until('it was told twice', () => reasons.length >= 2)
  assert.match(reasons[0] ?? '', /^the bootstrap node .* does not answer .*The next attempt is in/)
  assert.deepEqual((await early.tendril.query('SELECT count(*) FROM nodes')).rows, [[1]])
  const late = await start({ network: 'late', privateKey, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
  await until('they know each other', () => knows(early, late) && knows(late, early))
})

test('who was told of others is not the whole network before it meets one; who knows of none, or whom all have left, is', async () => {
  const whole = async ({ tendril }: TendrilNode) => {
    const { rows, coverage } = await tendril.query('SELECT count(*) FROM nodes')
    const gossip = await tendril.query('SELECT count(*) FROM nodes WITH GOSSIP')
    return { settled: tendril.status().settled, rows, missing: coverage.missing, gossip: gossip.rows }
  }
  const first = await start({ network: 'whole' })
  const alone = { settled: true, rows: [[1]], missing: 0, gossip: [[1]] }
  assert.deepEqual(await whole(first), alone)
  const bootstrap = [first.addresses[0] as string]
  const second = await start({ network: 'whole', bootstrap })
  await until('they know each other', () => knows(first, second) && knows(second, first))
  await second.tendril.leave()
  await until('it is gone', () => first.tendril.peers().length === 0)
  assert.deepEqual(await whole(first), alone)
  await first.stop()
  const early = await start({ network: 'whole', bootstrap })
  assert.deepEqual(await whole(early), { settled: false, rows: [[1]], missing: null, gossip: [[null]] })
})

test('what a user sets is seen by queries of others; what the machine says cannot be set', async () => {
  const a = await start({ network: 'attributes' })
  const b = await start({ network: 'attributes', bootstrap: [a.addresses[0] as string] })
  await until('they know each other', () => knows(a, b) && knows(b, a))
  b.tendril.set('role', 'edge')
  const { rows } = await a.tendril.query("SELECT id, role FROM nodes WHERE role = 'edge'")
  assert.deepEqual(rows, [[b.tendril.id, 'edge']])
  assert.throws(() => b.tendril.set('load', 0), /measured by the node itself/)
  assert.equal(b.tendril.get('nothing'), undefined)
  await assert.rejects(createNode({ listen: LISTEN, attributes: { os: 'mine' } }), RangeError)
  await assert.rejects(createNode({ listen: LISTEN, network: 'x'.repeat(65) }), RangeError)
})

test('a query ends with its answer, its error, its signal or its node, and with nothing else', async () => {
  const node = await start({ network: 'endings' })
  await assert.rejects(node.tendril.query('SELECT cuont(*) FROM nodes'), (error: Error) => {
    assert.ok(error instanceof QueryError)
    assert.match(error.caret(), /\^/)
    return true
  })
  await assert.rejects(
    node.tendril.query('SELECT 1 FROM nodes', { signal: AbortSignal.abort('no') }),
    (e) => e === 'no',
  )
  const silent = await start({ network: 'endings', bootstrap: [node.addresses[0] as string] })
  await until('they know each other', () => knows(node, silent) && knows(silent, node))
  // The peer's connection takes what is said and answers nothing.
  for (const connection of silent.libp2p.getConnections()) for (const stream of connection.streams) stream.pause()
  const abort = new AbortController()
  const aborted = node.tendril.query('SELECT count(*) FROM nodes', { signal: abort.signal })
  const stopped = node.tendril.query('SELECT count(*) FROM nodes')
  abort.abort(new Error('changed my mind'))
  await assert.rejects(aborted, /changed my mind/)
  await Promise.all([assert.rejects(stopped, /this node stopped/), node.stop()])
  await assert.rejects(node.tendril.query('SELECT count(*) FROM nodes'), /not running/)
  assert.equal(node.tendril.publish('x', 'y').status, 'refused')
})

test('a subscriber that throws is counted and survived, also one that is an async function', async () => {
  const node = await start({ network: 'throws' })
  const heard: string[] = []
  node.tendril.subscribe('x', () => {
    throw new Error('at once')
  })
  const later = async () => {
    throw new Error('later')
  }
  node.tendril.subscribe('x', later as () => void)
  node.tendril.subscribe('x', { onMessage: ({ payload }) => heard.push(new TextDecoder().decode(payload)) })
  node.tendril.publish('x', 'y')
  await until('both are counted', () => node.tendril.status().failures.subscriber === 2)
  assert.deepEqual(heard, ['y'])
})

test('who has left is told so whatever it asks for, until it is started again', async () => {
  const node = await start({ network: 'left' })
  await node.tendril.leave()
  await assert.rejects(node.tendril.query('SELECT count(*) FROM nodes'), /this node is not running/)
  assert.equal(node.tendril.status().running, false)
  const receipt = node.tendril.publish('x', 'y')
  assert.equal(receipt.status === 'refused' && receipt.reason, 'This node is not running.')
  const heard: string[] = []
  const subscribe = () => node.tendril.subscribe('x', ({ payload }) => heard.push(new TextDecoder().decode(payload)))
  assert.throws(subscribe, { name: 'RangeError', message: 'This node is not running.' })
  await node.libp2p.stop()
  await node.libp2p.start()
  assert.equal(node.tendril.status().running, true)
  subscribe()
  assert.equal(node.tendril.publish('x', 'y').status, 'accepted')
  assert.deepEqual(heard, ['y'])
})

test('who has left is not heard of again, whatever is set on it before it stops', async () => {
  const config = { network: 'silent', structures: ['line:x'] }
  const stays = await start(config)
  const others = { ...config, bootstrap: [stays.addresses[0] as string] }
  const [leaves, talks] = [await start(others), await start(others)]
  await until('all know all', () => knows(stays, leaves, talks) && knows(leaves, stays) && knows(talks, stays))
  const known = () => stays.tendril.peers().map(({ id, structures }) => `${id} ${structures.map(({ name }) => name)}`)
  await leaves.tendril.leave()
  await until('it is gone', () => stays.tendril.peers().length === 1)
  leaves.tendril.set('x', 1)
  stays.tendril.set('x', 2)
  talks.tendril.set('x', 3)
  await until('the other is heard', () => known().some((one) => one.startsWith(`${talks.tendril.id} line:x`)))
  assert.deepEqual(known(), [`${talks.tendril.id} line:x`])
})

test('a libp2p node can be stopped and started again, and its subscriptions stay', async () => {
  const stays = await start({ network: 'again' })
  const comes = await start({ network: 'again', bootstrap: [stays.addresses[0] as string] })
  const heard: string[] = []
  comes.tendril.subscribe('t', ({ payload }) => heard.push(new TextDecoder().decode(payload)))
  await until('they know each other', () => knows(comes, stays) && knows(stays, comes))
  await comes.tendril.leave()
  await comes.libp2p.stop()
  await until('it is gone', () => !knows(stays, comes))
  await comes.libp2p.start()
  await until('it is back', () => knows(comes, stays) && knows(stays, comes))
  stays.tendril.publish('t', 'welcome back')
  await until('it hears', () => heard.includes('welcome back'))
})

test('a data folder in use and a port in use keep a node from starting, with the reason, and leave nothing behind', async () => {
  const data = join(folder, 'used')
  const first = await start({ data })
  await assert.rejects(createNode({ data, listen: LISTEN }), (error: Error) => {
    assert.ok(error instanceof DataFolderError)
    assert.match(error.message, /in use by another node/)
    return true
  })
  const port = /tcp\/(\d+)/.exec(first.addresses[0] ?? '')?.[1]
  const other = join(folder, 'other')
  await assert.rejects(createNode({ data: other, listen: [`/ip4/127.0.0.1/tcp/${port}`] }), /EADDRINUSE/)
  await start({ data: other }) // the folder of the failed attempt is free again
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** A libp2p node with tendril and another service, over this store. */
function embedded(datastore: MemoryDatastore, other: () => object = () => ({})) {
  return createLibp2p({
    start: false,
    datastore,
    addresses: { listen: LISTEN },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), tendril: tendril({ network: 'embedded' }), other },
  })
}

test('where another service keeps a libp2p node from starting nothing of tendril is left, and it can be started later', async () => {
  let fails = true
  const node = await embedded(new MemoryDatastore(), () => ({
    start() {
      if (fails) throw new Error('not today')
    },
    stop() {},
  }))
  await assert.rejects(async () => node.start(), /not today/)
  await until('the node has stopped', () => node.status === 'stopped')
  assert.equal(node.services.tendril.status().links, undefined)
  fails = false
  await node.start()
  running.push(node)
  assert.equal(node.services.tendril.status().running, true)
})

test('what is set before a node starts comes on top of what is stored, and takes nothing of it away', async () => {
  const datastore = new MemoryDatastore()
  const attributes = async (before: Readonly<Record<string, string | number | null>>) => {
    const node = await embedded(datastore)
    for (const [name, value] of Object.entries(before)) node.services.tendril.set(name, value)
    await node.start()
    const { region, rack, color } = node.services.tendril.attributes()
    await node.stop()
    return { region, rack, color }
  }
  assert.deepEqual(await attributes({ region: 'eu', rack: 7 }), { region: 'eu', rack: 7, color: undefined })
  assert.deepEqual(await attributes({ color: 'red', rack: null }), { region: 'eu', rack: undefined, color: 'red' })
  assert.deepEqual(await attributes({}), { region: 'eu', rack: undefined, color: 'red' })
})

test('who stops a node twice waits for the one stop, and what was set last is what is stored', async () => {
  const data = join(folder, 'twice')
  const node = await start({ data })
  node.tendril.set('rack', 1)
  node.tendril.set('rack', 2)
  await Promise.all([node.stop(), node.stop()])
  assert.equal((await start({ data })).tendril.get('rack'), 2)
})

test('a libp2p node that its host is stopping, or starts again, has stopped when the node has, and only then is its store closed', async () => {
  const data = join(folder, 'host')
  for (const startsAgain of [false, true]) {
    const node = await start({ data })
    node.tendril.set('rack', startsAgain ? 2 : 1)
    const stopped = node.libp2p.stop()
    const host = startsAgain ? Promise.resolve(stopped).then(() => node.libp2p.start()) : stopped
    if (startsAgain) await stopped
    await node.stop()
    assert.equal(node.libp2p.status, 'stopped')
    assert.deepEqual(node.tendril.status().failures, {})
    await host
  }
  assert.equal((await start({ data })).tendril.get('rack'), 2)
})

test('an attribute for which no descriptor has room is refused, is not set, and keeps no node from starting again', async () => {
  const host = (i: number) => `/dns4/${'a'.repeat(55)}${i}.${'b'.repeat(50)}.example.org/tcp/4645`
  const names = Array.from({ length: 7 }, (_, i) => `metric_${'m'.repeat(40)}_${i}`)
  const structures = names.map((name) => `line:${name}` as const)
  const config: NodeConfig = { data: join(folder, 'full'), announce: [1, 2, 3, 4].map(host), structures, refresh: 50 }
  const node = await start(config)
  const refused = names.filter((name) => {
    try {
      node.tendril.set(name, 1)
      return false
    } catch (error) {
      assert.match((error as Error).message, /a descriptor has at most 1024 bytes/)
      return true
    }
  })
  assert.ok(refused.length > 0)
  for (const name of refused) assert.equal(node.tendril.get(name), undefined)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.deepEqual(node.tendril.status().failures, {})
  await node.stop()
  await start(config)
})
