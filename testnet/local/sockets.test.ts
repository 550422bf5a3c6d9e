import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Sockets } from './sockets.ts'

/** An echo server whose sockets are `sockets`, and a client that is somebody else. */
async function echo(sockets: Sockets) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => socket.write(data))
  })
  await sockets.run(() => once(server.listen(0, '127.0.0.1'), 'listening'))
  const { port } = server.address() as AddressInfo
  const dial = async () => {
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    const heard: string[] = []
    client.on('data', (data) => heard.push(data.toString()))
    await once(client, 'connect')
    return { client, heard, closed: () => client.destroyed || client.readableEnded }
  }
  return { server, port, dial }
}

test('frozen sockets stay open and silent, also for those who connect later; thawed they go on', async () => {
  const sockets = new Sockets()
  const { dial } = await echo(sockets)
  const early = await dial()
  early.client.write('a')
  await sleep(50)
  assert.deepEqual(early.heard, ['a'])

  sockets.freeze()
  const late = await dial()
  early.client.write('b')
  late.client.write('c')
  await sleep(100)
  assert.deepEqual([early.heard, late.heard], [['a'], []])
  assert.ok(!early.closed() && !late.closed())

  sockets.thaw()
  await sleep(100)
  assert.deepEqual([early.heard, late.heard], [['a', 'b'], ['c']])
  assert.ok(sockets.written >= 3)
  sockets.sever()
  early.client.destroy()
  late.client.destroy()
})

test('what a frozen node wants to close stays open until it thaws', async () => {
  const sockets = new Sockets()
  const { server, dial } = await echo(sockets)
  const accepted: Socket[] = []
  server.on('connection', (socket) => accepted.push(socket))
  const { client, closed } = await dial()
  await sleep(20)
  sockets.freeze()
  for (const socket of accepted) socket.destroy()
  server.close()
  await sleep(50)
  assert.equal(accepted.length, 1)
  assert.ok(!closed(), 'the peer noticed')
  const { client: another } = await dial()
  sockets.thaw()
  await sleep(50)
  assert.ok(closed(), 'it closes at last')
  sockets.sever()
  client.destroy()
  another.destroy()
})

test('a trickling socket reads one byte a second, and writes as before; thawed it reads all that waits', async () => {
  const sockets = new Sockets()
  const { dial } = await echo(sockets)
  const early = await dial()
  await sleep(50)
  sockets.trickle()
  const late = await dial()
  await sleep(50)
  early.client.write('abcdefgh')
  late.client.write('ijklmnop')
  await sleep(2700)
  const [one, other] = [early.heard.join(''), late.heard.join('')]
  assert.ok(one.length >= 1 && one.length <= 3 && 'abcdefgh'.startsWith(one), one)
  assert.ok(other.length >= 1 && other.length <= 3 && 'ijklmnop'.startsWith(other), other)
  assert.ok(!early.closed() && !late.closed())
  sockets.thaw()
  await sleep(100)
  assert.deepEqual([early.heard.join(''), late.heard.join('')], ['abcdefgh', 'ijklmnop'])
  sockets.sever()
  early.client.destroy()
  late.client.destroy()
})

test('severed sockets close at once, those that are frozen without another word', async () => {
  for (const frozen of [false, true]) {
    const sockets = new Sockets()
    const { port, dial } = await echo(sockets)
    const { client, heard, closed } = await dial()
    if (frozen) sockets.freeze()
    client.write('x')
    sockets.sever()
    await sleep(50)
    assert.ok(closed())
    assert.deepEqual(heard, [])
    const again = connect(port, '127.0.0.1')
    const [error] = await once(again, 'error')
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    client.destroy()
  }
})

test('a severed node cannot dial, and others are not touched', async () => {
  const node = new Sockets()
  const other = new Sockets()
  const { port } = await echo(other)
  node.sever()
  const dialled = node.run(() => connect(port, '127.0.0.1'))
  const [error] = await once(dialled, 'error')
  assert.match((error as Error).message, /no network/)
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  client.destroy()
  other.sever()
})
