import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedTestnet } from '../simulated.ts'
import { judge, QUESTIONS } from './questions.ts'
import { tour } from './tour.ts'

const ASKING = { query: { rate: 100, burst: 100 } }

for (const nodes of [1, 2, 32]) {
  test(`a tour of ${nodes} simulated nodes holds`, async () => {
    const testnet = new SimulatedTestnet({ seed: nodes, latency: 5, stack: ASKING })
    const report = await tour(testnet, { nodes, seed: 7 })
    assert.ok(report.ok, JSON.stringify(report.checks, undefined, 1))
    assert.equal(report.ring.total, nodes * 2)
    assert.equal(report.queries.length, 4)
    assert.equal(report.broadcast.expected, nodes * 100)
    const deaths = { 1: 0, 2: 1, 32: 3 }[nodes]
    assert.deepEqual(
      report.afterDeaths.map(({ live }) => live),
      [nodes - (deaths ?? 0), nodes - (deaths ?? 0)],
    )
  })
}

test('a tour with a structure waits for its links, and does not hold where nobody takes part in it', async () => {
  const stack = { ...ASKING, structures: ['line:load', 'line:height'] }
  const right = await tour(new SimulatedTestnet({ seed: 4, latency: 5, stack }), {
    nodes: 20,
    seed: 7,
    structure: 'line:load',
  })
  assert.ok(right.ok, JSON.stringify(right.checks, undefined, 1))
  assert.deepEqual([right.structure?.correct, right.structure?.total], [38, 38])
  const none = { nodes: 4, seed: 7, structure: 'line:height', patience: 3000 }
  const wrong = await tour(new SimulatedTestnet({ seed: 4, latency: 5, stack }), none)
  assert.deepEqual(
    wrong.checks.filter(({ ok }) => !ok).map(({ name }) => name),
    ['line:height'],
  )
})

test('a tour does not hold when the network loses nodes that the testnet believes in', async () => {
  const testnet = new SimulatedTestnet({ seed: 9, latency: 5, stack: ASKING })
  const report = await tour(
    testnet,
    { nodes: 16, seed: 7, patience: 5000 },
    {
      ready: () => testnet.simulation.kill('n5'), // and the testnet is not told
    },
  )
  assert.equal(report.ok, false)
  const failed = report.checks.filter(({ ok }) => !ok).map(({ name }) => name)
  assert.ok(failed.includes('count of all'), `failed: ${failed}`)
  assert.ok(failed.includes('broadcast'), `failed: ${failed}`)
})

test('of two nodes one delegation is spoken of as one', () => {
  const [question] = QUESTIONS as readonly [(typeof QUESTIONS)[number]]
  const nodes = [{}, {}] as never
  const cost = { delegations: 1, messages: 2, bytes: 100, hops: 1, ms: 1 }
  const coverage = { answered: 2, missing: 0, intervals: [], silent: 0 }
  const answer = { sql: '', columns: [], rows: [[2, 0, 1]], coverage, cost, notes: [], unknown: [] }
  assert.equal(judge(question, answer, nodes).detail, '2 of 2 answered, 1 delegation')
})

test('every question notices an answer that is wrong', async () => {
  const testnet = new SimulatedTestnet({ seed: 3, latency: 5, stack: ASKING })
  await testnet.start(16)
  await testnet.sleep(10_000)
  for (const question of QUESTIONS) {
    const answer = await testnet.query(0, question.sql)
    assert.ok(judge(question, answer, testnet.nodes).ok, question.sql)
    const spoil = [
      { ...answer, rows: answer.rows.slice(1) },
      {
        ...answer,
        rows: answer.rows.map((row) => row.map((value) => (typeof value === 'number' ? value + 1e12 : value))),
      },
      { ...answer, rows: [...answer.rows].reverse().map((row) => [...row].reverse()) },
      { ...answer, coverage: { ...answer.coverage, answered: 15 } },
      { ...answer, coverage: { ...answer.coverage, missing: 1 } },
      { ...answer, cost: { ...answer.cost, delegations: 16 } },
    ]
    for (const [i, wrong] of spoil.entries()) {
      // A search may show any load, and higher ones do not make it wrong.
      if (question.name === 'search' && i === 1) continue
      assert.equal(judge(question, wrong, testnet.nodes).ok, false, `${question.sql}, spoiled ${i}`)
    }
  }
})

test('gossip agrees with the exact answers within what it states, at rest and while nodes die and come', async () => {
  const stack = { query: { rate: 1000, burst: 1000 }, aggregates: ['number'], aggregation: { period: 500 } }
  const report = await tour(new SimulatedTestnet({ seed: 6, latency: 5, stack }), { nodes: 60, seed: 7, gossip: true })
  assert.ok(report.ok, JSON.stringify(report.checks, undefined, 1))
  const { rest, churn, killed, added } = report.gossip ?? assert.fail('no comparison')
  assert.deepEqual([rest.unknown, killed, added], [0, 6, 6])
  assert.ok(rest.error < 0.05 && churn.stated > 200, JSON.stringify({ rest, churn }))
})
