import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Report } from '../tour/report.ts'

const CLI = join(import.meta.dirname, '..', 'cli.ts')

function start(...args: string[]) {
  const process_ = spawn(process.execPath, [CLI, 'testnet', ...args])
  let stdout = ''
  let stderr = ''
  process_.stdout.on('data', (data) => {
    stdout += data
  })
  process_.stderr.on('data', (data) => {
    stderr += data
  })
  return { process: process_, stdout: () => stdout, stderr: () => stderr }
}

function childrenOf({ pid }: ChildProcess): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  return lines.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(condition: () => boolean, limit: number): Promise<boolean> {
  const end = performance.now() + limit
  while (!condition()) {
    if (performance.now() > end) return false
    await sleep(100)
  }
  return true
}

test('tendril testnet --json prints one object on standard output, and exits with 0 when every check held', async () => {
  const run = start('--nodes', '8', '--json', '--seed', '5')
  const [code] = await once(run.process, 'exit')
  const report = JSON.parse(run.stdout()) as Report
  assert.equal(code, 0, `${JSON.stringify(report.checks, undefined, 1)}\n${run.stderr()}`)
  assert.equal(report.ok, true)
  assert.ok(report.checks.every(({ ok }) => ok))
  assert.equal(report.nodes, 8)
  assert.deepEqual({ ...report.ring, ms: 0 }, { correct: 16, total: 16, ms: 0 })
  assert.ok(report.ring.ms > 0)
  assert.equal(typeof report.bands.filled, 'number')
  assert.equal(report.bands.total, report.bands.filled)
  for (const { sql, rows, coverage, cost } of report.queries) {
    assert.equal(typeof sql, 'string')
    assert.ok(rows.length > 0)
    assert.deepEqual([coverage.answered, coverage.missing, coverage.intervals], [8, 0, []])
    for (const figure of [cost.messages, cost.bytes, cost.hops, cost.ms]) assert.ok(figure > 0)
    assert.equal(cost.delegations, 7)
  }
  const { published, delivered, expected, duplicates, copies, p50Ms, p99Ms } = report.broadcast
  assert.deepEqual(
    { published, delivered, expected, duplicates },
    {
      published: 100,
      delivered: 800,
      expected: 800,
      duplicates: 0,
    },
  )
  assert.ok(copies <= 1.05)
  assert.ok(p50Ms > 0 && p99Ms >= p50Ms)
  assert.deepEqual(
    report.afterDeaths.map(({ live }) => live),
    [7, 7],
  )
  assert.deepEqual([report.afterDeaths[1]?.counted, report.afterDeaths[1]?.missing], [7, 0])
  assert.match(run.stderr(), /up 8\/8 {2}ring links 16\/16/)
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGKILL', null],
] as const) {
  test(`${signal} ends a testnet with all its processes`, async () => {
    const run = start('--nodes', '6', '--processes', '2', '--json')
    assert.ok(await until(() => /up 6\/6/.test(run.stderr()), 30_000), run.stderr())
    const children = childrenOf(run.process)
    assert.equal(children.length, 2)
    const exited = once(run.process, 'exit')
    run.process.kill(signal)
    assert.equal((await exited)[0], code)
    assert.ok(await until(() => !children.some(isAlive), 5000), 'a child outlived its parent')
    assert.equal(run.stdout(), '')
  })
}

test('--keep leaves the testnet to other terminals until it is stopped, and nothing behind when its terminal is closed', async () => {
  const run = start('--nodes', '3', '--keep')
  assert.ok(await until(() => run.stdout().includes('Ctrl-C stops everything'), 60_000), run.stdout() + run.stderr())
  const folder = /--data (\S+)/.exec(run.stdout())?.[1] ?? ''
  const sql = 'SELECT count(*) FROM nodes'
  const query = spawnSync(process.execPath, [CLI, 'query', '--data', folder, '--json', sql], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(query.stdout).rows, [[2]], query.stderr) // one of three has died
  assert.equal(statSync(join(folder, 'admin.json')).mode & 0o077, 0)
  const exited = once(run.process, 'exit')
  run.process.kill('SIGHUP')
  assert.equal((await exited)[0], 129)
  assert.ok(!existsSync(folder))
})

test('--structure: the target links are watched beside the ring and reported; what has none is refused with what has', async () => {
  const run = start('--nodes', '6', '--json', '--seed', '5', '--structure', 'line:number')
  const [code] = await once(run.process, 'exit')
  const { structure, checks } = JSON.parse(run.stdout()) as Report
  assert.equal(code, 0, `${JSON.stringify(checks, undefined, 1)}\n${run.stderr()}`)
  assert.deepEqual({ ...structure, ms: 0 }, { name: 'line:number', correct: 10, total: 10, ms: 0 })
  assert.ok(checks.some(({ name, ok }) => name === 'line:number' && ok))
  assert.match(run.stderr(), /line:number links 10\/10/)
  for (const name of ['latency', 'tours', 'line:']) {
    const { status, stderr } = spawnSync(process.execPath, [CLI, 'testnet', '--structure', name], { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.match(stderr, /line:<attribute>, torus, tree/)
    assert.doesNotMatch(stderr, /superpeers|own:/, 'what is refused here is not offered')
  }
})

test('numbers that are none are refused before anything starts', () => {
  for (const args of [
    ['--nodes', '0'],
    ['--nodes', 'many'],
    ['--processes', '1.5'],
    ['--seed', '-1'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [CLI, 'testnet', ...args], { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.match(stderr, /whole number/)
  }
})
