import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { loadConfig } from '../config/load.ts'
import { AdminClient, Refused, Unreachable } from './client.ts'
import { credentialsFile, readCredentials, writeCredentials } from './credentials.ts'
import { startDaemon } from './daemon.ts'
import { DaemonError } from './failure.ts'
import { FakeNode } from './fake.fixture.ts'

async function prepare(context: TestContext, environment: Record<string, string> = {}) {
  const data = await mkdtemp(join(tmpdir(), 'tendril-daemon-'))
  context.after(() => rm(data, { recursive: true }))
  const config = await loadConfig({ environment: { TENDRIL_DATA: data, TENDRIL_ADMIN_PORT: '0', ...environment } })
  const tendril = new FakeNode()
  const node = {
    tendril,
    stops: 0,
    async stop() {
      node.stops++
    },
  }
  const lines: { msg: string }[] = []
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) })
  return { data, config, node, lines, start: () => startDaemon(config, node, logger) }
}

async function clientOf(data: string): Promise<AdminClient> {
  const found = await readCredentials(data)
  assert.ok(found)
  return new AdminClient(found.url, found.token)
}

test('a client finds the daemon through the data folder, with a token that is new at each start', async (context) => {
  const { data, start } = await prepare(context)
  const tokens = new Set<string>()
  for (let i = 0; i < 2; i++) {
    const daemon = await start()
    const found = await readCredentials(data)
    assert.equal(found?.url, daemon.url)
    assert.equal(Buffer.from(found.token, 'base64url').length, 32)
    tokens.add(found.token)
    assert.deepEqual(await (await clientOf(data)).ask('GET', '/v1/attributes/region'), { name: 'region', value: 'eu' })
    await daemon.stop()
  }
  assert.equal(tokens.size, 2)
})

test('stopping says goodbye once, stops the node, closes the API and takes the file away', async (context) => {
  const { data, start, node } = await prepare(context)
  const daemon = await start()
  const client = await clientOf(data)
  await Promise.all([daemon.stop(), daemon.stop(), daemon.stopped])
  assert.deepEqual([node.tendril.left, node.stops], [1, 1])
  await assert.rejects(readFile(credentialsFile(data)), { code: 'ENOENT' })
  await assert.rejects(client.ask('GET', '/v1/status'), Unreachable)
})

test('a client that asks the node to leave is answered, and then the daemon stops', async (context) => {
  const { data, start, node } = await prepare(context)
  const daemon = await start()
  assert.deepEqual(await (await clientOf(data)).ask('POST', '/v1/leave', {}), { left: true })
  await daemon.stopped
  assert.equal(node.stops, 1)
})

test('a node that cannot say goodbye is stopped all the same', { timeout: 10_000 }, async (context) => {
  const { start, node } = await prepare(context)
  node.tendril.leave = () => new Promise(() => {})
  const daemon = await start()
  await daemon.stop()
  assert.equal(node.stops, 1)
})

test('whatever fails while the daemon stops is in the log, and everything else is done', async (context) => {
  const fail = (what: string) => () => {
    throw new Error(what)
  }
  const breaking = {
    credentials: ({ config }) => void Object.defineProperty(config, 'data', { get: fail('no folder') }),
    goodbye: ({ node }) => void Object.assign(node.tendril, { leave: fail('no goodbye') }),
    log: ({ node }) => void Object.assign(node.tendril, { removeEventListener: fail('no listener') }),
  } satisfies Record<string, (prepared: Awaited<ReturnType<typeof prepare>>) => void>
  for (const [what, breakIt] of Object.entries(breaking)) {
    const prepared = await prepare(context)
    const { data, lines, node, start } = prepared
    const daemon = await start()
    const client = await clientOf(data)
    breakIt(prepared)
    await daemon.stop()
    await daemon.stopped
    assert.equal(node.stops, 1, what)
    if (what !== 'goodbye') assert.equal(node.tendril.left, 1, what)
    if (what !== 'credentials') assert.equal(await readCredentials(data), undefined, what)
    await assert.rejects(client.ask('GET', '/v1/status'), Unreachable)
    assert.match(lines.at(-1)?.msg ?? '', /^stopping: .* failed$/)
  }
})

test('the file of another daemon is left where it is', async (context) => {
  const { data, start } = await prepare(context)
  const daemon = await start()
  await writeCredentials(data, { url: 'http://127.0.0.1:1', token: 'of-another' })
  await daemon.stop()
  assert.equal((await readCredentials(data))?.token, 'of-another')
})

test('where the data folder is a file, or is not there, no daemon is found: that is not a file which this user may not read', async (context) => {
  const { data } = await prepare(context)
  await writeFile(join(data, 'file'), '')
  assert.equal(await readCredentials(join(data, 'file')), undefined)
  assert.equal(await readCredentials(join(data, 'nowhere')), undefined)
})

test('a configured port that is taken is refused in one sentence, and the node is stopped', async (context) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  context.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const { start, node, data } = await prepare(context, { TENDRIL_ADMIN_PORT: String(port) })
  await assert.rejects(start(), (error: Error) => {
    assert.ok(error instanceof DaemonError)
    assert.match(
      error.message,
      new RegExp(`port ${port}: another program uses the port; choose another with --admin-port`),
    )
    return true
  })
  assert.equal(node.stops, 1)
  await assert.rejects(readFile(credentialsFile(data)), { code: 'ENOENT' })
})

test('a data folder that takes no file is refused, and the node is stopped', async (context) => {
  const { config, start, node } = await prepare(context)
  config.data = join(config.data, 'nowhere')
  await assert.rejects(start(), /nowhere\/admin\.json cannot be written, so no command would find the daemon: ENOENT/)
  assert.equal(node.stops, 1)
})

test('an address that this machine does not have is refused', async (context) => {
  const { start } = await prepare(context, {
    TENDRIL_ADMIN_HOST: '192.0.2.1',
    TENDRIL_ADMIN_TOKEN: 'x'.repeat(32),
  })
  await assert.rejects(start(), /no such address; choose another with --admin-host/)
})

test('a configured token is the one that counts', async (context) => {
  const token = 'a-secret-of-the-operator-0123456789'
  const { start } = await prepare(context, { TENDRIL_ADMIN_TOKEN: token })
  const daemon = await start()
  context.after(() => daemon.stop())
  await new AdminClient(daemon.url, token).ask('GET', '/v1/status')
  await assert.rejects(new AdminClient(daemon.url, `${token}x`).ask('GET', '/v1/status'), Refused)
})

test('the default port gives way when it is taken', async (context) => {
  const { config, start } = await prepare(context)
  delete config.admin.port
  const first = await start()
  context.after(() => first.stop())
  const second = await start()
  context.after(() => second.stop())
  assert.notEqual(first.url, second.url)
})

test('every contact that is lost is in the log with its reason', async (context) => {
  const { start, node, lines } = await prepare(context)
  const daemon = await start()
  context.after(() => daemon.stop())
  node.tendril.dispatchEvent(new CustomEvent('peer:down', { detail: { id: 'a', reason: 'connection closed' } }))
  const { msg, ...fields } = lines.at(-1) as { msg: string; id: string; reason: string }
  assert.deepEqual([msg, fields.id, fields.reason], ['a peer is down', 'a', 'connection closed'])
})
