import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Simulation } from '../../testnet/simulator/simulation.ts'
import { type StackMessage, stackCodec } from '../channels.ts'
import { type Outcome, Stack } from '../stack.ts'
import type { GossipMode } from './kept-up.ts'

/** Nodes with load 0, 1, 2, ... after a minute. */
function bed(modes: readonly GossipMode[]) {
  const simulation = new Simulation<StackMessage, Stack>({ seed: 1, latency: 20, codec: stackCodec })
  for (const [i, gossip] of modes.entries()) {
    simulation.add({ addresses: [`/sim/${i}`] }, (environment) => {
      let sequence = 0
      const sequences = { next: () => ++sequence }
      return new Stack(environment, { attributes: () => ({ load: i }), sequences, options: { gossip } })
    })
  }
  const [first, ...others] = simulation.nodes
  for (const { protocol } of others) protocol.introduce(first === undefined ? [] : [first.self])
  simulation.run(60_000)
  const ask = ({ protocol }: { protocol: Stack }, query: string) => {
    let outcome: Outcome | undefined
    protocol.query(query, {}, (came) => {
      outcome = came
    })
    assert.ok(outcome !== undefined && 'answer' in outcome)
    return outcome.answer.rows[0]?.[0]
  }
  return { simulation, ask }
}

/** What each says the mean is. */
function network(modes: readonly GossipMode[]) {
  const { simulation, ask } = bed(modes)
  return simulation.nodes.map((node) => {
    const mean = ask(node, 'SELECT avg(load) FROM nodes WITH GOSSIP')
    return {
      mean: typeof mean === 'number' ? Number(mean.toFixed(3)) : null,
      counts: node.protocol.status().aggregation.counts,
    }
  })
}

test('either mode comes within 1 % of the mean of all, and counts nothing from the other', () => {
  for (const mode of ['honest-only', 'defended'] as const) {
    for (const { mean, counts } of network(Array.from({ length: 12 }, () => mode))) {
      assert.ok(mean !== null && Math.abs(mean - 5.5) < 0.055, `${mode}: ${mean}`)
      assert.equal(counts['other-mode'], undefined)
    }
  }
})

test('who says goodbye is not counted any more by those it said it to, in either mode, and is not among the largest', () => {
  for (const [gossip, after] of [
    ['honest-only', 90_000], // an epoch, and what the next one takes until it is believed
    ['defended', 1000],
  ] as const) {
    const { simulation, ask } = bed(Array.from({ length: 12 }, () => gossip))
    const [first, leaving] = [simulation.nodes[0], simulation.nodes.at(-1)] as const
    assert.ok(first !== undefined && leaving !== undefined)
    assert.equal(ask(first, 'SELECT max(load) FROM nodes WITH GOSSIP'), 11)
    leaving.protocol.leave()
    simulation.run(100)
    simulation.kill(leaving.id)
    simulation.run(after)
    assert.equal(ask(first, 'SELECT max(load) FROM nodes WITH GOSSIP'), 10, gossip)
    assert.equal(Math.round(Number(ask(first, 'SELECT count(*) FROM nodes WITH GOSSIP'))), 11, gossip)
    const { network_size_low: low, network_size_high: high } = first.protocol.attributes()
    assert.ok(Number(low) <= 11 && Number(high) >= 11, `${gossip}: ${low} to ${high}`)
  }
})

test('values of nodes that are set otherwise do not get in, and both sides count what such nodes send', () => {
  const modes = Array.from({ length: 24 }, (_, i): GossipMode => (i < 12 ? 'honest-only' : 'defended'))
  for (const [i, { mean, counts }] of network(modes).entries()) {
    if (modes[i] === 'defended') assert.equal(mean, 17.5)
    else assert.ok(mean === null || (mean >= 0 && mean <= 11), `${mean}`) // null: too few answered it
    assert.ok((counts['other-mode'] ?? 0) > 0, modes[i])
  }
})
