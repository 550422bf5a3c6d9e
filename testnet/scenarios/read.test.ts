import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalsOfLocal } from './local-only.ts'
import { refusalOfMemory } from './memory.ts'
import { parseScenario, readScenario, ScenarioError, shipped } from './read.ts'
import { scenarioText } from './write.ts'

/** What is said about a scenario that cannot be played, a line each. */
function problems(text: string, overrides = {}): string[] {
  try {
    parseScenario(text, 'x.yaml', overrides)
  } catch (error) {
    assert.ok(error instanceof ScenarioError, String(error))
    return [...error.problems]
  }
  return []
}

const HEAD = 'name: x\nduration: 30s\nnodes: 32\n'

test('shipped scenarios are found by their bare names and make sense', () => {
  assert.deepEqual(shipped(), [
    'churn',
    'flash-crowd',
    'healthy',
    'liars',
    'loss',
    'mass-failure',
    'one-way-links',
    'partition-heal',
    'slow-nodes',
  ])
  for (const name of shipped()) {
    const { scenario } = readScenario(name)
    assert.equal(scenario.name, name)
    assert.ok(scenario.description.length > 20)
    assert.ok(scenario.checks.length > 0)
    assert.deepEqual(parseScenario(scenarioText(scenario), name).scenario, scenario, 'written and read again')
  }
})

test('a scenario that is not there is answered with those that are', () => {
  assert.throws(() => readScenario('helthy'), /there is no scenario helthy: did you mean healthy\?/)
  assert.throws(() => readScenario('./nowhere.yaml'), /nowhere.yaml cannot be read: ENOENT/)
})

for (const [what, text, expected] of [
  [
    'broken YAML',
    'name: x\nduration: [30s\nnodes: 3\n',
    /^x\.yaml:3: Flow sequence in block collection must be .* end with a \]$/,
  ],
  ['no mapping', '- 1\n', /^x\.yaml:1 must be a mapping with name, duration, timeline and checks$/],
  ['an empty file', '', /^x\.yaml:1 must be a mapping|^x\.yaml:1: name must say what the scenario is called$/],
  ['an unknown key', `${HEAD}network:\n  los: 0.1\n`, /^x\.yaml:5: network\.los is no key .*: did you mean loss\?$/],
  [
    'an unknown step',
    `${HEAD}timeline:\n- at: 1s\n  kil: 3\n`,
    /^x\.yaml:6: timeline\[0\]\.kil is no key .* mean kill\?$/,
  ],
  ['a loss of 1.5', `${HEAD}network: {loss: 1.5}\n`, /^x\.yaml:4: network\.loss must be a share, .*not 1\.5$/],
  [
    'a time without unit',
    `${HEAD}timeline:\n- kill: 1\n  at: 10\n`,
    /^x\.yaml:6: timeline\[0\]\.at must be a time with its unit/,
  ],
  [
    'a negative time',
    `${HEAD}timeline:\n- at: -1s\n  kill: 1\n`,
    /^x\.yaml:5: timeline\[0\]\.at must be a time .*not "-1s"$/,
  ],
  [
    'two things at once',
    `${HEAD}timeline:\n- kill: 1\n  leave: 1\n`,
    /^x\.yaml:6: timeline\[0\]\.leave does kill and leave at once/,
  ],
  ['nothing at all', `${HEAD}timeline:\n- at: 1s\n`, /^x\.yaml:5: timeline\[0\] does nothing: it needs one of kill, /],
  [
    'a heal that lasts',
    `${HEAD}timeline:\n- for: 3s\n  heal: all\n`,
    /^x\.yaml:5: timeline\[0\]\.for has no meaning for heal/,
  ],
  ['churn without end', `${HEAD}timeline:\n- churn: {every: 1s}\n`, /^x\.yaml:5: timeline\[0\]\.churn needs a for/],
  ['a check of nothing', `${HEAD}checks:\n- at: 1s\n`, /^x\.yaml:5: checks\[0\] checks nothing/],
  [
    'a wrong option',
    `${HEAD}stack: {tman: {veiw: 3}}\n`,
    /^x\.yaml:4: stack\.tman\.veiw is no key .*did you mean view\?$/,
  ],
  [
    'an unknown invariant',
    `${HEAD}invariants: [boundless]\n`,
    /^x\.yaml:4: invariants\[0\] must be one of counted-once,/,
  ],
  [
    'killing 40 of 32',
    `${HEAD}timeline:\n- at: 1s\n  kill: 40\n`,
    /^x\.yaml:6: timeline\[0\]\.kill wants 40 nodes, and there are 32/,
  ],
  [
    'killing too many in two steps',
    `${HEAD}timeline:\n- kill: 20\n- kill: 20\n`,
    /^x\.yaml:6: .* wants 20 nodes, and 12 of 32 are up then/,
  ],
  [
    'a stranger',
    `${HEAD}timeline:\n- pause: [3, 77]\n`,
    /^x\.yaml:5: timeline\[0\]\.pause names node 77: there are 32, 0 to 31$/,
  ],
  [
    'a step after the end',
    `${HEAD}timeline:\n- at: 40s\n  kill: 1\n`,
    /^x\.yaml:5: timeline\[0\]\.at is after the end \(30s\)$/,
  ],
  [
    'a fault that outlasts it',
    `${HEAD}timeline:\n- at: 20s\n  kill: 1\n  for: 20s\n`,
    /^x\.yaml:7: timeline\[0\]\.for goes on until 40s, after the end/,
  ],
  [
    'a check after the end',
    `${HEAD}checks:\n- at: 31s\n  ring: 1\n`,
    /^x\.yaml:5: checks\[0\]\.at is after the end \(30s\)$/,
  ],
  [
    'deliveries of nothing',
    `${HEAD}timeline:\n- publish: {}\nchecks:\n- since: 5s\n  delivered: 1\n`,
    /^x\.yaml:8: checks\[0\]\.delivered has nothing to hold: nothing is published/,
  ],
  [
    'gossip of what it does not keep up',
    `${HEAD}checks:\n- gossip: 90%\n`,
    /^x\.yaml:5: checks\[0\]\.gossip asks for what gossip keeps up of number: stack needs aggregates: \[number\]$/,
  ],
  [
    'a bandwidth of nothing',
    `${HEAD}network: {bandwidth: {up: 0}}\n`,
    /^x\.yaml:4: network\.bandwidth\.up must be a size of at least 1 byte/,
  ],
  [
    'a bandwidth of less than a byte',
    `${HEAD}network: {bandwidth: {down: 0.3}}\n`,
    /^x\.yaml:4: network\.bandwidth\.down must be a size of at least 1 byte/,
  ],
  [
    'a queue without room',
    `${HEAD}network: {bandwidth: {queue: 0}}\n`,
    /^x\.yaml:4: network\.bandwidth\.queue must be a size of at least 1 byte/,
  ],
  [
    'a throttle to nothing',
    `${HEAD}timeline:\n- throttle: {nodes: 3, up: 0}\n`,
    /^x\.yaml:5: timeline\[0\]\.throttle\.up must be a size of at least 1 byte/,
  ],
  [
    'a protocol without a period',
    `${HEAD}stack:\n  membership: {period: 0}\n`,
    /^x\.yaml:5: stack\.membership\.period must be a whole number from 1$/,
  ],
  [
    'a view of two and a half',
    `${HEAD}stack: {tman: {view: 2.5}}\n`,
    /^x\.yaml:4: stack\.tman\.view must be a whole number from 0 to 65536$/,
  ],
  [
    'an option that is a list, with nothing in it',
    `${HEAD}stack: {query: {repeat: []}}\n`,
    /^x\.yaml:4: stack\.query\.repeat must be a list of 2 numbers above 0$/,
  ],
  [
    'an alias of nothing',
    `${HEAD}timeline: &a\n- &b {kill: 1}\n- *b\n- *nope\n`,
    /^x\.yaml:7: timeline\[2\] is \*nope, and no &nope stands before it$/,
  ],
  [
    'aliases of aliases without end',
    `a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n`,
    /^x\.yaml:1 cannot be read: Excessive alias count/,
  ],
  [
    'a negative spread of latencies',
    `${HEAD}network: {latency: {logNormal: {median: 30ms, sigma: -3}}}\n`,
    /^x\.yaml:4: network\.latency\.logNormal\.sigma must be a number from 0 to 4$/,
  ],
  [
    'a clock of five times the speed',
    `${HEAD}timeline:\n- clock: {nodes: 3, rate: 5}\n`,
    /^x\.yaml:5: timeline\[0\]\.clock\.rate must be a number above 0 and at most 2$/,
  ],
  [
    'clocks set back to before 1970, in two jumps',
    `${HEAD}timeline:\n- clock: {nodes: 3, jump: -300000h}\n- clock: {nodes: 3, jump: -300000h}\n`,
    /^x\.yaml:6: timeline\[1\]\.clock\.jump sets clocks by more than 50 years, with all jumps before it: no clock shows a time before 1970$/,
  ],
  [
    'churn a million times a second',
    `${HEAD}timeline:\n- {churn: {every: 0.001ms}, for: 10s}\n`,
    /^x\.yaml:5: timeline\[0\]\.churn\.every takes 10000000 nodes away: at most 100000$/,
  ],
  [
    'more attributes than gossip keeps up',
    `${HEAD}stack: {aggregates: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]}\n`,
    /^x\.yaml:4: stack\.aggregates must be a list of at most 16 attributes$/,
  ],
  [
    'a query that is none',
    `${HEAD}timeline:\n- query:\n    sql: "SELEC count(*) FROM nodes"\n`,
    /^x\.yaml:6: timeline\[0\]\.query\.sql cannot be asked: at character 1: expected SELECT, found SELEC \(did you mean 'SELECT'\?\)$/,
  ],
  [
    'a query of what no node has',
    `${HEAD}timeline:\n- query: {sql: SELECT max(laod) FROM nodes}\n`,
    /^x\.yaml:5: timeline\[0\]\.query\.sql cannot be asked: at character 12: no node has an attribute laod \(did you mean 'load'\?\)$/,
  ],
  [
    'a payload over the limit',
    `${HEAD}timeline:\n- publish:\n    bytes: 2000000\n`,
    /^x\.yaml:6: timeline\[0\]\.publish\.bytes is 2000000, and a payload has at most 1048576$/,
  ],
  [
    'a payload over the limit of its own',
    `${HEAD}stack: {broadcast: {payloadLimit: 10}}\ntimeline:\n- publish: {bytes: 11}\n`,
    /^x\.yaml:6: timeline\[0\]\.publish\.bytes is 11, and a payload has at most 10$/,
  ],
  [
    'a range of latencies that begins with the longer',
    `${HEAD}network:\n  latency: {uniform: [50ms, 10ms]}\n`,
    /^x\.yaml:5: network\.latency\.uniform must name the shorter time first$/,
  ],
  [
    'a throttle without a rate',
    `${HEAD}timeline:\n- at: 1s\n  throttle: {nodes: 3}\n`,
    /^x\.yaml:6: timeline\[0\]\.throttle limits nothing: it needs up, down or both$/,
  ],
  [
    'a node that is blocked from itself',
    `${HEAD}timeline:\n- block: {from: [1], to: [1]}\n`,
    /^x\.yaml:5: timeline\[0\]\.block blocks nothing: nobody sends to himself$/,
  ],
  [
    'loss from a node to itself',
    `${HEAD}timeline:\n- lose: {rate: 50%, from: [1], to: [1]}\n`,
    /^x\.yaml:5: timeline\[0\]\.lose loses nothing: nobody sends to himself$/,
  ],
  [
    'a partition of everybody',
    `${HEAD}timeline:\n- partition: 100%\n`,
    /^x\.yaml:5: timeline\[0\]\.partition leaves nobody on the other side$/,
  ],
  [
    'gossip of what no node has',
    `${HEAD}stack:\n  aggregates: [load, nope]\n`,
    /^x\.yaml:5: stack\.aggregates\[1\] is nope, which is no number of a simulated node: there are load, memory_free, number$/,
  ],
  [
    'a structure of what no node has',
    `${HEAD}stack: {structures: ["slices:nothere"]}\n`,
    /^x\.yaml:4: stack\.structures\[0\] is sorted by nothere, which is no number of a simulated node: there are load,/,
  ],
  [
    'resuming who was never paused',
    `${HEAD}timeline:\n- resume: [3]\n`,
    /^x\.yaml:5: timeline\[0\]\.resume resumes nobody: nothing is paused then$/,
  ],
  [
    'resuming who was resumed',
    `${HEAD}timeline:\n- pause: [3]\n  for: 1s\n- at: 2s\n  resume: 100%\n`,
    /^x\.yaml:8: timeline\[1\]\.resume resumes nobody: nothing is paused then$/,
  ],
  [
    'restarting a node when all live',
    `${HEAD}timeline:\n- restart: [3]\n`,
    /^x\.yaml:5: timeline\[0\]\.restart restarts nobody: nothing is down then$/,
  ],
  [
    'adding more than can be played',
    `${HEAD}timeline:\n- add: {nodes: 1048544}\n- at: 1s\n  add: {nodes: 1}\n`,
    /^x\.yaml:7: timeline\[1\]\.add\.nodes makes them 1048577: at most 1048576 nodes can be played$/,
  ],
  [
    'restarting the living',
    `${HEAD}timeline:\n- restart: 2\n`,
    /^x\.yaml:5: timeline\[0\]\.restart wants 2 nodes, and 0 are down then$/,
  ],
] as const) {
  test(`${what} is refused with file, line and key`, () => {
    const found = problems(text)
    assert.ok(
      found.some((problem) => expected.test(problem)),
      `${JSON.stringify(found)}`,
    )
  })
}

test('what makes sense is not refused: more are killed once they have been added or restarted', () => {
  assert.deepEqual(problems(`${HEAD}timeline:\n- add: {nodes: 20}\n- at: 1s\n  kill: 40\n`), [])
  assert.deepEqual(problems(`${HEAD}timeline:\n- kill: 20\n  for: 5s\n- at: 6s\n  kill: 20\n`), [])
  assert.deepEqual(problems(`${HEAD}timeline:\n- kill: 100%\n- at: 2s\n  restart: 31\n`), [])
})

test('what makes sense is not refused: what was paused or went down is there to come back, a partition leaves a side', () => {
  assert.deepEqual(problems(`${HEAD}timeline:\n- pause: [3]\n- at: 2s\n  resume: [3]\n`), [])
  assert.deepEqual(problems(`${HEAD}timeline:\n- pause: [3]\n- at: 2s\n  restart: 100%\n`), [])
  assert.deepEqual(problems(`${HEAD}timeline:\n- leave: 50%\n- at: 2s\n  restart: 50%\n`), [])
  assert.deepEqual(problems(`${HEAD}timeline:\n- churn: {every: 1s}\n  for: 5s\n- at: 6s\n  restart: 100%\n`), [])
  assert.deepEqual(problems(`${HEAD}timeline:\n- partition: 95%\n- block: {from: [1, 2], to: [1, 2]}\n`), [])
  assert.deepEqual(problems(`${HEAD}stack: {aggregates: [memory_free], structures: ["line:load", torus]}\n`), [])
})

test('--nodes is held against the steps, too', () => {
  const text = `${HEAD}timeline:\n- kill: 20\n`
  assert.deepEqual(problems(text), [])
  assert.match(problems(text, { nodes: 10 })[0] ?? '', /wants 20 nodes, and there are 10/)
})

test('what real nodes cannot be made to do is refused with file, line and key', () => {
  const text = `${HEAD}network: {loss: 10%}\ntimeline:\n- at: 1s\n  kill: 3\n- at: 2s\n  partition: 50%\ninvariants: [bounded, in-order]\n`
  assert.deepEqual(refusalsOfLocal(parseScenario(text, 'x.yaml')), [
    'x.yaml:4: network.loss exists only in simulation',
    'x.yaml:9: timeline[1].partition exists only in simulation',
    'x.yaml:10: invariants[0] bounded can be seen only in simulation',
  ])
  const crowd = `${HEAD}timeline: [{add: {nodes: 900}}, {at: 1s, add: {nodes: 10%}}]\n`
  assert.deepEqual(refusalsOfLocal(parseScenario(crowd, 'x.yaml')), [
    'x.yaml:4: timeline makes them 1025: one machine runs at most 1000 nodes',
  ])
  for (const name of ['healthy', 'churn', 'mass-failure', 'flash-crowd']) {
    assert.deepEqual(refusalsOfLocal(readScenario(name)), [], `${name} runs on real nodes`)
  }
})

test('more nodes than memory holds are refused with the estimate and what there is; --wire takes more', () => {
  const [machine, heap] = [8 * 2 ** 30, 4 * 2 ** 30]
  assert.equal(refusalOfMemory(30_000, false, machine, heap), undefined)
  assert.deepEqual(refusalOfMemory(60_000, false, machine, heap), {
    message: '60000 nodes need about 5.6 GiB (96.0 KiB each), and Node may use 4.0 GiB',
    hint: 'NODE_OPTIONS=--max-old-space-size=5721 lets it use more: this machine has 8.0 GiB',
  })
  assert.match(
    refusalOfMemory(30_000, true, machine, heap)?.message ?? '',
    /7\.4 GiB \(256 KiB each\), and this machine has 8\.0 GiB/,
  )
  assert.match(refusalOfMemory(200_000, false, machine, heap)?.message ?? '', /and this machine has 8\.0 GiB/)
})
