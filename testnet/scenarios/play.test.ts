import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import { Stack } from '../../protocols/stack.ts'
import { reportText } from '../command/scenario-report.ts'
import { INVARIANT_NAMES } from './invariants/names.ts'
import { play } from './play.ts'
import { parseScenario, readScenario, shipped } from './read.ts'
import type { Scenario } from './scenario.ts'
import { type MakeStack, SimulatedStage } from './simulated-stage.ts'

function scenario(text: string): Scenario {
  return parseScenario(text, 'test').scenario
}

const run = (given: Scenario, options = {}) => play(given, new SimulatedStage(given, options))

for (const name of shipped()) {
  test(`${name}: everything holds on a small network, and load is reported`, async () => {
    const outcome = await run(readScenario(name, { nodes: name === 'flash-crowd' ? 20 : 32 }).scenario)
    const wrong = [...outcome.checks.filter(({ ok }) => !ok), ...outcome.violations]
    assert.deepEqual(wrong, [])
    assert.ok(outcome.ok && outcome.invariants.length === INVARIANT_NAMES.length)
    assert.ok(outcome.queries.answered > 0 && outcome.publications.delivered > 0)
    const { bytesPerRound, mostBytes } = outcome.load ?? assert.fail('no load')
    assert.ok(bytesPerRound.mean > 0 && bytesPerRound.max >= bytesPerRound.mean && mostBytes > bytesPerRound.max)
  })
}

const BUSY = `
name: busy
nodes: 16
duration: 25s
network: {loss: 2%, duplicate: 2%, latency: {logNormal: {median: 30ms, sigma: 0.5}}}
timeline:
- {at: 5s, silence: 2, for: 5s}
- {at: 6s, leave: 1}
- {at: 7s, pause: 2, for: 3s}
- {at: 8s, partition: 25%, for: 4s}
- {at: 8s, slow: {nodes: 2, by: 200ms}, for: 4s}
- {at: 9s, add: {nodes: 3, over: 2s}}
- {at: 9s, clock: {nodes: 10%, jump: -20s}}
- {at: 4s, publish: {messages: 20, rate: 2, bytes: 100}}
- {at: 4s, query: {sql: "SELECT count(*) FROM nodes", times: 10, every: 1s}}
`

test('the same scenario twice gives the same hash, another seed another one', async () => {
  const [one, two, other] = [
    await run(scenario(BUSY)),
    await run(scenario(BUSY)),
    await run({ ...scenario(BUSY), seed: 2 }),
  ]
  assert.equal(one.traceHash, two.traceHash)
  assert.deepEqual({ ...one, cpu: 0 }, { ...two, cpu: 0 })
  assert.notEqual(one.traceHash, other.traceHash)
  assert.equal(one.nodes.started, 19)
  assert.deepEqual(one.violations, [])
})

test('a crowd that is added at one moment is there at that moment: no time goes by between two of them', async () => {
  const text = 'name: x\nnodes: 8\nduration: 1010ms\ninvariants: []\ntimeline: [{at: 1s, add: {nodes: 1500}}]\n'
  const given = scenario(text)
  const stage = new SimulatedStage(given)
  const outcome = await play(given, stage)
  assert.equal(outcome.nodes.started, 1508)
  assert.equal(outcome.elapsed, 8 * given.start.stagger + given.duration)
})

test('with --wire the same scenario does the same, every message through its codec', async () => {
  const [plain, wire] = [await run(scenario(BUSY)), await run(scenario(BUSY), { wire: true })]
  assert.deepEqual(wire.violations, [])
  assert.deepEqual(wire.deeds, plain.deeds)
  assert.equal(wire.losses.signature, undefined)
  assert.equal(wire.nodes.up, plain.nodes.up)
})

test('a check that does not hold within its time fails, and one that does says when', async () => {
  const text = 'name: x\nnodes: 8\nduration: 20s\n'
  const broken = await run(
    scenario(`${text}timeline: [{at: 10s, partition: 50%}]\nchecks: [{ring: 1}, {components: 1}]\n`),
  )
  assert.deepEqual(
    broken.checks.map(({ ok }) => ok),
    [false, false],
  )
  assert.equal(broken.ok, false)
  const healed = await run(
    scenario(
      `${text}timeline: [{at: 5s, silence: 3}]\nchecks: [{at: 5s, within: 15s, ring: 1}, {at: 5s, within: 15s, ghosts: 0}]\n`,
    ),
  )
  assert.ok(healed.ok, JSON.stringify(healed.checks))
  assert.ok(healed.checks.every(({ at }) => at > 5500 && at < 20_000))
})

test('no delivery of no publication is none: a network that refuses every one fails its check, which says why', async () => {
  class Mute extends Stack {
    override publish(): Receipt {
      return { status: 'refused', reason: 'broken' }
    }
  }
  const given = scenario(
    'name: x\nnodes: 4\nduration: 20s\ntimeline: [{at: 10s, publish: {messages: 5, rate: 5}}]\nchecks: [{delivered: 1}]\n',
  )
  assert.ok((await run(given)).ok)
  const make: MakeStack = (environment, init) => new Mute(environment, init)
  const [check] = (await run(given, { make })).checks
  assert.equal(check?.ok, false)
  assert.match(check?.detail ?? '', /^0 of 0 deliveries of 0 publications; \d+ were refused: broken$/)
})

test('a step of which everything failed did not hold, and the reason of the first is told; one that came to something did', async () => {
  const given = scenario(`name: x
nodes: 4
duration: 4s
timeline:
- {at: 1s, query: {sql: "SELECT avg(region) FROM nodes", times: 2, every: 100ms}}
- {at: 1s, query: {sql: "SELECT count(*) FROM nodes"}}
- {at: 1s, publish: {messages: 50, rate: 1000, from: [1]}}
`)
  const outcome = await run(given)
  assert.equal(outcome.ok, false)
  assert.deepEqual(
    outcome.checks.map(({ name, ok, detail }) => [name, ok, detail]),
    [['query', false, 'all 2 failed: avg is taken of numbers, and region is a text']],
  )
  const { asked, answered, failed, reason } = outcome.queries
  assert.deepEqual([asked, answered, failed], [3, 1, 2])
  assert.match(reason ?? '', /region is a text/)
  assert.ok(outcome.publications.accepted > 0 && outcome.publications.refused > 0)
  assert.match(outcome.publications.reason ?? '', /at most 20 messages a second/)
  const text = await reportText(given, 'simulated', outcome)
  assert.match(
    text,
    /1 of 3 queries answered, [01] complete, 2 failed \(avg is .* a text\); [0-9]+ publications, [0-9]+ refused \(/,
  )
  assert.match(text, /1 did not hold\n$/)
})

const CUT = `
name: cut
nodes: 12
duration: 40s
stack: {broadcast: {retention: 2000, patience: 500}}
timeline:
- {at: 5s, publish: {messages: 25, rate: 1, bytes: 20, from: [1]}}
- {at: 10s, for: 10s, partition: [3]}
`

test('loss-told is noticed when a node does not say what it lost, and holds when all do', async () => {
  const mute: MakeStack = (environment, init) =>
    new Stack(environment, { ...init, on: { ...init.on, missed: () => {} } })
  assert.deepEqual((await run(scenario(CUT))).violations, [])
  const { violations } = await run(scenario(CUT), { make: mute })
  assert.deepEqual(
    violations.map(({ name }) => name),
    ['loss-told'],
  )
  assert.match(violations[0]?.detail ?? '', /^node 3 neither got/)
})

const QUIET = 'name: x\nnodes: 24\nduration: 15s\nstack: {gossipBudget: 8KiB}\n'

for (const [name, make] of [
  [
    'gossip-budget',
    (environment, init) =>
      new Stack(environment, { ...init, options: { ...init.options, gossipBudget: 2 ** 20, tmanPeriod: 50 } }),
  ],
  [
    'bounded',
    (environment, init) => new Stack(environment, { ...init, options: { ...init.options, sampling: { view: 60 } } }),
  ],
] as const satisfies readonly (readonly [string, MakeStack])[]) {
  test(`${name} is noticed when a node does not keep to it, and holds when all do`, async () => {
    const given = { ...scenario(QUIET), nodes: name === 'bounded' ? 64 : 24 }
    assert.deepEqual((await run(given)).violations, [])
    const { violations } = await run(given, { make })
    assert.deepEqual(
      violations.map((violation) => violation.name),
      [name],
      JSON.stringify(violations),
    )
  })
}

/** What a node reports, with more in it. */
type Report = ReturnType<Stack['status']>
const MANY = 100_000_000

for (const [what, change] of [
  ['acquaintances', (report) => ({ ...report, membership: { ...report.membership, acquaintances: MANY } })],
  ['groups kept for others', (report) => ({ ...report, groups: { ...report.groups, registry: MANY } })],
  [
    'members of a group',
    (report) => {
      const group = { contacts: 1, members: MANY, size: 1, quiet: true, counts: {} }
      return { ...report, groups: { ...report.groups, groups: { x: group } } }
    },
  ],
  ['bytes of unfinished messages', (report) => broadcasting(report, { unfinished: { messages: 1, bytes: MANY } })],
  ['topics', (report) => broadcasting(report, { topics: MANY })],
  ['lanes', (report) => broadcasting(report, { lanes: MANY })],
  ['publications to spread', (report) => broadcasting(report, { most: { early: MANY } })],
  ['announcements waited for', (report) => broadcasting(report, { most: { announced: MANY } })],
  ['peers told of publishers', (report) => broadcasting(report, { most: { told: MANY } })],
  ['publications seen', (report) => broadcasting(report, { most: { seen: MANY } })],
  ['components of aggregation', (report) => ({ ...report, aggregation: { ...report.aggregation, components: MANY } })],
  ['children in a structure', (report) => ({ ...report, structures: { tree: { children: MANY } } })],
  ['values in a structure', (report) => ({ ...report, structures: { slices: { values: MANY } } })],
  ['clients in a structure', (report) => ({ ...report, structures: { superpeers: { clients: MANY } } })],
  ['longLinks in a structure', (report) => ({ ...report, structures: { torus: { longLinks: MANY } } })],
] as const satisfies readonly (readonly [string, (report: Report) => Report])[]) {
  test(`bounded watches ${what}, too`, async () => {
    class Hoarding extends Stack {
      override status(): Report {
        return change(super.status())
      }
    }
    const given = scenario('name: x\nnodes: 2\nduration: 1s\ninvariants: [bounded]\n')
    const make: MakeStack = (environment, init) => new Hoarding(environment, init)
    const { violations } = await run(given, { make })
    assert.match(violations[0]?.detail ?? '', new RegExp(`^node 0 holds ${MANY} ${what}`))
  })
}

function broadcasting(report: Report, more: Partial<Report['broadcast']>): Report {
  return { ...report, broadcast: { ...report.broadcast, ...more } }
}

test('members whose buffers are short, and say so, are watched and disguised like others', async () => {
  const outcome = await run(
    scenario(`
name: short
nodes: 6
duration: 12s
stack: {broadcast: {bufferMessages: 1}}
timeline:
- {at: 1s, byzantine: {nodes: [2], as: freeloader}}
- {at: 3s, publish: {messages: 5, bytes: 100}}
`),
  )
  assert.deepEqual(outcome.violations, [])
  assert.ok(outcome.publications.delivered > 0)
})

for (const [who, text] of [
  [
    'a check',
    'duration: 90s\nnetwork: {latency: 4s}\nchecks: [{at: 60s, within: 20s, count: 0}, {at: 61s, within: 20s, ring: 0}]\n',
  ],
  [
    'somebody with more time',
    `duration: 70s
network: {latency: 5s}
stack: {query: {timeout: 60000}}
timeline: [{at: 30s, query: {sql: "SELECT count(*) FROM nodes"}}, {at: 32s, silence: 40%}]
`,
  ],
] as const) {
  test(`what ${who} asks in a slow network is worked on for its time, and is no work without end`, async () => {
    const outcome = await run(scenario(`name: slow\nnodes: 16\n${text}`))
    assert.deepEqual(outcome.violations, [])
  })
}
