import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import fc from 'fast-check'
import { createLibp2p } from 'libp2p'
import { describe } from '../../core/descriptor.ts'
import type { Sign } from '../../core/signed.ts'
import { createSign } from '../keys/signer.ts'
import { type EchoInit, type EchoNode, echo, startEcho, textOf, until } from './echo.fixture.ts'
import { encodeHello, FRAME, frameOf, PROTOCOL, prefixed } from './frame.ts'

const running: { stop(): unknown }[] = []
after(() => Promise.all(running.map((node) => node.stop())))

async function start(init: EchoInit = {}): Promise<EchoNode> {
  const node = await startEcho(init)
  running.push(node)
  return node
}

/** A libp2p node without Links: it says on the protocol's streams what the test wants, and reads only if `reads`. */
async function startAttacker({ reads = true }: { reads?: boolean } = {}) {
  const privateKey = await generateKeyPair('Ed25519')
  const id = peerIdFromPrivateKey(privateKey).toString()
  const sign = createSign(privateKey, 'test')
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
  })
  await libp2p.handle(PROTOCOL, (stream) => {
    if (reads) stream.addEventListener('message', () => undefined)
    else stream.pause()
  })
  running.push(libp2p)
  const addresses = libp2p.getMultiaddrs().map((address) => address.decapsulateCode(421).toString())
  const self = describe({ id, addresses, sequence: 1, issued: Date.now() }, sign)
  const open = (victim: EchoNode) => libp2p.dialProtocol(victim.libp2p.getMultiaddrs(), PROTOCOL)
  return { id, sign, libp2p, self, open, hello: encodeHello('test', self) }
}

function say(stream: Stream, ...frames: Uint8Array[]): void {
  stream.send(prefixed(frames))
}

function data(text: string): Uint8Array {
  return frameOf(FRAME.message, Buffer.concat([Uint8Array.of(2), Buffer.from(text)]))
}

function signed(sign: Sign, signer: string, text: string, spoil = 0): Uint8Array {
  const body = Buffer.from(text)
  const signature = sign('echo/1', body)
  signature[5] = (signature[5] as number) ^ spoil
  return frameOf(FRAME.message, Buffer.concat([Uint8Array.of(5), Buffer.from(signer.padEnd(64)), signature, body]))
}

test('nothing is delivered before the hello, and nothing of a descriptor that is not the peer', async () => {
  const [victim, attacker, other] = [await start(), await startAttacker(), await start()]
  const early = await attacker.open(victim)
  say(early, data('too early'))
  await until('it is counted', () => victim.links.status().reasons['before-hello'] === 1)
  const spoof = await attacker.open(victim)
  say(spoof, encodeHello('test', other.self), data('as somebody else'))
  await until('it is counted', () => victim.links.status().reasons['hello-id'] === 1)
  assert.deepEqual(victim.received, [])
  assert.deepEqual(victim.introduced, [])
})

test('a hello whose signature is not good is refused', async () => {
  const [victim, attacker] = [await start(), await startAttacker()]
  const record = { ...attacker.self.record, signature: new Uint8Array(64).fill(1) }
  const stream = await attacker.open(victim)
  say(stream, encodeHello('test', { ...attacker.self, record }), data('x'))
  await until('it is counted', () => victim.links.status().reasons.forged === 1)
  assert.deepEqual(victim.received, [])
  // With an honest hello the very same bytes are delivered: after the pause of a refused peer, here by another node.
  const honest = await startAttacker()
  say(await honest.open(victim), honest.hello, data('x'))
  await until('it is delivered', () => victim.received.length === 1)
})

test('a signed message is delivered once its signature is good; a forged one never, and it is counted', async () => {
  const [victim, attacker] = [await start(), await startAttacker()]
  const stream = await attacker.open(victim)
  const { sign, id } = attacker
  say(
    stream,
    attacker.hello,
    signed(sign, id, 'good'),
    signed(sign, id, 'forged', 1),
    signed(sign, victim.id, 'not mine'),
  )
  say(stream, signed(sign, id, 'last'))
  await until('the good ones came', () => victim.received.length === 2)
  await until('the others are counted', () => victim.links.status().reasons.forged === 2)
  // In any order: signatures are verified by several threads.
  assert.deepEqual(victim.received.map(textOf).sort(), ['good', 'last'])
})

test('a hello said again and again introduces the peer once; a newer one does, and so does the first of each stream', async () => {
  const [victim, attacker] = [await start(), await startAttacker()]
  const introduced = () => victim.introduced.map(({ sequence }) => sequence)
  const hello = (sequence: number) => encodeHello('test', describe({ ...attacker.self, sequence }, attacker.sign))
  const stream = await attacker.open(victim)
  say(stream, ...Array.from({ length: 50 }, () => hello(2)), data('first'))
  await until('all were read', () => victim.received.length === 1)
  assert.deepEqual(introduced(), [2])
  say(stream, hello(3), hello(3), hello(2), data('second'))
  await until('all were read', () => victim.received.length === 2)
  assert.deepEqual(introduced(), [2, 3])
  for (const connection of attacker.libp2p.getConnections()) connection.abort(new Error('lost'))
  await until('it is lost', () => victim.unreachable.some(({ id }) => id === attacker.id))
  say(await attacker.open(victim), hello(3), hello(3), data('third'))
  await until('all were read', () => victim.received.length === 3)
  assert.deepEqual(introduced(), [2, 3, 3])
})

test('ten malformed frames within a minute disconnect the peer, which is told why', async () => {
  const [victim, attacker] = [await start(), await startAttacker()]
  const stream = await attacker.open(victim)
  say(
    stream,
    attacker.hello,
    ...Array.from({ length: 9 }, () => frameOf(FRAME.message, Uint8Array.of(77))),
    data('still here'),
  )
  await until('the tenth message came', () => victim.received.length === 1)
  say(stream, frameOf(99, Uint8Array.of(1)))
  await until('the attacker is gone', () => victim.libp2p.getPeers().length === 0)
  const again = await attacker.open(victim).catch(() => undefined) // and it stays refused for a while
  await until('its next stream is refused', () => again?.status !== 'open')
  const { reasons } = victim.links.status()
  assert.equal(reasons['echo-kind'], 9)
  assert.equal(reasons['frame-type'], 1)
  assert.equal(reasons['disconnected-malformed'], 1)
})

test('a frame that never ends is given up at its deadline, a stream that never says hello at its own', async () => {
  const limits = { frameDeadline: 300, helloDeadline: 2500 }
  const [victim, attacker, mute] = [await start({ limits }), await startAttacker(), await startAttacker()]
  const stream = await attacker.open(victim)
  say(stream, attacker.hello)
  stream.send(Uint8Array.of(0xff, 0xff, 0x01, FRAME.message)) // 32767 bytes are announced
  const silent = await mute.open(victim)
  await until('the slow frame is refused', () => stream.status !== 'open')
  assert.equal(victim.links.status().reasons['frame-deadline'], 1)
  await until('the mute stream is refused', () => silent.status !== 'open')
})

test('whatever bytes a peer sends, the node counts them and serves the others', async () => {
  const [victim, friend] = [await start({ limits: { malformedPerMinute: Infinity } }), await start()]
  const attacker = await startAttacker()
  const hello = prefixed([attacker.hello, data('hi')])
  const noiseBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 12 }).map(prefixed),
    fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => {
      const mutated = hello.slice()
      mutated[at % mutated.length] = byte
      return mutated
    }),
  )
  await fc.assert(
    fc.asyncProperty(noiseBytes, async (bytes) => {
      const stream = await attacker.open(victim)
      stream.send(bytes)
      await new Promise((resolve) => setTimeout(resolve, 2))
      stream.abort(new Error('next'))
    }),
    { numRuns: 60 },
  )
  friend.links.send(victim.self, echo('data', 'still there?'))
  await until('a friend is served', () => victim.received.some((message) => textOf(message) === 'still there?'))
  assert.ok(victim.received.every(({ from }) => from === friend.id || from === attacker.id))
})

test('a peer that does not read delays nobody, is reported, and its queue stays bounded', async () => {
  const sender = await start({ limits: { slowAfter: 500, stallTimeout: 3000, queueBytes: 200_000 } })
  const [deaf, healthy] = [await startAttacker({ reads: false }), await start({ echo: true })]
  let most = 0
  let answered = 0
  const text = 'x'.repeat(20_000)
  sender.links.send(healthy.self, echo('data', 'warm up'))
  await until('the healthy one answers', () => sender.received.length === 1)
  for (let i = 0; i < 200; i++) {
    sender.links.send(deaf.self, echo('data', text))
    sender.links.send(deaf.self, echo('control', `c${i}`))
    sender.links.send(healthy.self, echo('data', `${i}`))
    const began = performance.now()
    await until('the healthy one answers', () => sender.received.length > answered + 1)
    answered++
    assert.ok(performance.now() - began < 5000)
    most = Math.max(most, sender.buffers.bytes)
  }
  assert.ok(most <= 200_000 + 20_100, `${most} bytes were queued`)
  await until('it is reported slow', () => sender.slow.some(({ id, dropped }) => id === deaf.id && dropped > 0))
  assert.match(sender.slow[0]?.reason ?? '', /dropped/)
  const { reasons } = sender.links.status()
  assert.ok((reasons['queue-full-data'] ?? 0) > 50)
  assert.equal(reasons['queue-full-control'], undefined)
  await until('its stream is given up', () => sender.unreachable.some(({ reason }) => reason.includes('no bytes')))
  assert.equal(sender.buffers.bytes, 0)
})

test('with the bound off, the same peer makes the sender hold everything', async () => {
  const off = { queueBytes: Infinity, queueMessages: Infinity }
  const [sender, deaf] = [await start({ limits: off }), await startAttacker({ reads: false })]
  const text = 'x'.repeat(20_000)
  for (let i = 0; i < 200; i++) sender.links.send(deaf.self, echo('data', text))
  await until('the stream is blocked', () => sender.links.status().blocked === 1)
  assert.ok(sender.buffers.bytes > 2_000_000, `${sender.buffers.bytes} bytes are queued`)
})

test('a peer that sends more than its rate is slowed down on its side; this node neither drops nor piles up', async () => {
  const receiver = await start({ limits: { bytesPerSecond: 200_000, framesPerSecond: 10_000 } })
  const [sender, other] = [await start(), await start()]
  const text = 'x'.repeat(10_000)
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, receiver.links.status().unread)
  }, 5)
  for (let i = 0; i < 200; i++) {
    sender.links.send(receiver.self, echo('query', text)) // 2 MB against a burst of 400 kB and 200 kB/s
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  other.links.send(receiver.self, echo('query', 'quick'))
  await until('the other one is heard', () => receiver.received.some((message) => textOf(message) === 'quick'))
  clearInterval(watch)
  const heard = receiver.received.filter(({ from }) => from === sender.id).length
  assert.ok(heard >= 30 && heard < 200, `${heard} of 200 heard so far`)
  assert.ok(most < 600_000, `${most} bytes unread`)
})

test("a new stream brings no new burst: the rate is the peer's", async () => {
  const victim = await start({ limits: { framesPerSecond: 100 } })
  const attacker = await startAttacker()
  const began = performance.now()
  for (let i = 0; i < 20; i++) {
    say(await attacker.open(victim), attacker.hello, ...Array.from({ length: 198 }, () => data('x')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const seconds = (performance.now() - began) / 1000
  assert.ok(victim.received.length <= 200 + 100 * (seconds + 1), `${victim.received.length} in ${seconds} s`)
})

test('who is back over another connection is spoken to over that one: the one before it may have lost its other end', async () => {
  const peer = await startAttacker()
  const victim = await start()
  const heard: { connection: string; text: string }[] = []
  await peer.libp2p.unhandle(PROTOCOL)
  await peer.libp2p.handle(PROTOCOL, (stream, connection) => {
    stream.addEventListener('message', ({ data }) => {
      heard.push({ connection: connection.id, text: Buffer.from(data.subarray()).toString('latin1') })
    })
  })
  const greet = async () => {
    const connection = await peer.libp2p.dial(victim.libp2p.getMultiaddrs(), { force: true })
    say(await connection.newStream(PROTOCOL), peer.hello)
    return connection.id
  }
  await greet()
  await until('the victim said hello', () => heard.length === 1)
  const second = await greet()
  await until('the victim said hello again', () => heard.length === 2)
  victim.links.send(peer.self, echo('data', 'are you there?'))
  await until('it is heard', () => heard.some(({ text }) => text.includes('are you there?')))
  assert.equal(heard.at(-1)?.connection, second)
  assert.equal(victim.libp2p.getConnections().length, 2, 'the first connection is left to others that may use it')
  assert.deepEqual(victim.unreachable, [])
})

test('strangers that are refused, each under a new key, do not keep a node from speaking to others', async () => {
  const victim = await start({ limits: { links: 4 } })
  for (let i = 0; i < 4; i++) {
    const attacker = await startAttacker()
    say(await attacker.open(victim), encodeHello('other', attacker.self))
    await until('it was refused', () => (victim.links.status().reasons['other-network'] ?? 0) > i)
    await attacker.libp2p.stop()
  }
  await until('the strangers have gone', () => victim.libp2p.getConnections().length === 0)
  assert.equal(victim.links.status().known, 4)
  const honest = await start()
  honest.links.send(victim.self, echo('data', 'hello'))
  await until('the honest node was heard', () => victim.received.length === 1)
  victim.links.send(honest.self, echo('data', 'hi'))
  await until('the honest node was answered', () => honest.received.length === 1)
  assert.equal(victim.links.status().known, 4)
  assert.equal(victim.links.status().reasons['too-many-links'], undefined)
})
