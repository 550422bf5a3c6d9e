import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { describe } from '../../core/descriptor.ts'
import { type EchoInit, type EchoNode, echo, startEcho, textOf, until } from './echo.fixture.ts'
import { PROTOCOL } from './frame.ts'

const running: EchoNode[] = []

async function start(init: EchoInit = {}): Promise<EchoNode> {
  const node = await startEcho(init)
  running.push(node)
  return node
}

after(() => Promise.all(running.map((node) => node.stop())))

/** Our streams to this peer, one entry a stream. */
function outboundStreams(node: EchoNode, to: EchoNode) {
  return node.libp2p
    .getConnections()
    .filter(({ remotePeer }) => remotePeer.toString() === to.id)
    .flatMap(({ streams }) =>
      streams.filter(({ protocol, direction }) => protocol === PROTOCOL && direction === 'outbound'),
    )
}

test('a message reaches a peer known by its descriptor only, and the answer comes back on one stream each way', async () => {
  const [a, b] = [await start(), await start({ echo: true })]
  for (let i = 0; i < 100; i++) a.links.send(b.self, echo('data', `${i}`))
  await until('100 answers came', () => a.received.length === 100)
  assert.deepEqual(
    a.received.map(textOf),
    Array.from({ length: 100 }, (_, i) => `${i}`),
  )
  assert.equal(outboundStreams(a, b).length, 1)
  assert.equal(outboundStreams(b, a).length, 1)
  assert.deepEqual(a.introduced[0]?.addresses, b.self.addresses)
  assert.deepEqual(b.introduced[0]?.addresses, a.self.addresses)
})

test('connecting by an address alone introduces both sides to each other', async () => {
  const [a, b] = [await start(), await start()]
  await a.links.connect(b.libp2p.getMultiaddrs())
  await until('both know each other', () => a.introduced.length > 0 && b.introduced.length > 0)
  assert.equal(a.links.descriptorOf(b.id)?.sequence, b.self.sequence)
  assert.equal(b.links.descriptorOf(a.id)?.sequence, a.self.sequence)
})

test('a changed descriptor reaches those who are connected', async () => {
  const [a, b] = [await start(), await start()]
  await a.links.connect(b.libp2p.getMultiaddrs())
  await until('b knows a', () => b.links.descriptorOf(a.id) !== undefined && a.links.isConnected(b.id))
  a.self = describe({ id: a.id, addresses: ['/ip4/192.0.2.1/tcp/1'], sequence: 7, issued: Date.now() }, a.sign)
  a.links.announce()
  await until('b has the new one', () => b.links.descriptorOf(a.id)?.sequence === 7)
})

test('two nodes that dial each other at once end with one outbound stream each, and lose nothing', async () => {
  const [a, b] = [await start(), await start()]
  for (let i = 0; i < 20; i++) {
    a.links.send(b.self, echo('query', `a${i}`))
    b.links.send(a.self, echo('query', `b${i}`))
  }
  await until('all arrived', () => a.received.length === 20 && b.received.length === 20)
  assert.equal(outboundStreams(a, b).length, 1)
  assert.equal(outboundStreams(b, a).length, 1)
})

test('small messages of one tick travel in one write', async () => {
  const [a, b] = [await start(), await start()]
  await a.links.connect(b.libp2p.getMultiaddrs())
  await until('the stream is open', () => outboundStreams(a, b).length === 1 && b.links.isConnected(a.id))
  const stream = outboundStreams(a, b)[0]
  assert.ok(stream !== undefined)
  const send = stream.send.bind(stream)
  let writes = 0
  stream.send = (data) => {
    writes++
    return send(data)
  }
  for (let i = 0; i < 50; i++) {
    a.links.send(b.self, echo('data', 'x'.repeat(200)))
    await Promise.resolve() // said by many callbacks of one tick
  }
  await until('all arrived', () => b.received.length === 50)
  assert.equal(writes, 1)
})

test('a node of another network is refused, and both sides learn why', async () => {
  const [a, b] = [await start({ network: 'blue' }), await start({ network: 'red' })]
  a.links.send(b.self, echo('data', 'hello?'))
  await until('a was told', () => a.unreachable.length > 0)
  assert.match(a.unreachable[0]?.reason ?? '', /network "(red|blue)"/)
  await until('b counted it', () => (b.links.status().reasons['other-network'] ?? 0) > 0)
  assert.equal(b.received.length + b.introduced.length + a.introduced.length, 0)
})

test('a dead address is reported at once, and not dialled again and again', async () => {
  const [a, b] = [await start(), await start()]
  const gone = b.self
  await b.stop()
  a.links.send(gone, echo('control', '1'))
  await until('it is unreachable', () => a.unreachable.length === 1)
  assert.equal(a.unreachable[0]?.id, b.id)
  assert.equal(a.libp2p.getDialQueue().length, 0)
  a.links.send(gone, echo('control', '2')) // within the back-off
  await until('it is reported again', () => a.unreachable.length === 2)
  assert.equal(a.links.status().reasons['backing-off-control'], 1)
  assert.equal(a.links.status().queued.messages, 0)
})

test('the end of the last connection is reported once, with a reason', async () => {
  const [a, b] = [await start(), await start()]
  a.links.send(b.self, echo('control', 'hi'))
  await until(
    'connected both ways',
    () => a.links.isConnected(b.id) && b.links.isConnected(a.id) && b.received.length > 0,
  )
  for (const connection of b.libp2p.getConnections()) connection.abort(new Error('killed'))
  await until('a noticed', () => a.unreachable.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(
    a.unreachable.map(({ id }) => id),
    [b.id],
  )
  assert.match(a.unreachable[0]?.reason ?? '', /connection closed|stream has been reset/)
})

test('a connection that nobody wants is closed when it is idle, without calling the peer lost; a wanted one stays', async () => {
  const limits = { idleTimeout: 1500 }
  const hub = await start({ limits })
  const [wanted, idle] = [await start({ limits }), await start({ limits })]
  hub.wanted.add(wanted.id)
  hub.links.send(wanted.self, echo('data', 'x'))
  hub.links.send(idle.self, echo('data', 'x'))
  await until('both connected', () => hub.links.isConnected(wanted.id) && hub.links.isConnected(idle.id))
  await until('the idle one is gone', () => hub.libp2p.getPeers().length === 1)
  assert.equal(hub.libp2p.getPeers()[0]?.toString(), wanted.id)
  assert.deepEqual([hub.unreachable, idle.unreachable], [[], []])
  assert.equal(outboundStreams(hub, wanted).length, 1)
  hub.links.send(idle.self, echo('data', 'again'))
  await until('it is back on demand', () => idle.received.some((received) => textOf(received) === 'again'))
})

test('the end of a wanted link is told however long it was silent', async () => {
  const [a, b] = [await start({ limits: { idleTimeout: 200 } }), await start()]
  a.wanted.add(b.id)
  a.links.send(b.self, echo('control', 'hi'))
  await until('connected', () => a.links.isConnected(b.id) && b.links.isConnected(a.id))
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (const connection of b.libp2p.getConnections()) connection.abort(new Error('killed'))
  await until('a noticed', () => a.unreachable.some(({ id }) => id === b.id))
})

test('a dial that ends after this node has stopped makes it greet nobody', async () => {
  const [a, b] = [await start(), await start()]
  const connected = a.links.connect(b.libp2p.getMultiaddrs())
  await a.links.stop()
  await connected
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal(a.links.status().known, 0)
  assert.deepEqual([outboundStreams(a, b), b.introduced], [[], []])
})

test('where the protocol is handled already a start is refused in a sentence, and whoever handles it goes on', async () => {
  const a = await start()
  await a.links.stop()
  await a.libp2p.handle(PROTOCOL, (stream) => stream.abort(new Error('the host handles it')))
  await assert.rejects(a.links.start(), /handles \/tendril\/1\.0\.0 already: it can run one tendril/)
  await a.links.stop()
  assert.ok(a.libp2p.getProtocols().includes(PROTOCOL))
})

test('a node whose disk is full stops all the same: its streams end, and what waits for peers is let go', async () => {
  const [a, b] = [await start(), await start()]
  await a.links.connect(b.libp2p.getMultiaddrs())
  await until('they met', () => a.introduced.length + b.introduced.length === 2)
  a.links.send(b.self, echo('data', 'on its way'))
  const { patch } = a.libp2p.peerStore
  a.libp2p.peerStore.patch = () => Promise.reject(new Error('no space left on device'))
  await a.links.stop()
  a.libp2p.peerStore.patch = patch
  assert.deepEqual([a.links.status().known, a.buffers.bytes], [0, 0])
  await until('the stream is gone', () => outboundStreams(a, b).length === 0)
})

test('whom an earlier run wanted libp2p does not keep for this one', async () => {
  const [a, b] = [await start(), await start()]
  const { peerId, peerStore } = { peerId: b.libp2p.peerId, peerStore: a.libp2p.peerStore }
  await a.links.stop()
  const multiaddrs = b.libp2p.getMultiaddrs()
  await peerStore.merge(peerId, { multiaddrs, tags: { tendril: { value: 100 }, host: { value: 1 } } })
  await a.links.start()
  assert.deepEqual([...(await peerStore.get(peerId)).tags.keys()], ['host'])
})

test('a message too large for a frame is not sent, and counted', async () => {
  const [a, b] = [await start(), await start()]
  a.links.send(b.self, { cls: 'data', bytes: new Uint8Array(70_000) })
  assert.equal(a.links.status().reasons['message-too-large'], 1)
  assert.equal(a.links.status().queued.messages, 0)
})
