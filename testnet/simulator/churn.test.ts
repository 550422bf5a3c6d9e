import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import { type ChurnEvent, churn, churnTrace, type Duration, replacement, sessions, turnover } from './churn.ts'
import { Recorder } from './recorder.ts'
import { Simulation } from './simulation.ts'
import { begin, bootstrapStart } from './start.ts'

const random = () => new Random(3)

/** The events up to a time. */
function until(events: Iterable<ChurnEvent>, limit: number): ChurnEvent[] {
  const taken: ChurnEvent[] = []
  for (const event of events) {
    if (event.at > limit) break
    taken.push(event)
  }
  return taken
}

/** Plays a trace over nodes 0 to n - 1 that are up; every event must change something, in order of time. Returns who is up. */
function played(events: readonly ChurnEvent[], nodes: number): Set<number> {
  const up = new Set(Array.from({ length: nodes }, (_, node) => node))
  let time = 0
  for (const { at, node, state } of events) {
    assert.ok(at >= time)
    time = at
    assert.equal(up.has(node), state === 'down', `${node} goes ${state} at ${at}`)
    if (state === 'up') up.add(node)
    else up.delete(node)
  }
  return up
}

/** Lengths of the sessions that began and ended within the trace. */
function lengths(events: readonly ChurnEvent[]): number[] {
  const since = new Map<number, number>()
  return events.flatMap(({ at, node, state }) => {
    if (state === 'up') since.set(node, at)
    const from = since.get(node)
    return state === 'up' || from === undefined ? [] : [at - from]
  })
}

describe('replacement', () => {
  test('replaces exactly its share of the nodes in every round, and their number stays', () => {
    const events = until(replacement({ nodes: 1000, share: 0.05, period: 2000, random: random() }), 20_000)
    assert.equal(played(events, 1000).size, 1000)
    for (let round = 0; round < 10; round++) {
      const inRound = events.filter(({ at, state }) => state === 'down' && Math.floor(at / 2000) === round)
      assert.equal(inRound.length, 50)
      assert.ok(new Set(inRound.map(({ at }) => at)).size > 45, 'not all at once')
    }
  })

  test('newcomers are new numbers in order, and die as others do', () => {
    const events = until(replacement({ nodes: 10, share: 0.5, period: 1000, random: random() }), 100_000)
    assert.deepEqual(
      events.filter(({ state }) => state === 'up').map(({ node }) => node),
      Array.from({ length: 500 }, (_, i) => 10 + i),
    )
    const lifetime = lengths(events)
    const mean = lifetime.reduce((sum, ms) => sum + ms, 0) / lifetime.length
    assert.ok(Math.abs(mean - 2000) < 300, `mean life ${mean} ms`)
  })

  test('carries less than a node over to the next round; nothing is replaced at share 0', () => {
    const down = (share: number, rounds: number) =>
      until(replacement({ nodes: 10, share, period: 1000, random: random() }), rounds * 1000).length / 2
    assert.equal(down(0.01, 100), 10)
    assert.equal(down(0.1, 100), 100)
  })

  test('of an impossible share, period or number of nodes is refused', () => {
    const churn = { nodes: 10, share: 0.1, period: 1000, random: random() }
    for (const share of [-0.1, 1.1, Number.NaN])
      assert.throws(() => replacement({ ...churn, share }).next(), RangeError)
    for (const period of [0, -1, Number.NaN]) assert.throws(() => replacement({ ...churn, period }).next(), RangeError)
    for (const nodes of [0, 1.5]) assert.throws(() => replacement({ ...churn, nodes }).next(), RangeError)
  })
})

describe('sessions', () => {
  const models: Duration[] = [
    { distribution: 'exponential', mean: 10_000 },
    { distribution: 'pareto', mean: 10_000, shape: 3 },
  ]

  for (const up of models) {
    test(`${up.distribution}: without absence every leaver is replaced at once, at a steady rate from the beginning`, () => {
      const events = until(sessions({ nodes: 2000, up, random: random() }), 50_000)
      assert.equal(played(events, 2000).size, 2000)
      for (let second = 0; second < 50; second += 10) {
        const left = events.filter(
          ({ at, state }) => state === 'down' && at >= second * 1000 && at < second * 1000 + 10_000,
        )
        assert.ok(Math.abs(left.length - 2000) < 180, `${left.length} left from second ${second}: one a mean session`)
      }
    })

    test(`${up.distribution}: with absence the same nodes come back, and as many are up as the means say`, () => {
      const away: Duration = { distribution: 'exponential', mean: 5000 }
      const events = until(sessions({ nodes: 2000, up, away, random: random() }), 60_000)
      const up60 = played(events, 2000)
      assert.ok(events.every(({ node }) => node < 2000))
      assert.ok(Math.abs(up60.size - 2000 * (10 / 15)) < 90, `${up60.size} of 2000 are up, expected 1333`)
    })
  }

  test('exponential: the median is ln 2 of the mean; pareto: none is shorter than its least, and the tail is heavy', () => {
    const quantiles = (up: Duration, shares: number[]) => {
      // Sessions that begin early enough to end within the time, so that the long ones are there too.
      const trace = until(sessions({ nodes: 500, up, random: random() }), 300_000)
      const begun = new Map(trace.filter(({ state }) => state === 'up').map(({ node, at }) => [node, at]))
      const ended = new Map(trace.filter(({ state }) => state === 'down').map(({ node, at }) => [node, at]))
      const early = [...begun].filter(([, at]) => at < 100_000)
      const sorted = early.map(([node, at]) => (ended.get(node) ?? Number.POSITIVE_INFINITY) - at).sort((a, b) => a - b)
      return shares.map((share) => sorted[Math.floor(share * sorted.length)] as number)
    }
    const near = (found: number[], expected: number[]) => {
      for (const [i, value] of found.entries()) {
        assert.ok(Math.abs(value / (expected[i] as number) - 1) < 0.1, `${value}, expected ${expected[i]}`)
      }
    }
    near(quantiles({ distribution: 'exponential', mean: 10_000 }, [0.5, 0.99]), [6931, 46_052])
    // shape 2, least 5000: the quantile of p is 5000 / sqrt(1 - p)
    const [least = 0, ...rest] = quantiles({ distribution: 'pareto', mean: 10_000 }, [0, 0.5, 0.99])
    assert.ok(least >= 5000 && least < 5010, `${least}`)
    near(rest, [7071, 50_000])
  })

  test('of an impossible duration are refused', () => {
    const base = { nodes: 10, random: random() }
    for (const mean of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const distribution of ['exponential', 'pareto'] as const) {
        assert.throws(() => sessions({ ...base, up: { distribution, mean } }).next(), RangeError)
      }
    }
    for (const shape of [1, 0, Number.NaN]) {
      assert.throws(() => sessions({ ...base, up: { distribution: 'pareto', mean: 1, shape } }).next(), /shape above 1/)
    }
  })
})

describe('a trace', () => {
  test('is put into the order of time, those of the same time in the order given', () => {
    const trace = churnTrace([
      { at: 20, node: 1, state: 'down' },
      { at: 10, node: 2, state: 'up' },
      { at: 20, node: 1, state: 'up' },
    ])
    assert.deepEqual(
      trace.map(({ at, state }) => `${at} ${state}`),
      ['10 up', '20 down', '20 up'],
    )
  })

  test('with an event that cannot be is refused, and the event named', () => {
    const good = { at: 0, node: 0, state: 'up' } as const
    for (const bad of [{ at: -1 }, { at: Number.NaN }, { node: 0.5 }, { node: -1 }, { state: 'away' as 'up' }]) {
      assert.throws(() => churnTrace([good, { ...good, ...bad }]), /event 1 of the trace/)
    }
  })
})

class Newcomer extends Recorder {
  met: string[] = []
}

function overlay(options: { crash?: boolean; keep?: boolean; contacts?: number } = {}) {
  const simulation = new Simulation<number, Newcomer>({ seed: 1, notices: true, latency: 10 })
  const made = {
    make: (environment: Environment<number>, _sign: unknown, before?: Newcomer) => {
      const newcomer = new Newcomer(environment)
      newcomer.heard.push(...(before?.heard ?? []))
      return newcomer
    },
    introduce: (newcomer: Newcomer, peers: readonly PeerDescriptor[]) => {
      newcomer.met = peers.map(({ id }) => id)
    },
  }
  begin(simulation, bootstrapStart({ nodes: 20 }), made)
  return { simulation, nodes: turnover(simulation, made, options) }
}

describe('churn of a simulation', () => {
  test('makes each event happen at its time from now; nodes that are new are introduced to one that is up', () => {
    const { simulation, nodes } = overlay()
    simulation.run(1000)
    churn(simulation, replacement({ nodes: 20, share: 0.1, period: 1000, random: simulation.random }), nodes)
    for (let round = 1; round <= 30; round++) {
      simulation.run(1000)
      assert.equal(simulation.nodes.length, 20 + 2 * round)
      assert.equal(simulation.nodes.filter(({ alive }) => alive).length, 20)
    }
    for (const { protocol } of simulation.nodes.slice(20)) {
      const [met = '', ...more] = protocol.met
      assert.deepEqual(more, [])
      assert.ok(simulation.has(met) && met !== protocol.environment.self.id)
    }
  })

  test('of the same seed is the same, event by event', () => {
    const hash = (seed: number) => {
      const { simulation, nodes } = overlay()
      churn(
        simulation,
        sessions({ nodes: 20, up: { distribution: 'pareto', mean: 3000 }, random: new Random(seed) }),
        nodes,
      )
      const chat = () => {
        const [from, to] = [simulation.random.pick(simulation.nodes), simulation.random.pick(simulation.nodes)]
        if (from !== undefined && to !== undefined) from.protocol.environment.send(to.self, 1)
        simulation.after(50, chat)
      }
      chat()
      simulation.run(20_000)
      return simulation.traceHash
    }
    assert.equal(hash(1), hash(1))
    assert.notEqual(hash(1), hash(2))
  })

  test('restarts a node that comes back, with what its disk kept or without; silently or with notices', () => {
    for (const keep of [true, false]) {
      const { simulation, nodes } = overlay({ keep, crash: keep })
      const { protocol } = simulation.node('n1')
      simulation.node('n0').protocol.environment.send(protocol.environment.self, 7)
      simulation.run(100)
      const trace: ChurnEvent[] = [
        { at: 100, node: 1, state: 'down' },
        { at: 500, node: 1, state: 'up' },
      ]
      churn(simulation, trace, nodes)
      simulation.run(200)
      simulation.node('n0').protocol.environment.send(simulation.node('n1').self, 8)
      simulation.run(800)
      assert.deepEqual(simulation.node('n1').protocol.messages, keep ? [7] : [])
      assert.equal(simulation.node('n1').self.sequence, 2)
      assert.equal(simulation.node('n0').protocol.notices.length, keep ? 1 : 0)
    }
  })

  test('passes over what is so already, and ends when it is cancelled or over', () => {
    const { simulation, nodes } = overlay({ contacts: 5 })
    const trace = churnTrace([
      { at: 100, node: 3, state: 'up' },
      { at: 200, node: 77, state: 'down' },
      { at: 300, node: 77, state: 'up' },
      { at: 400, node: 5, state: 'down' },
    ])
    churn(simulation, trace, nodes)
    const cancelled = churn(simulation, [{ at: 10, node: 9, state: 'down' }], nodes)
    cancelled.cancel()
    simulation.run(350)
    assert.equal(simulation.node('n3').self.sequence, 1, 'a node that is up is not restarted')
    assert.ok(simulation.node('n9').alive)
    const { met } = simulation.node('n77').protocol
    assert.ok(met.length > 2 && met.length <= 5 && new Set(met).size === met.length)
    simulation.run(350)
    assert.ok(!simulation.node('n5').alive)
    assert.equal(simulation.pending, 0)
  })

  test('of a network in which nobody lives adds nodes that know nobody', () => {
    const { simulation, nodes } = overlay()
    for (let node = 0; node < 20; node++) nodes.down(node)
    nodes.up(20)
    assert.deepEqual(simulation.node('n20').protocol.met, [])
  })
})
