import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const CLI = join(import.meta.dirname, 'cli.ts')

/** Writes the address of every module to standard error, and in the end the CPU time in ms. */
const TRACE = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ load: (url, context, next) => (process._rawDebug(url), next(url, context)) })
  process.on('exit', () => process._rawDebug('cpu ' + (process.cpuUsage().user + process.cpuUsage().system) / 1000))
`)}`

test('tendril --help lists all commands and loads nothing that only a command needs', (context) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', TRACE, CLI, '--help'], {
    encoding: 'utf8',
  })
  assert.equal(status, 0)
  for (const name of [
    'start',
    'status',
    'peers',
    'query',
    'search',
    'publish',
    'subscribe',
    'set',
    'get',
    'leave',
    'testnet',
    'simulate',
    'reproduce',
  ]) {
    assert.match(stdout, new RegExp(`^ {2}${name}\\b`, 'm'))
  }
  assert.match(stderr, /node_modules\/commander/)
  for (const heavy of [
    'fastify',
    'zod',
    'libp2p',
    'yaml',
    'pino',
    'cli-table3',
    'log-update',
    '@bomb.sh',
    '@bufbuild',
  ]) {
    assert.ok(!stderr.includes(`node_modules/${heavy}`), `${heavy} is loaded`)
  }
  const cpu = Number(/^cpu (.*)$/m.exec(stderr)?.[1])
  context.diagnostic(`${Math.round(cpu)} ms of CPU from the sources, with the trace`)
  assert.ok(cpu < 600, `${cpu} ms`) // 150 ms as built; here TypeScript is stripped, and the machine may be busy
})

test('tendril alone shows how it is used and exits with 2', () => {
  const { status, stderr } = spawnSync(process.execPath, [CLI], { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /^Usage: tendril/)
})
