// Real daemons as a user starts them: each a process of its own, real TCP, asked through the command line.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import { AdminClient } from '../daemon/client.ts'
import { readCredentials } from '../daemon/credentials.ts'
import type { Ready } from '../daemon/run.ts'

const FIXTURE = join(import.meta.dirname, 'tendril.fixture.ts')
/** Generous: the machine may be busy. How long it takes to notice a death is told, and measured in scripts/bench. */
const PATIENCE = 30_000

interface Done {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

class Process {
  readonly child: ChildProcess
  readonly done: Promise<Done>
  err = ''
  #out = ''

  constructor(args: readonly string[]) {
    const env = { PATH: process.env.PATH, HOME: '/nonexistent' }
    this.child = spawn(process.execPath, [FIXTURE, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.on('data', (chunk) => {
      this.#out += chunk
    })
    this.child.stderr?.on('data', (chunk) => {
      this.err += chunk
    })
    this.done = once(this.child, 'close').then(([code]) => ({ code, out: this.#out, err: this.err }))
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

const tendril = (...args: string[]): Promise<Done> => new Process(args).done

async function folderFor(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tendril-daemons-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const LOCAL = ['--listen', '/ip4/127.0.0.1/tcp/0', '--admin-port', '0', '--network', 'test-of-two-daemons']

interface Status {
  readonly membership: { readonly stretch: number; readonly counts: Readonly<Record<string, number>> }
}

interface Running extends Ready {
  readonly process: Process
  readonly client: AdminClient
}

async function start(context: TestContext, data: string, ...args: string[]): Promise<Running> {
  const daemon = new Process(['start', '--json', '--data', data, ...LOCAL, ...args])
  context.after(async () => {
    daemon.kill('SIGKILL')
    await daemon.done
  })
  const lines = createInterface({ input: daemon.child.stdout as NodeJS.ReadableStream })
  const line = await Promise.race([once(lines, 'line'), daemon.done.then(({ err }) => Promise.reject(new Error(err)))])
  const credentials = await readCredentials(data)
  assert.ok(credentials)
  const client = new AdminClient(credentials.url, credentials.token)
  return { ...(JSON.parse(line[0]) as Ready), process: daemon, client }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never happened that ${what}`)
    await wait(250)
  }
}

const COUNT = 'SELECT count(*) FROM nodes'

/** Asked seldom enough not to be refused for asking too often. */
async function counts(daemon: Running, nodes: number): Promise<boolean> {
  await wait(1000)
  const { code, out } = await tendril('query', '--json', COUNT, '--data', daemon.data)
  if (code !== 0) return false
  const { rows, coverage } = JSON.parse(out) as Answer
  return rows[0]?.[0] === nodes && coverage.missing === 0
}

/** The first `peer:down` that a daemon tells of a peer, and when. */
async function downOf(daemon: Running, id: string): Promise<{ reason: string; at: number }> {
  let found: { reason: string; at: number } | undefined
  await daemon.client.follow('/v1/events', (event, data) => {
    const detail = data as { id: string; reason: string }
    if (event !== 'peer:down' || detail.id !== id) return true
    found = { reason: detail.reason, at: performance.now() }
    return false
  })
  assert.ok(found)
  return found
}

test('two daemons find each other, answer for both, notice a kill -9, and find each other again', {
  timeout: 180_000,
}, async (context) => {
  const [folderA, folderB] = [await folderFor(context), await folderFor(context)]
  const a = await start(context, folderA, '--attribute', 'region=eu', '--attribute', 'number=1')
  assert.equal(a.known, 0)
  const address = a.addresses[0] as string
  assert.match(address, new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${a.id}$`))
  let b = await start(context, folderB, '--bootstrap', address, '--attribute', 'region=us', '--attribute', 'number=2')
  assert.equal(b.known, 1)

  await until('both are counted from the first', () => counts(a, 2))
  await until('both are counted from the second', () => counts(b, 2))
  await wait(1000)
  const { out } = await tendril('search', '--json', '--select', 'id,region', '--order', 'number', '--data', folderB)
  assert.deepEqual((JSON.parse(out) as Answer).rows, [
    [a.id, 'eu'],
    [b.id, 'us'],
  ])
  const peers = await tendril('peers', '--json', '--data', folderA)
  assert.equal(JSON.parse(peers.out.split('\n')[0] as string).id, b.id)

  const subscriber = new Process(['subscribe', 'news', '--count', '1', '--json', '--data', folderB])
  await until('a message arrives', async () => {
    await tendril('publish', 'news', 'hello', '--data', folderA)
    return Promise.race([subscriber.done.then(() => true), wait(500, false)])
  })
  const delivery = JSON.parse((await subscriber.done).out)
  assert.deepEqual([delivery.from, delivery.data], [a.id, 'hello'])

  const down = downOf(a, b.id)
  await wait(500) // the stream is open
  const killed = performance.now()
  b.process.kill('SIGKILL')
  const { at, reason } = await down
  // 0.85 s; more where timers are late, for a node that is slow itself gives others more time (Lifeguard): stretch.
  const { stretch, counts: found } = ((await a.client.ask('GET', '/v1/status')) as Status).membership
  const lag = Math.round(at - killed)
  context.diagnostic(`kill -9 noticed after ${lag} ms (stretch ${stretch}, late ${found.late ?? 0}): ${reason}`)
  assert.notEqual(reason, '')
  await until('the dead one is counted no more', () => counts(a, 1))

  const { id } = b
  b = await start(context, folderB, '--attribute', 'region=us')
  assert.equal(b.id, id)
  assert.ok(b.known >= 1)
  await until('both are counted again from the first', () => counts(a, 2))
  await until('both are counted again from the second', () => counts(b, 2))

  const goodbye = downOf(a, b.id)
  await wait(500)
  b.process.kill('SIGTERM')
  assert.match((await goodbye).reason, /left|goodbye/)
  assert.equal((await b.process.done).code, 0)
  const left = await tendril('leave', '--data', folderA)
  assert.equal(left.code, 0)
  assert.equal((await a.process.done).code, 0)
  assert.equal((await tendril('status', '--data', folderA)).code, 3)
})

test('what is set stays over a restart, and commands speak to the daemon of their data folder', {
  timeout: 60_000,
}, async (context) => {
  const folder = await folderFor(context)
  let daemon = await start(context, folder)
  assert.equal((await tendril('set', 'rack', '7', '--data', folder)).code, 0)
  assert.equal((await tendril('get', 'rack', '--data', folder)).out, '7\n')
  daemon.process.kill('SIGINT')
  assert.equal((await daemon.process.done).code, 0)
  daemon = await start(context, folder)
  assert.equal((await tendril('get', 'rack', '--data', folder)).out, '7\n')
})

test('a daemon whose terminal is closed says goodbye, as on every signal that ends it', {
  timeout: 60_000,
}, async (context) => {
  for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) {
    const folder = await folderFor(context)
    const daemon = await start(context, folder)
    daemon.process.kill(signal)
    const { code, err } = await daemon.process.done
    assert.equal(code, 0, signal)
    assert.match(err, /leaving the network/)
    assert.equal(await readCredentials(folder), undefined)
  }
})

test('wrong queries are refused with their caret, by daemons too', { timeout: 60_000 }, async (context) => {
  const folder = await folderFor(context)
  const { client } = await start(context, folder)
  for (const [sql, message] of [
    [
      'SELEC id FROM nodes',
      /error: expected SELECT, found SELEC\n {2}SELEC id FROM nodes\n {2}\^{5}\nhint: did you mean/,
    ],
    ['SELECT lod FROM nodes', /lod/],
    ["SELECT id FROM nodes WHERE load = 'high'", /\^/],
    [`SELECT id FROM nodes WHERE ${'load > 1 AND '.repeat(200)} load > 1`, /too long: at most 1000 bytes/],
  ] as const) {
    const { code, out, err } = await tendril('query', sql, '--data', folder)
    assert.deepEqual({ code, out }, { code: 1, out: '' }, sql)
    assert.match(err, message)
    await wait(1000)
  }
  const large = client.ask('POST', '/v1/publish', { topic: 'news', data: 'x'.repeat(2 ** 20 + 1) })
  await assert.rejects(large, /at most 1048576 bytes/)
})

test('a daemon goes on when whoever reads its output goes away', { timeout: 60_000 }, async (context) => {
  const folder = await folderFor(context)
  const daemon = await start(context, folder, '--log', 'trace')
  daemon.process.child.stdout?.destroy()
  daemon.process.child.stderr?.destroy()
  for (let i = 0; i < 3; i++) {
    await wait(300)
    assert.equal((await tendril('set', 'i', String(i), '--data', folder)).code, 0)
  }
})

test('a bootstrap that does not answer is a warning, and the node runs', { timeout: 60_000 }, async (context) => {
  const folder = await folderFor(context)
  const nobody = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
  const daemon = await start(context, folder, '--bootstrap', nobody, '--dht-enabled', 'false')
  await until('the log warns', async () => /"level":40.*\/ip4\/127\.0\.0\.1\/tcp\/1/.test(daemon.process.err))
  assert.equal((await tendril('status', '--data', folder)).code, 0)
})

test('what keeps a daemon from starting is said in one sentence', { timeout: 120_000 }, async (context) => {
  const folder = await folderFor(context)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  context.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const running = await start(context, await folderFor(context))
  const file = join(folder, 'file')
  await writeFile(file, '')
  const config = join(folder, 'tendril.yaml')
  await writeFile(config, 'network: a\nbotstrap: []\n')

  const data = join(folder, 'data')
  const cases: [string[], number, RegExp][] = [
    [
      ['--data', data, '--listen', `/ip4/127.0.0.1/tcp/${port}`],
      1,
      new RegExp(`^error: .*${port}.*(in use|another program)`),
    ],
    [
      ['--data', data, '--admin-port', String(port)],
      1,
      new RegExp(`^error: the admin API cannot listen .* port ${port}: another program`),
    ],
    [['--data', join(file, 'inside')], 1, /^error: .*file\/inside/],
    [['--data', running.data], 1, /^error: .*another node/],
    [
      ['--data', data, '--config', config],
      2,
      /^error: .*tendril\.yaml:2: unknown key botstrap: did you mean bootstrap\?$/m,
    ],
  ]
  for (const [args, expected, message] of cases) {
    const { code, out, err } = await tendril(
      'start',
      ...LOCAL.slice(0, args.includes('--listen') ? 0 : 2),
      '--admin-port',
      '0',
      ...args,
    )
    assert.equal(code, expected, err)
    assert.equal(out, '')
    assert.match(err, message)
    assert.equal(
      err
        .trimEnd()
        .split('\n')
        .filter((line) => /^\s+at /.test(line)).length,
      0,
      err,
    )
  }
  assert.equal((await tendril('status', '--data', running.data)).code, 0)
  assert.match(await readFile(join(running.data, 'admin.json'), 'utf8'), /127\.0\.0\.1/)
})
