import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { play } from './play.ts'
import { parseScenario } from './read.ts'
import { SimulatedStage } from './simulated-stage.ts'

// One small scenario a protocol, and the hash of everything that happened in it: when, what, from whom to whom, how many bytes. Any
// change of behaviour shows here, wanted or not. When it was wanted:
//
//   node testnet/scenarios/pinned.test.ts --update
//
// writes pinned.json again; commit it with the change, and say there which hashes changed and why. A protocol is added with a line
// below and the same command. All of them run in the full stack, so a change of sampling changes every hash.

const FILE = join(import.meta.dirname, 'pinned.json')

const SCENARIOS: Readonly<Record<string, string>> = {
  sampling: 'stack: {tmanPeriod: 1h, samplingPeriod: 500ms}',
  tman: 'stack: {samplingPeriod: 1h, tmanPeriod: 300ms}',
  membership: `timeline:
- {at: 3s, silence: 2}
- {at: 4s, kill: 1, for: 5s}
- {at: 5s, leave: 1}
- {at: 6s, pause: 1, for: 5s}
- {at: 7s, block: {from: 25%, to: 25%}, for: 4s}`,
  query: `network: {loss: 2%}
timeline:
- {at: 2s, query: {sql: "SELECT count(*), sum(number), stddev(load) FROM nodes WHERE number > 2 GROUP BY region", times: 8}}
- {at: 2s, query: {sql: "SELECT id, load FROM nodes ORDER BY load DESC LIMIT 5", times: 8}}
- {at: 6s, silence: 3}`,
  broadcast: `network: {loss: 5%, duplicate: 5%, reorder: {rate: 10%, by: 500ms}}
timeline:
- {at: 2s, publish: {messages: 30, rate: 5, bytes: 300}}
- {at: 5s, kill: 2}`,
  aggregation: `stack: {aggregates: [load, number]}
timeline:
- {at: 5s, query: {sql: "SELECT avg(load), max(number) FROM nodes WITH GOSSIP", times: 5}}`,
  line: 'stack: {structures: ["line:load"]}',
  torus: 'stack: {structures: [torus]}',
  tree: 'stack: {structures: [tree]}',
  latency: 'stack: {structures: [latency]}',
  'spanning-tree': `stack: {structures: [spanning-tree]}
timeline: [{at: 8s, kill: 25%}]`,
  slices: 'stack: {structures: ["slices:load"]}',
  superpeers: `stack: {structures: [superpeers]}
timeline: [{at: 8s, kill: 25%}]`,
}

async function hashOf(name: string): Promise<string> {
  const text = `name: pinned-${name}\nnodes: 16\nseed: 1\nduration: 15s\n${SCENARIOS[name]}\n`
  const { scenario } = parseScenario(text, name)
  const { traceHash } = await play(scenario, new SimulatedStage(scenario))
  return traceHash ?? ''
}

if (process.argv.includes('--update')) {
  const hashes: Record<string, string> = {}
  for (const name of Object.keys(SCENARIOS)) hashes[name] = await hashOf(name)
  writeFileSync(FILE, `${JSON.stringify(hashes, undefined, 2)}\n`)
} else {
  const pinned: Record<string, string> = JSON.parse(readFileSync(FILE, 'utf8'))

  for (const name of Object.keys(SCENARIOS)) {
    test(`${name}: the pinned scenario gives the pinned hash`, async () => {
      assert.equal(await hashOf(name), pinned[name], 'wanted? then: node testnet/scenarios/pinned.test.ts --update')
    })
  }

  test('every pinned scenario differs from the others, and nothing is pinned that is not run', () => {
    assert.deepEqual(Object.keys(pinned).sort(), Object.keys(SCENARIOS).sort())
    assert.equal(new Set(Object.values(pinned)).size, Object.keys(SCENARIOS).length)
  })
}
