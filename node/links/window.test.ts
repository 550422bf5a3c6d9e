import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type EchoNode, echo, startEcho, until } from './echo.fixture.ts'
import { PROTOCOL } from './frame.ts'

const running: EchoNode[] = []
after(() => Promise.all(running.map((node) => node.stop())))

const WINDOW_UPDATE = 1

test('reading costs a packet only when half of the window is used, and the stream never comes to a halt', async () => {
  const [a, b] = [await startEcho(), await startEcho()]
  running.push(a, b)
  a.links.send(b.self, echo('data', 'first'))
  await until('the stream is open', () => b.received.length === 1)
  const [stream] = b.libp2p
    .getConnections()
    .flatMap(({ streams }) =>
      streams.filter(({ protocol, direction }) => protocol === PROTOCOL && direction === 'inbound'),
    )
  assert.ok(stream !== undefined)
  const inside = stream as unknown as { sendFrame(frame: { type: number }, data?: unknown): void }
  const send = inside.sendFrame.bind(inside)
  let updates = 0
  inside.sendFrame = (frame, data) => {
    if (frame.type === WINDOW_UPDATE) updates++
    send(frame, data)
  }
  for (let i = 0; i < 50; i++) {
    a.links.send(b.self, echo('data', `${i}`))
    await until('it came', () => b.received.length === i + 2)
  }
  assert.equal(updates, 0, 'small messages')
  const large = 'x'.repeat(32 * 1024)
  for (let i = 0; i < 40; i++) {
    a.links.send(b.self, echo('data', large))
    await until('it came', () => b.received.length === i + 52)
  }
  assert.ok(updates >= 4 && updates <= 11, `${updates} updates for 1.3 MB and a window of 256 KiB`)
})
