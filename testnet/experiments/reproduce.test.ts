import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { csv } from './csv.ts'
import { EXPERIMENTS } from './index.ts'
import type { Report } from './reproduce.ts'

const CLI = join(import.meta.dirname, '..', 'cli.ts')
const folder = mkdtempSync(join(tmpdir(), 'tendril-reproduce-'))
after(() => rmSync(folder, { recursive: true }))

function reproduce(...args: string[]) {
  return spawnSync(process.execPath, [CLI, 'reproduce', ...args], { encoding: 'utf8' })
}

test('tendril reproduce list names every experiment with its source', () => {
  const { status, stdout } = reproduce('list', '--json')
  assert.equal(status, 0)
  const listed = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; source: string })
  assert.deepEqual(
    listed.map(({ name }) => name),
    Object.keys(EXPERIMENTS),
  )
  for (const { name, source } of listed) assert.ok(source.length > 0, name)
})

test('every source can be followed by who has nothing but this repository: papers by their names, no notes, no issues', async () => {
  for (const [name, load] of Object.entries(EXPERIMENTS)) {
    const { source, title } = await load()
    assert.doesNotMatch(`${title} ${source}`, /PAPERS|LIMITS|DESIGN|MODELS|seed 0|the seed|issue|\[run\]/, name)
  }
})

test('every experiment carries the name that it is listed under', async () => {
  for (const [name, load] of Object.entries(EXPERIMENTS)) assert.equal((await load()).name, name)
})

test('tendril reproduce --json prints the report, its files are there, and the exit code follows ok', () => {
  const { status, stdout, stderr } = reproduce('mrt-ratio', '--quick', '--seed', '7', '--out', folder, '--json')
  const report = JSON.parse(stdout) as Report
  assert.equal(status, report.ok ? 0 : 1, stderr)
  assert.deepEqual([report.name, report.seed, report.quick], ['mrt-ratio', 7, true])
  assert.equal(
    report.ok,
    report.rows.every(({ ok }) => ok),
  )
  assert.ok(report.rows.length > 0)
  assert.ok(report.files.some((file) => file.endsWith('.csv')) && report.files.some((file) => file.endsWith('.svg')))
  for (const file of report.files) assert.ok(readFileSync(file, 'utf8').length > 0)
  const kept = report.files.find((file) => file.endsWith('.json')) as string
  assert.deepEqual(JSON.parse(readFileSync(kept, 'utf8')), report)
})

test('a wrong name, a wrong seed and a folder that cannot be written are refused with what to do', () => {
  const unknown = reproduce('tman-rings')
  assert.equal(unknown.status, 2)
  assert.match(unknown.stderr, /there is no experiment tman-rings: did you mean tman-ring\?[\s\S]*interval-tree/)
  const seed = reproduce('interval-tree', '--seed', '1.5')
  assert.equal(seed.status, 2)
  assert.match(seed.stderr, /--seed 1.5 is not a whole number/)
  const out = reproduce('interval-tree', '--quick', '--out', '/dev/null/figures')
  assert.equal(out.status, 1)
  assert.match(out.stderr, /cannot write to \/dev\/null\/figures/)
})

test('a folder in which nothing can be written is refused before anything is computed', () => {
  const bare = join(folder, 'bare')
  mkdirSync(join(bare, 'interval-tree'), { recursive: true })
  chmodSync(join(bare, 'interval-tree'), 0o555)
  // Neither can root write to /proc, where mkdir's own recursion would go on for ever.
  const unwritable = process.getuid?.() === 0 ? [] : [bare]
  if (process.platform === 'linux') unwritable.push('/proc/figures')
  for (const out of unwritable) {
    const { status, stdout, stderr } = reproduce('interval-tree', '--quick', '--out', out)
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, /^error: cannot write to .*\nhint: --out names another folder\n$/)
  }
})

test('an experiment that is stopped leaves no folder behind', async () => {
  const out = join(folder, 'stopped', 'figures')
  const child = spawn(process.execPath, [CLI, 'reproduce', 'interval-tree', '--out', out], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await once(child.stderr, 'data') // it tells how far it is: it computes
  child.kill('SIGINT')
  await once(child, 'exit')
  assert.ok(!existsSync(join(folder, 'stopped')))
})

test('an experiment that is stopped while it writes leaves whole files, all of them', async () => {
  const out = join(folder, 'written')
  mkdirSync(join(out, 'mrt-ratio'), { recursive: true })
  const pipe = join(out, 'mrt-ratio', 'ratio.svg')
  execFileSync('mkfifo', [pipe]) // who writes to it waits until somebody reads
  const child = spawn(process.execPath, [CLI, 'reproduce', 'mrt-ratio', '--quick', '--out', out], { stdio: 'ignore' })
  const exit = once(child, 'exit')
  while (!existsSync(join(out, 'mrt-ratio', 'ratio.csv'))) await sleep(50)
  await sleep(200)
  child.kill('SIGINT')
  await sleep(200)
  const svg = child.exitCode === null && child.signalCode === null ? await readFile(pipe, 'utf8') : ''
  assert.deepEqual(await exit, [130, null])
  assert.match(svg, /<\/svg>\s*$/)
  const report = JSON.parse(readFileSync(join(out, 'mrt-ratio', 'mrt-ratio.json'), 'utf8')) as Report
  assert.equal(report.files.length, 3)
})

test('a process that computes apart ends with the one that was stopped', async () => {
  const out = join(folder, 'apart')
  // With so little heap of its own the command runs what needs a GiB in another process.
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=256' }
  const args = [CLI, 'reproduce', 'broadcast-compare', '--quick', '--out', out]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true })
  await once(child.stderr, 'data') // the other one computes, and tells how far it is
  child.kill('SIGTERM')
  try {
    const closed = once(child, 'close').then(() => 'both have ended')
    assert.equal(
      await Promise.race([closed, sleep(10_000, 'one of them holds its output', { ref: false })]),
      'both have ended',
    )
  } finally {
    if (child.stderr.readable) process.kill(-(child.pid as number), 'SIGKILL')
  }
})

test('rows are printed although their files cannot be written, and the exit code is 1', () => {
  const out = join(folder, 'blocked')
  mkdirSync(join(out, 'mrt-ratio', 'mrt-ratio.json'), { recursive: true })
  const { status, stdout, stderr } = reproduce('mrt-ratio', '--quick', '--out', out, '--json')
  const report = JSON.parse(stdout) as Report
  assert.ok(report.rows.length > 0)
  for (const file of report.files) assert.ok(readFileSync(file, 'utf8').length > 0, 'what is named was written')
  assert.equal(status, 1)
  const [, last] = /(\{.*\})\n$/.exec(stderr) ?? []
  const { error, message, hint } = JSON.parse(last as string)
  assert.deepEqual([error, hint], ['failed', '--out names another folder'])
  assert.match(message, /^cannot write to .*mrt-ratio\.json: /)
})

test('CSV: null is an empty cell, and text that would break a line is quoted', () => {
  const rows = [
    [1, null],
    ['a "b", c', 'd\ne'],
  ]
  assert.equal(csv({ name: 't', columns: ['x', 'y'], rows }), 'x,y\n1,\n"a ""b"", c","d\ne"\n')
})
