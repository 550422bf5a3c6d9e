import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import { ask, assertRefusal, JSON_TYPE, serve, TOKEN, withToken } from './serve.fixture.ts'

test('only who has the token is answered', async (context) => {
  const { port } = await serve(context)
  assertRefusal(await ask(port, {}), 401, 'token')
  for (const authorization of [
    'Bearer ',
    `Bearer ${TOKEN}x`,
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN.toUpperCase()}`,
  ]) {
    assertRefusal(await ask(port, { headers: { authorization } }), 401, 'token')
  }
  assertRefusal(await ask(port, { path: `/v1/status?token=${TOKEN}` }), 401, 'token')
  assertRefusal(await ask(port, { path: '/nothing/here' }), 401, 'token')
  const answer = await ask(port, withToken())
  assert.deepEqual(answer.body, { id: '12D3KooWFake', network: 'tendril', peers: 1 })
})

test('who may not ask gets no second question on its connection', async (context) => {
  const { port } = await serve(context)
  const strangers = [
    { headers: {} },
    withToken({ headers: { origin: 'https://evil.example' } }),
    withToken({ headers: { host: 'evil.example' } }),
  ]
  for (const asked of strangers) assert.equal((await ask(port, asked)).headers.connection, 'close')
})

test('what is set but could not be stored is not called done', async (context) => {
  const { port, node } = await serve(context)
  node.diskFull = true
  const asked = { method: 'PUT', path: '/v1/attributes/rack', headers: JSON_TYPE, body: '{"value":7}' }
  const answer = await ask(port, withToken(asked))
  assertRefusal(answer, 507, 'storage')
  assert.match(answer.body.message, /rack is set, but was not stored: no space left on device/)
})

test('a page of another origin is refused even with the token', async (context) => {
  const { port } = await serve(context)
  for (const origin of ['http://evil.example', 'null', `https://127.0.0.1:${port}`, 'http://127.0.0.1:1']) {
    assertRefusal(await ask(port, withToken({ headers: { origin } })), 403, 'origin')
  }
  const own = await ask(port, withToken({ headers: { origin: `http://127.0.0.1:${port}` } }))
  assert.equal(own.status, 200)
})

test('a name that was rebound to this address is refused, and names that are configured are not', async (context) => {
  const { port } = await serve(context, { hosts: ['Node7.example'] })
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', '10.0.0.1', 'a@127.0.0.1']) {
    assertRefusal(await ask(port, withToken({ headers: { host } })), 421, 'host')
  }
  for (const host of [`localhost:${port}`, `[::1]:${port}`, '127.0.0.1', 'node7.example']) {
    assert.equal((await ask(port, withToken({ headers: { host } }))).status, 200)
  }
})

test('GET and HEAD change nothing', async (context) => {
  const { port, node } = await serve(context)
  const paths = ['/v1/leave', '/v1/publish?topic=a&data=b', '/v1/query?sql=SELECT', '/v1/attributes/region?value=us']
  for (const method of ['GET', 'HEAD']) {
    for (const path of paths) await ask(port, withToken({ method, path }))
  }
  const body = '{"value":"us"}'
  await ask(port, withToken({ path: '/v1/attributes/region', headers: { 'content-length': '14', ...JSON_TYPE }, body }))
  assert.deepEqual([node.left, node.published, node.asked, node.get('region')], [0, [], [], 'eu'])
  await ask(port, withToken({ method: 'PUT', path: '/v1/attributes/region', headers: JSON_TYPE, body }))
  assert.equal(node.get('region'), 'us')
})

test('bodies are JSON of at most 256 KiB, of publish 2 MiB, with known fields', async (context) => {
  const { port, node } = await serve(context)
  const post = (body: string, headers: Record<string, string> = JSON_TYPE, path = '/v1/query') =>
    ask(port, withToken({ method: 'POST', path, body, headers: { 'content-length': `${body.length}`, ...headers } }))
  assertRefusal(await post(JSON.stringify({ sql: 'x'.repeat(256 * 1024) })), 413, 'too-large')
  const large = await post(JSON.stringify({ topic: 'a', data: 'x'.repeat(2 * 2 ** 20) }), JSON_TYPE, '/v1/publish')
  assertRefusal(large, 413, 'too-large')
  assert.match(large.body.message, /larger than 2097152 bytes/, 'the limit of its own route')
  assertRefusal(await post('{"sql":"SELECT"}', { 'content-type': 'text/plain' }), 415, 'content-type')
  assertRefusal(await post('{"sql":"SELECT"}', {}), 415, 'content-type')
  assertRefusal(await post('sql=SELECT', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'content-type')
  assertRefusal(await post('', {}, '/v1/leave'), 415, 'content-type')
  assertRefusal(await post('{"sql":'), 400, 'request')
  assertRefusal(await post('[]'), 400, 'request')
  assertRefusal(await post('{"sql":"SELECT","timeut":5}'), 400, 'request')
  for (const timeout of ['-1', '0', '1e9', '"5"', 'null']) {
    assertRefusal(await post(`{"sql":"SELECT","timeout":${timeout}}`), 400, 'request')
  }
  assert.deepEqual([node.asked, node.left], [[], 0])
})

test('who asks for what cannot be an attribute is not advised to set it', async (context) => {
  const { port } = await serve(context)
  const hint = async (name: string) => {
    const { body } = await ask(port, withToken({ path: `/v1/attributes/${name}` }))
    return (body as { hint: string }).hint
  }
  assert.equal(await hint('rack'), 'set it: tendril set rack <value>')
  for (const name of ['Region', '', '%C3%BC']) assert.match(await hint(name), /^names have lower-case letters/, name)
})

test('an unknown route is a 404 in JSON', async (context) => {
  const { port } = await serve(context)
  for (const path of ['/', '/v2/status', '/v1/attributes/nothing', '/v1/../etc/passwd']) {
    const answer = await ask(port, withToken({ path }))
    assert.equal(answer.status, 404)
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    assert.equal(typeof answer.body.hint, 'string')
  }
  assert.equal((await ask(port, withToken({ path: '/v1/attributes/%E0%A4%A' }))).status, 400)
})

test('a method that a route does not have is named, whatever the body', async (context) => {
  const { port } = await serve(context)
  const asked = [
    { method: 'POST', path: '/v1/status' },
    { method: 'POST', path: '/v1/status', body: 'a=b', headers: { 'content-type': 'text/plain' } },
    { method: 'POST', path: '/v1/status', body: '{', headers: JSON_TYPE },
    { method: 'DELETE', path: '/v1/attributes/x' },
    { method: 'HEAD', path: '/v1/status' },
  ]
  for (const { method, path, ...rest } of asked) {
    const answer = await ask(port, withToken({ method, path, ...rest }))
    if (method === 'HEAD') assert.equal(answer.status, 404)
    else {
      assertRefusal(answer, 404, 'route')
      assert.equal(answer.body.message, `there is no ${method} ${path}`)
    }
  }
})

test('a wrong query comes back with its caret, a refused publish with its limit', async (context) => {
  const { port } = await serve(context)
  const post = (path: string, body: object) =>
    ask(port, withToken({ method: 'POST', path, headers: JSON_TYPE, body: JSON.stringify(body) }))
  const wrong = await post('/v1/query', { sql: 'SELECT wrong' })
  const place = { position: 7, caret: 'SELECT wrong\n       ^^^^^' }
  assert.deepEqual([wrong.status, wrong.body], [400, { error: 'query', message: 'unknown word wrong', ...place }])
  const near = await post('/v1/query', { sql: 'SELECT wrnog' })
  const hint = 'did you mean wrong?'
  assert.deepEqual(near.body, {
    error: 'query',
    message: 'unknown word wrnog',
    hint,
    ...place,
    caret: 'SELECT wrnog\n       ^^^^^',
  })
  assertRefusal(await post('/v1/query', { sql: 'SELECT often' }), 429, 'refused')
  const large = await post('/v1/publish', { topic: 'news', data: 'x'.repeat(1001) })
  assertRefusal(large, 422, 'refused')
  assert.equal(large.body.limit, 1000)
  assertRefusal(await post('/v1/publish', { topic: 'news', data: '!', encoding: 'base64' }), 400, 'request')
})

test('a query is given up when its asker hangs up', async (context) => {
  const { port, node } = await serve(context)
  const body = '{"sql":"forever"}'
  const asked = withToken({ method: 'POST', headers: { ...JSON_TYPE, 'content-length': `${body.length}` } })
  const sent = httpRequest({ port, host: '127.0.0.1', path: '/v1/query', ...asked, agent: false })
  sent.on('error', () => {})
  sent.end(body)
  while (node.asked.length === 0) await wait(5)
  assert.deepEqual(node.aborted, [])
  sent.destroy()
  while (node.aborted.length === 0) await wait(5)
})

test('the log is told of mistakes of ours, not of clients that hang up or ask for too many streams', async (context) => {
  const lines: string[] = []
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line).err.message) })
  const { port, node, server } = await serve(context, { logger, streamLimits: { streams: 0 } })
  const query = (sql: string) => {
    const body = JSON.stringify({ sql })
    return withToken({ method: 'POST', path: '/v1/query', headers: JSON_TYPE, body })
  }
  const handled = new Promise<void>((resolve) => {
    server.server.once('request', (_, response) => response.once('close', () => setImmediate(resolve)))
  })
  const { body, ...forever } = query('forever')
  const sent = httpRequest({ port, host: '127.0.0.1', ...forever, agent: false })
  sent.on('error', () => {})
  sent.end(body)
  while (node.asked.length === 0) await wait(5)
  sent.destroy()
  await handled
  assert.deepEqual(node.aborted, ['forever'])
  assertRefusal(await ask(port, withToken({ path: '/v1/events' })), 503, 'streams')
  assertRefusal(await ask(port, query('broken')), 500, 'internal')
  assert.deepEqual(lines, ['a mistake of ours'])
})

test('the daemon is told to stop once the answer to leave has gone out', async (context) => {
  const left = Promise.withResolvers<void>()
  const { port, node } = await serve(context, { onLeft: left.resolve })
  const answer = await ask(port, withToken({ method: 'POST', path: '/v1/leave', headers: JSON_TYPE, body: '{}' }))
  assert.deepEqual([answer.body, node.left], [{ left: true }, 1])
  await left.promise
})

test('the daemon is told to stop though the client hung up while the node said goodbye', async (context) => {
  const left = Promise.withResolvers<void>()
  const goodbye = Promise.withResolvers<void>()
  let told = false
  const onLeft = () => {
    told = true
    left.resolve()
  }
  const { port, node, server } = await serve(context, { onLeft })
  const asked = Promise.withResolvers<void>()
  node.leave = () => {
    asked.resolve()
    return goodbye.promise
  }
  const accepted = once(server.server, 'connection')
  const headers = { ...JSON_TYPE, 'content-length': '2' }
  const sent = httpRequest({
    port,
    host: '127.0.0.1',
    agent: false,
    ...withToken({ method: 'POST', path: '/v1/leave', headers }),
  })
  sent.on('error', () => {})
  sent.end('{}')
  const [socket] = await accepted
  await asked.promise
  const closed = once(socket, 'close')
  sent.destroy()
  await closed
  assert.equal(told, false, 'not before the goodbye is said')
  goodbye.resolve()
  await left.promise
})

/** How long the server lets a client go on that says `start` and then one more byte each 20 ms; undefined when it outlasts `patience`. */
async function lifeOfSlowClient(
  port: number,
  start: string,
  drip: string,
  patience: number,
): Promise<number | undefined> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  const began = performance.now()
  socket.write(start)
  const dripping = setInterval(() => socket.write(drip), 20)
  const closed = once(socket, 'close').then(() => performance.now() - began)
  const life = await Promise.race([closed, wait(patience, undefined, { ref: false })])
  clearInterval(dripping)
  socket.destroy()
  return life
}

const HEADERS = `POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`

test('a client that sends its headers or its body for ever is cut off', async (context) => {
  const { port } = await serve(context, { limits: { headersTimeout: 200, requestTimeout: 400 } })
  const lives = await Promise.all([
    lifeOfSlowClient(port, HEADERS, 'X: y\r\n', 5000),
    lifeOfSlowClient(port, `${HEADERS}Content-Length: 100000\r\n\r\n{"sql":"`, 'x', 5000),
    lifeOfSlowClient(port, '', '', 5000),
  ])
  for (const life of lives) assert.ok(life !== undefined && life < 3000, `cut off after ${life} ms`)
})

test('without the timeouts it would go on', async (context) => {
  const { port } = await serve(context, { limits: { headersTimeout: 0, requestTimeout: 0 } })
  const lives = await Promise.all([
    lifeOfSlowClient(port, HEADERS, 'X: y\r\n', 1500),
    lifeOfSlowClient(port, `${HEADERS}Content-Length: 100000\r\n\r\n{"sql":"`, 'x', 1500),
  ])
  assert.deepEqual(lives, [undefined, undefined])
})

test('the timeouts of the real server are those of the limits', async (context) => {
  const { server } = await serve(context)
  const { headersTimeout, requestTimeout, maxConnections } = server.server
  assert.deepEqual(
    { headersTimeout, requestTimeout, maxConnections },
    { headersTimeout: 5000, requestTimeout: 10_000, maxConnections: 64 },
  )
})

test('there are never more sockets than the limit, and closing one makes room', async (context) => {
  const { port } = await serve(context, { limits: { sockets: 3 } })
  const open: Socket[] = []
  context.after(() => open.forEach((socket) => void socket.destroy()))
  for (let i = 0; i < 3; i++) {
    const socket = connect(port, '127.0.0.1')
    open.push(socket)
    await once(socket, 'connect')
  }
  await wait(50) // the server has accepted them
  await assert.rejects(ask(port, withToken()))
  open.pop()?.destroy()
  await wait(50)
  assert.equal((await ask(port, withToken())).status, 200)
})
