import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DISGUISES } from '../scenarios/disguises.ts'
import { INVARIANT_NAMES } from '../scenarios/invariants/names.ts'
import { scenarioSchema } from '../scenarios/scenario.ts'
import { LASTING, VERBS, type Verb } from '../scenarios/steps.ts'
import { EXAMPLE, KEYS } from './scenario-help.ts'

const CLI = join(import.meta.dirname, '..', 'cli.ts')
const folder = mkdtempSync(join(tmpdir(), 'tendril-simulate-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function simulate(args: readonly string[], input?: string) {
  return spawnSync(process.execPath, [CLI, 'simulate', ...args], {
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  })
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const SMALL = `
name: small
nodes: 12
duration: 20s
timeline:
- {at: 5s, silence: 2}
- {at: 5s, publish: {messages: 5, rate: 1}}
- {at: 5s, query: {sql: "SELECT count(*), sum(number) FROM nodes", times: 5}}
checks:
- {at: 6s, within: 14s, ring: 100%}
- {count: exact}
- {delivered: 100%}
`

test('tendril simulate --json prints one object, the same for the same seed, and exits with 0 when everything held', () => {
  const path = file('small.yaml', SMALL)
  const [one, two] = [simulate([path, '--json', '--seed', '7']), simulate([path, '--json', '--seed', '7'])]
  assert.equal(one.status, 0, one.stdout + one.stderr)
  const report = JSON.parse(one.stdout)
  assert.deepEqual({ ...report, cpuMs: 0 }, { ...JSON.parse(two.stdout), cpuMs: 0 })
  assert.deepEqual(
    [report.scenario, report.kind, report.nodes, report.seed, report.up, report.ok],
    ['small', 'simulated', 12, 7, 10, true],
  )
  assert.deepEqual(
    report.checks.map(({ name, ok }: { name: string; ok: boolean }) => [name, ok]),
    [
      ['ring', true],
      ['count', true],
      ['delivered', true],
    ],
  )
  assert.ok(
    report.invariants.length === INVARIANT_NAMES.length &&
      report.invariants.every(({ ok, detail }: { ok: boolean; detail: unknown }) => ok && detail === null),
  )
  assert.ok(report.load.messagesPerRound.max >= report.load.messagesPerRound.mean && report.load.mostBytes > 0)
  assert.match(report.traceHash, /^[0-9a-f]{16}$/)
  assert.ok(report.losses.dead > 0 && report.events > 1000)
})

test('a scenario for a person has tables; what does not hold exits with 1 and says what was found', () => {
  const { status, stdout } = simulate(
    ['-'],
    `${SMALL}- {at: 19s, ring: 100%, within: 1s}\n- {components: 1}\n- {at: 5s, longLinks: 100%}\n- {at: 5s, count: 100%}\n`.replace(
      'silence: 2',
      'partition: 50%',
    ),
  )
  assert.equal(status, 1)
  assert.match(stdout, /^small\n12 simulated nodes, 12 up at the end · seed 1 · /)
  assert.match(stdout, /^ {2}5\.0 s +partition 6 nodes|^ {2}5\.0 s +partition nodes/m)
  assert.match(stdout, /^ {2}no +\S+ s +components +2 components of 6, 6 nodes$/m)
  assert.match(stdout, /^ {2}ok +always +counted-once, delivered-once,/m)
  assert.match(stdout, /^messages a round +[0-9.]+ +[0-9.]+ +[0-9]+$/m)
  assert.match(stdout, /^hash [0-9a-f]{16}, [0-9]+ events;/m)
})

test('a malformed scenario exits with 2 and names file, line and key; with --json as JSON', () => {
  const path = file('bad.yaml', 'name: bad\nduration: 10s\nnetwork:\n  loss: 1.5\n')
  const { status, stderr } = simulate([path])
  assert.equal(status, 2)
  assert.match(stderr, /bad\.yaml:4: network\.loss must be a share/)
  const json = simulate([path, '--json'])
  assert.equal(json.status, 2)
  assert.match(JSON.parse(json.stderr).problems[0], /bad\.yaml:4: network\.loss/)
})

test('parameters that cannot be are refused before anything starts, with the reason', () => {
  for (const [args, reason] of [
    [
      ['healthy', '--nodes', '1000000'],
      /1000000 nodes need about [0-9.]+ GiB \(96\.0 KiB each\), and (this machine has|Node may use) [0-9.]+ [GM]iB/,
    ],
    [['healthy', '--nodes', '0'], /--nodes 0 is not a whole number/],
    [['healthy', '--seed', 'x'], /--seed x is not a whole number/],
    [['one-way-links', '--nodes', '5'], /one-way-links\.yaml:10: timeline\[1\]\.block\.from names node 7: there are 5/],
    [['partition-heal', '--local'], /partition-heal\.yaml:11: timeline\[2\]\.partition exists only in simulation/],
    [['healthy', '--local', '--wire'], /--wire is for simulation/],
    [['helthy'], /there is no scenario helthy: did you mean healthy\?/],
    [[], /which scenario\?/],
    [['--swarm', '0'], /--swarm 0 is not a whole number/],
    [['--swarm', '5', '--nodes', '64..32'], /begins with the larger number/],
    [['healthy', '--swarm', '5'], /--swarm makes its own scenarios/],
    [['--replay', '5', '--seed', '3'], /--replay names the seed already/],
    [['--replay', '5', '--jobs', '3'], /--jobs is for --swarm/],
    [['--swarm', '2', '--seed', '4294967295'], /--seed 4294967295 is not a whole number from 0 to 4294967294/],
  ] as const) {
    const { status, stdout, stderr } = simulate(args)
    assert.equal(status, 2, `${args}: ${stdout}${stderr}`)
    assert.match(stderr, reason)
  }
})

test('memory is looked at for the nodes that are added, too', () => {
  const text =
    'name: x\nnodes: 8\nduration: 9s\ntimeline: [{at: 1s, add: {nodes: 500000}}, {at: 2s, add: {nodes: 100%}}]\n'
  const { status, stderr } = simulate(['-'], text)
  assert.equal(status, 2, stderr)
  assert.match(stderr, /1000016 nodes need about [0-9.]+ GiB/)
})

test('tendril simulate list names what is shipped', () => {
  const { status, stdout } = simulate(['list', '--json'])
  assert.equal(status, 0)
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).name)
  assert.ok(names.includes('healthy') && names.includes('partition-heal') && names.length >= 8)
  const table = simulate(['list']).stdout
  assert.match(table, /^churn .* --local +for a minute/m)
  assert.match(table, /^partition-heal +\d+ +[\d.]+ (s|min [\d]+ s) {3,}(?!--local)/m)
})

test('the help says everything that a scenario can, and its example plays', () => {
  const words = new Set(KEYS.match(/[A-Za-z][A-Za-z-]*/g))
  const { shape } = scenarioSchema
  const groups = [shape, ...[shape.network, shape.start, shape.stack].map((group) => group.unwrap().shape)]
  const steps = Object.values(VERBS).flatMap((verb) => ('shape' in verb ? Object.keys(verb.shape) : []))
  const checks = Object.keys(shape.checks.unwrap().element.shape)
  const known = [
    ...groups.flatMap((group) => Object.keys(group)),
    ...steps,
    ...checks,
    ...INVARIANT_NAMES,
    ...DISGUISES,
  ]
  for (const key of known) assert.ok(words.has(key), key)
  for (const verb of Object.keys(VERBS) as Verb[]) {
    assert.match(KEYS, new RegExp(`[ ,]${verb}${LASTING.has(verb) ? '\\*' : '(?!\\*)'}(?=[ ,:]|$)`, 'm'), verb)
  }
  const { status, stdout, stderr } = simulate(['-', '--json'], EXAMPLE)
  assert.equal(status, 0, stdout + stderr)
})

test('a swarm prints what it did; a seed of it is replayed, and its schedule printed', () => {
  const { status, stdout } = simulate(['--swarm', '2', '--nodes', '12', '--json'])
  const report = JSON.parse(stdout)
  assert.equal(status, 0, stdout)
  assert.deepEqual([report.seeds, report.played, report.failing, report.unlike, report.ok], [[1, 2], 2, [], [], true])
  assert.ok(report.events > 10_000 && report.queries > 20 && report.deliveries > 100)
  const asJson = JSON.parse(simulate(['--replay', '2', '--nodes', '12', '--json']).stdout)
  const replayed = simulate(['--replay', '2', '--nodes', '12'])
  assert.equal(replayed.status, 0, replayed.stdout)
  assert.match(replayed.stdout, /^name: swarm-2\nnodes: 12\nseed: 2\n/)
  const [yaml] = replayed.stdout.split('\n\n') as [string]
  assert.deepEqual([asJson.scenario, asJson.yaml], ['swarm-2', `${yaml}\n`])
  const again = simulate(['-'], `${yaml}\n`)
  const hash = (text: string) => /^hash (\S+),/m.exec(text)?.[1]
  assert.equal(hash(again.stdout), hash(replayed.stdout))
})

test('a swarm says that schedules were played twice only when some were', () => {
  const of = (seed: string) => simulate(['--swarm', '1', '--seed', seed, '--nodes', '8']).stdout
  assert.doesNotMatch(of('1'), /played twice/)
  assert.match(of('10'), /^1 played twice: the same hash$/m)
})

test('the same scenario runs on real nodes, and what cannot be seen there is not claimed', () => {
  const text = `
name: real
nodes: 5
duration: 12s
timeline:
- {at: 1s, kill: 1, for: 4s}
- {at: 1s, leave: 1}
- {at: 2s, publish: {messages: 5, rate: 2}}
- {at: 2s, query: {sql: "SELECT number, count(*) FROM nodes GROUP BY number", times: 5, every: 1s}}
- {at: 6s, add: {nodes: 2}}
checks:
- {at: 8s, within: 20s, ring: 100%}
- {at: 8s, within: 20s, count: exact}
- {delivered: 100%}
`
  const { status, stdout, stderr } = simulate(['-', '--local', '--json'], text)
  assert.equal(status, 0, stdout + stderr)
  const report = JSON.parse(stdout)
  assert.deepEqual([report.kind, report.nodes, report.up, report.traceHash, report.load], ['local', 7, 6, null, null])
  assert.deepEqual(
    report.invariants.map(({ name }: { name: string }) => name),
    ['counted-once', 'delivered-once', 'in-order'],
  )
  assert.ok(report.queries.answered > 0)
})
