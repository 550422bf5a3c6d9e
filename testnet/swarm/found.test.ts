import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseScenario } from '../scenarios/read.ts'
import { attempt } from './attempt.ts'

// What random schedules have found, as small as it could be made, and what it was. Each stays.
const FOUND = [
  {
    was: 'seed 108: the lane and the group around each message were not paid for out of the gossip budget',
    yaml: `
nodes: 58
seed: 108
duration: 3s
network: {latency: 20ms, duplicate: 0.2}
stack: {gossipBudget: 16KiB}
`,
  },
  {
    was: 'seed 511: what names a structure around each of its messages was not paid for out of the gossip budget',
    yaml: `
nodes: 43
seed: 511
duration: 3s
network: {latency: 20ms}
stack: {gossipBudget: 16KiB, structures: ["line:load"]}
`,
  },
  {
    was: 'seed 130: a simulated node whose introduction was lost was alone for good, as it never asked again',
    yaml: `
nodes: 4
seed: 130
duration: 54s
network: {latency: 20ms}
timeline:
- {at: 16s, add: {nodes: 13, over: 4s}}
- {at: 16900ms, for: 10s, lose: {rate: 60%}}
checks:
- {at: 52400ms, within: 30s, count: exact}
`,
  },
  {
    was: 'seed 578: nodes that two steps added at the same time were taken for each other, and one for dead (the harness)',
    yaml: `
nodes: 8
seed: 578
duration: 12s
timeline:
- {at: 2s, add: {nodes: 4, over: 3s}}
- {at: 2s, add: {nodes: 3, over: 1s}}
- {at: 3s, query: {sql: "SELECT number, count(*) FROM nodes GROUP BY number", times: 8}}
`,
  },
  {
    was: 'seed 724: deaths after a node with a fast clock had begun an epoch stayed in gossip until all clocks had come up to it',
    yaml: `
nodes: 32
seed: 724
duration: 70s
network: {latency: 20ms}
stack: {aggregates: [number], aggregation: {period: 500}}
timeline:
- {at: 12s, clock: {nodes: [3], jump: 55s}}
- {at: 13s, kill: [20, 27, 28, 29, 30, 31]}
- {at: 27s, kill: [3, 21, 22, 23, 24, 25, 26]}
checks:
- {at: 65s, within: 0s, gossip: 85%}
`,
  },
  {
    was: 'seeds 19 and 55: two neighbours that had buried each other, among many dead, refused each other for a minute after the fault',
    yaml: `
nodes: 44
seed: 5
duration: 70s
network: {latency: 20ms}
timeline:
- {at: 4s, for: 45s, block: {from: [2], to: [8]}}
- {at: 4s, for: 45s, block: {from: [8], to: [2]}}
- {at: 5s, kill: [12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43]}
checks:
- {at: 49s, within: 20s, ring: 1}
`,
  },
]

for (const [i, { was, yaml }] of FOUND.entries()) {
  test(was, async () => {
    const { scenario } = parseScenario(`name: found-${i}${yaml}`, was)
    assert.equal((await attempt(scenario)).breach, undefined)
  })
}
