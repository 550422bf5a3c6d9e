import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { DEFAULTS } from '../../protocols/broadcast/options.ts'
import { AdminClient } from './client.ts'
import { ask, assertRefusal, serve, TOKEN, withToken } from './serve.fixture.ts'

/** A client of server-sent events that reads only when it is told to. */
async function subscribe(port: number, path: string) {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`)
  while (!text.includes('\r\n\r\n')) await wait(5)
  const events = () =>
    [...text.matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(([, event, data]) => ({
      event,
      data: JSON.parse(data as string),
    }))
  return { socket, events, head: () => text }
}

test('subscribers get messages as text, or as base64 when they are none', async (context) => {
  const { port, node } = await serve(context)
  const { socket, events, head } = await subscribe(port, '/v1/subscribe?topic=news')
  assert.match(head(), /content-type: text\/event-stream/)
  node.publish('news', 'grüße\n\n')
  node.publish('other', 'not for us')
  node.publish('news', new Uint8Array([0xff, 0]))
  while (events().length < 2) await wait(5)
  const [first, second] = events()
  assert.deepEqual([first?.event, first?.data.data, first?.data.encoding], ['message', 'grüße\n\n', 'utf8'])
  assert.deepEqual([second?.data.data, second?.data.encoding, second?.data.topic], ['/wA=', 'base64', 'news'])
  socket.destroy()
  while (node.subscribers.get('news')?.size !== 0) await wait(5)
})

test('a subscriber is told what of its topic will not come', async (context) => {
  const { port, node } = await serve(context)
  const { socket, events } = await subscribe(port, '/v1/subscribe?topic=news')
  const detail = { topic: 'news', from: 'p', range: { first: 3, last: 5 }, reason: 'nobody has them any more' }
  node.dispatchEvent(new CustomEvent('message:missed', { detail: { ...detail, topic: 'other' } }))
  node.dispatchEvent(new CustomEvent('message:missed', { detail }))
  while (events().length < 1) await wait(5)
  assert.deepEqual(events(), [{ event: 'missed', data: detail }])
  socket.destroy()
  while (node.listenerCount('message:missed') > 0) await wait(5)
})

test('a subscriber that reads too slowly is told all the same what will not come, within bounds', async (context) => {
  const { port, node } = await serve(context, { streamLimits: { waiting: 64 * 1024 } })
  const { socket, events } = await subscribe(port, '/v1/subscribe?topic=news')
  socket.pause()
  const reason = 'x'.repeat(900)
  for (let first = 1; first <= FRAMES; first++) {
    const detail = { topic: 'news', from: 'p', range: { first, last: first }, reason }
    node.dispatchEvent(new CustomEvent('message:missed', { detail }))
  }
  await wait(100)
  socket.resume()
  const last = () => events().at(-1)?.data.range?.last
  while (last() !== FRAMES) await wait(20)
  const told = events()
  assert.ok(told.length < FRAMES, 'they did not all wait for it')
  assert.ok(told.every(({ event }) => event === 'missed'))
  let next = 1
  for (const { data } of told) {
    assert.equal(data.range.first, next)
    next = data.range.last + 1
  }
  socket.destroy()
})

const messageOf = (sequence: number, payload: Uint8Array) => {
  return { topic: 'news', from: 'p', sequence, payload, id: `p/${sequence}`, published: 1 }
}

test('a subscriber that asks for the recent past gets it as events, before what comes', async (context) => {
  const { port, node } = await serve(context)
  for (let sequence = 1; sequence <= 3; sequence++) {
    node.past.push(messageOf(sequence, new TextEncoder().encode(`${sequence}`)))
  }
  const { socket, events, head } = await subscribe(port, '/v1/subscribe?topic=news&past=60000')
  assert.match(head(), /content-type: text\/event-stream/)
  node.publish('news', '4')
  while (events().length < 4) await wait(5)
  assert.deepEqual(
    events().map(({ data }) => data.data),
    ['1', '2', '3', '4'],
  )
  socket.destroy()
})

/** The numbers of the messages that came, up to this one or a word that some are lost. */
async function numbersUntil(last: number, events: Awaited<ReturnType<typeof subscribe>>['events']) {
  const numbers = () => events().map(({ event, data }) => (event === 'message' ? data.sequence : event))
  while (numbers().at(-1) !== last && !numbers().includes('dropped')) await wait(20)
  return numbers()
}

test('a subscriber that asks for the recent past gets all that a node keeps, and then what comes', async (context) => {
  const { port, node } = await serve(context)
  const part = 40_000
  const kept = Math.floor(DEFAULTS.bufferBytes / part)
  for (let sequence = 1; sequence <= kept; sequence++) {
    node.past.push(messageOf(sequence, new Uint8Array(part).fill(0xff)))
  }
  const opened = subscribe(port, '/v1/subscribe?topic=news&past=60000')
  while (node.subscribers.get('news')?.size !== 1) await wait(5)
  for (const subscriber of node.subscribers.get('news') ?? []) subscriber(messageOf(kept + 1, new Uint8Array(1)))
  const { socket, events } = await opened
  assert.deepEqual(
    await numbersUntil(kept + 1, events),
    Array.from({ length: kept + 1 }, (_, i) => i + 1),
  )
  socket.destroy()
})

test('the largest message reaches a subscriber for whom small ones wait', async (context) => {
  const { port, node } = await serve(context, { streamLimits: { waiting: 256 * 1024 } })
  const { socket, events } = await subscribe(port, '/v1/subscribe?topic=news')
  const [subscriber] = node.subscribers.get('news') ?? []
  for (let sequence = 1; sequence <= 5; sequence++) subscriber?.(messageOf(sequence, new Uint8Array(100)))
  subscriber?.(messageOf(6, new Uint8Array(DEFAULTS.payloadLimit)))
  assert.deepEqual(await numbersUntil(6, events), [1, 2, 3, 4, 5, 6])
  socket.destroy()
})

const FRAMES = 20_000

/** What a subscriber gets that stops reading while 20,000 messages of 1 kB are published, and then reads on. */
async function slowSubscriber(context: TestContext, waiting: number) {
  const { port, node } = await serve(context, { streamLimits: { waiting } })
  const { socket, events } = await subscribe(port, '/v1/subscribe?topic=news')
  socket.pause()
  const text = 'x'.repeat(900)
  for (let i = 0; i < FRAMES; i++) node.publish('news', text)
  await wait(100)
  socket.resume()
  const count = () => {
    const frames = events()
    const dropped = frames.filter(({ event }) => event === 'dropped').reduce((sum, { data }) => sum + data.dropped, 0)
    return { received: frames.filter(({ event }) => event === 'message').length, dropped }
  }
  let counted = count()
  const end = performance.now() + 20_000
  while (counted.received + counted.dropped < FRAMES && performance.now() < end) {
    await wait(100)
    counted = count()
  }
  socket.destroy()
  return counted
}

test('a slow subscriber loses messages and is told exactly how many', async (context) => {
  const { received, dropped } = await slowSubscriber(context, 64 * 1024)
  assert.ok(dropped > 0 && received > 0)
  assert.equal(received + dropped, FRAMES)
})

test('without the limit everything waits for it in memory', async (context) => {
  const { received, dropped } = await slowSubscriber(context, Number.POSITIVE_INFINITY)
  assert.deepEqual({ received, dropped }, { received: FRAMES, dropped: 0 })
})

test('events of the node are streamed by their names', async (context) => {
  const { port, node } = await serve(context)
  const { socket, events } = await subscribe(port, '/v1/events')
  node.dispatchEvent(new CustomEvent('peer:down', { detail: { id: 'a', reason: 'no answer' } }))
  while (events().length < 1) await wait(5)
  assert.deepEqual(events(), [{ event: 'peer:down', data: { id: 'a', reason: 'no answer' } }])
  socket.destroy()
})

test('streams leave room for other requests, and do not keep the server from closing', async (context) => {
  const { port, server } = await serve(context, { streamLimits: { streams: 2 } })
  const open = [await subscribe(port, '/v1/events'), await subscribe(port, '/v1/subscribe?topic=a')]
  assertRefusal(await ask(port, withToken({ path: '/v1/events' })), 503, 'streams')
  assertRefusal(await ask(port, withToken({ path: '/v1/subscribe' })), 400, 'topic')
  assert.equal((await ask(port, withToken())).status, 200)
  const closed = open.map(({ socket }) => once(socket, 'close'))
  await server.close()
  await Promise.all(closed)
})

test('a client sees every message, whatever it holds: U+2028 ends a line to a regular expression, not to JSON', async (context) => {
  const { port, node } = await serve(context)
  const client = new AdminClient(`http://127.0.0.1:${port}`, TOKEN)
  const got: unknown[] = []
  const followed = client.follow('/v1/subscribe?topic=news', (_event, data) => {
    got.push((data as { data: string }).data)
    return got.length < 3
  })
  while (node.subscribers.get('news') === undefined) await wait(5)
  const texts = ['one', 'tw\u2028o\u2029', 'three']
  for (const text of texts) node.publish('news', text)
  await followed
  assert.deepEqual(got, texts)
})
