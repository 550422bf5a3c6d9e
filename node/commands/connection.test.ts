import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { credentialsFile, writeCredentials } from '../daemon/credentials.ts'
import { daemon, tendril, token } from './daemon.fixture.ts'

test('without a daemon the exit code is 3 and the way to start one is named', async () => {
  const { code, err } = await tendril(['status', '--admin', 'http://127.0.0.1:1', '--token', token])
  assert.equal(code, 3)
  assert.match(err, /no daemon answers at http:\/\/127\.0\.0\.1:1 .*\n.*`tendril start`/)
  const empty = await tendril(['status', '--data', join(daemon.folder, 'nobody')])
  assert.equal(empty.code, 3)
  assert.match(empty.err, /no daemon runs on .*nobody\n.*`tendril start`/)
})

test('a daemon that dies in the middle of its answer is one that does not answer', async (context) => {
  const dying = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    response.write('{"a":', () => response.socket?.destroy())
  }).listen(0, '127.0.0.1')
  context.after(() => dying.close())
  await once(dying, 'listening')
  const address = `http://127.0.0.1:${(dying.address() as AddressInfo).port}`
  for (const json of [[], ['--json']]) {
    const { code, err, out } = await tendril(['status', '--admin', address, '--token', token, ...json])
    assert.equal(code, 3)
    const said = json.length > 0 ? JSON.parse(out || err).message : err
    assert.match(said, /hung up/)
  }
})

test('a daemon that is there but says nothing is not waited for much longer than its answer may take', {
  timeout: 60_000,
}, async (context) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  context.after(() => silent.closeAllConnections())
  context.after(() => silent.close())
  await once(silent, 'listening')
  const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const asked = [
    { args: ['status'], seconds: 10 },
    { args: ['subscribe', 'news'], seconds: 10 },
    { args: ['query', '--timeout', '1', 'SELECT id FROM nodes'], seconds: 5.001 },
    { args: ['search', '--timeout', '1000'], seconds: 6 },
  ]
  await Promise.all(
    asked.map(async ({ args, seconds }) => {
      const { code, err } = await tendril([...args, '--admin', address, '--token', token])
      assert.equal(code, 3)
      assert.equal(
        err,
        `error: the daemon at ${address} has said nothing for ${seconds} s\nhint: it is there, but does not answer: see its log, or stop it\n`,
      )
    }),
  )
})

test('what answers but is no daemon is not believed', async (context) => {
  const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
  context.after(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const { code, err } = await tendril([
    'status',
    '--admin',
    `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
    '--token',
    token,
  ])
  assert.equal(code, 3)
  assert.match(err, /is not a tendril daemon/)
})

test('a wrong token exits with 1; address and token can come from the environment', async () => {
  const { code, err } = await tendril(['status', '--admin', daemon.url, '--token', 'y'.repeat(43)])
  assert.equal(code, 1)
  assert.match(err, /the token is missing or wrong\nhint: .*--token or TENDRIL_ADMIN_TOKEN/)
  assert.equal(
    (await tendril(['status'], { env: { TENDRIL_ADMIN_URL: daemon.url, TENDRIL_ADMIN_TOKEN: token } })).code,
    0,
  )
})

test('a variable that is empty counts as one that is not set', async () => {
  const folder = { TENDRIL_DATA: daemon.folder, TENDRIL_ADMIN_URL: '', TENDRIL_ADMIN_TOKEN: '' }
  assert.equal((await tendril(['status'], { env: folder })).code, 0)
  const { code, err } = await tendril(['status'], { env: { TENDRIL_DATA: '' } })
  assert.equal(code, 3)
  assert.match(err, /no daemon runs on \S*nonexistent\S*\n/)
  const url = { TENDRIL_ADMIN_URL: daemon.url, TENDRIL_ADMIN_TOKEN: '' }
  assert.match((await tendril(['status'], { env: url })).err, /a token is needed for http/)
  const { code: started, err: why } = await tendril(['start', '--print-config'], { env: { TENDRIL_CONFIG: '' } })
  assert.equal(started, 0, why)
})

test('an address or a token that no request can be made of is a wrong command line, not a stack trace', async () => {
  const addresses = ['http://127.0.0.1:99999', 'http://[::1', 'http://%zz']
  const tokens = ['y\n', 'a\u{1f419}', '']
  const asked: [string, string, RegExp][] = [
    ...addresses.map((url): [string, string, RegExp] => [url, token, /is not the address of an admin API\nhint: /]),
    ...tokens.map((bad): [string, string, RegExp] => [daemon.url, bad, /^error: the token .*\nhint: .*admin\.json/]),
  ]
  await Promise.all(
    asked.map(async ([url, secret, message]) => {
      const { code, err } = await tendril(['status', '--admin', url, '--token', secret])
      assert.equal(code, 2, err)
      assert.match(err, message)
    }),
  )
  assert.equal((await tendril(['status', '--token', 'y\n'])).code, 2, 'beside a data folder')
})

test('only the owner can read the token', async () => {
  assert.equal((await stat(credentialsFile(daemon.folder))).mode & 0o777, 0o600)
  await chmod(credentialsFile(daemon.folder), 0o644)
  await writeCredentials(daemon.folder, { url: daemon.url, token })
  assert.equal((await stat(credentialsFile(daemon.folder))).mode & 0o777, 0o600)
})

test('a file of the daemon that is damaged, or cannot be read, is named once, with what mends it', async () => {
  const damaged = await mkdtemp(join(daemon.folder, 'damaged-'))
  const file = credentialsFile(damaged)
  const unusable = ['{"url":"http://127.0.0.1:99999","token":"y"}', '{"url":"http://127.0.0.1:1","token":"a\\nb"}']
  for (const text of ['{"url":', '', ...unusable]) {
    await writeFile(file, text)
    assert.deepEqual(await tendril(['status', '--data', damaged]), {
      code: 1,
      out: '',
      err: `error: ${file} is not what a daemon writes\nhint: restart the daemon: it writes the file anew\n`,
    })
  }
  await rm(file)
  await mkdir(file)
  assert.match((await tendril(['status', '--data', damaged])).err, /admin\.json cannot be read: EISDIR\nhint: restart/)
})
