import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { positionOf } from '../core/position.ts'
import { Simulation, type SimulationOptions } from '../testnet/simulator/simulation.ts'
import { type StackMessage, stackCodec } from './channels.ts'
import type { StackOptions } from './options.ts'
import type { Answer } from './query/wave/answer.ts'
import { QueryRefused } from './query/wave/wave.ts'
import { type Outcome, Stack } from './stack.ts'

interface Bed {
  readonly simulation: Simulation<StackMessage, Stack>
  readonly downs: { at: string; peer: string; reason: string }[]
  readonly got: Map<string, string[]>
  ask(text?: string): Answer
  ring(): { correct: number; total: number }
}

/** N nodes that know nobody but n0; attributes id and number. */
function network(
  nodes: number,
  { options = {}, ...simulated }: Partial<SimulationOptions<StackMessage>> & { options?: Partial<StackOptions> } = {},
): Bed {
  const simulation = new Simulation<StackMessage, Stack>({ seed: 1, latency: 20, ...simulated, codec: stackCodec })
  const downs: Bed['downs'] = []
  const got: Bed['got'] = new Map()
  for (let i = 0; i < nodes; i++) {
    simulation.add({ addresses: [`/sim/${i}`] }, (environment, sign) => {
      const at = environment.self.id
      let sequence = 0
      const stack = new Stack(environment, {
        attributes: () => ({ id: at, number: i }),
        sequences: { next: () => ++sequence },
        ...(simulated.wire && { sign }),
        options,
        on: { peerDown: (peer, reason) => downs.push({ at, peer: peer.id, reason }) },
      })
      got.set(at, [])
      stack.subscribe('news', ({ id }) => got.get(at)?.push(id))
      return stack
    })
  }
  const [first, ...others] = simulation.nodes
  for (const node of others) node.protocol.introduce([(first as (typeof others)[0]).self])
  const ask = (text = 'SELECT count(*), sum(number) FROM nodes') => {
    let outcome: Outcome | undefined
    first?.protocol.query(text, { timeout: 30_000 }, (came) => (outcome = came))
    simulation.runUntil(() => outcome !== undefined, 31_000, 10)
    assert.ok(outcome !== undefined && 'answer' in outcome, 'no answer')
    return outcome.answer
  }
  const ring = () => {
    const live = simulation.nodes.filter(({ alive }) => alive)
    live.sort((a, b) => a.self.position - b.self.position)
    let correct = 0
    for (const [i, { protocol }] of live.entries()) {
      const { successors, predecessors } = protocol.neighbours()
      if (successors[0]?.id === live[(i + 1) % live.length]?.id) correct++
      if (predecessors[0]?.id === live[(i - 1 + live.length) % live.length]?.id) correct++
    }
    return { correct, total: live.length * 2 }
  }
  return { simulation, downs, got, ask, ring }
}

type Member = Simulation<StackMessage, Stack>['nodes'][number]

/** What the nodes hear from now on of the exchanges that `Rounds` drives: how many offers or answers of each, and the latest. */
function overheard(nodes: readonly Member[], kind: 'offer' | 'answer') {
  const heard = new Map<string, { readonly count: number; readonly latest: StackMessage }>()
  for (const { protocol } of nodes) {
    const receive = protocol.receive.bind(protocol)
    protocol.receive = (from, said) => {
      const [name, message] = exchangeOf(said)
      if (message?.kind === kind) heard.set(name, { count: (heard.get(name)?.count ?? 0) + 1, latest: said })
      receive(from, said)
    }
  }
  return heard
}

function exchangeOf({ channel, message }: StackMessage): [string, { readonly kind?: string }?] {
  if (channel === 'structures') return [message.name, message.message as { readonly kind?: string }]
  if (channel === 'groups') return message.message.kind === 'ring' ? ['groups ring', message.message.round] : [channel]
  return 'kind' in message ? [channel, message] : [channel]
}

const settled = (bed: Bed) => () => bed.ring().correct === bed.ring().total

suite('stack', () => {
  for (const [nodes, seconds] of [
    [2, 3],
    [32, 4],
    [200, 10],
  ] as const) {
    test(`${nodes} nodes that know one address form the ring within ${seconds} s and count themselves exactly`, () => {
      for (const seed of [1, 2, 3]) {
        const bed = network(nodes, { seed, wire: nodes <= 32 })
        assert.ok(bed.simulation.runUntil(settled(bed), seconds * 1000), `seed ${seed}: ${bed.ring().correct}`)
        bed.simulation.run(5000)
        const { rows, cost } = bed.ask()
        assert.deepEqual(rows, [[nodes, (nodes * (nodes - 1)) / 2]])
        assert.equal(cost.delegations, nodes - 1)
      }
    })
  }

  // Without `settled` a quarter to two fifths of these answers lacked somebody without a word.
  test('while the network forms, whoever is not in an answer is called missing; half a minute later nobody is', () => {
    const nodes = 64
    for (const seed of [1, 2]) {
      const bed = network(nodes, { seed, wire: seed === 2, options: { query: { rate: 1000, burst: 1000 } } })
      for (let k = 0; k < 30; k++) {
        bed.simulation.run(300)
        const { answered, missing } = bed.ask().coverage
        assert.ok(answered === nodes || missing !== 0, `seed ${seed}: ${answered} of ${nodes}, nothing missing`)
      }
      bed.simulation.run(20_000)
      assert.deepEqual(bed.ask().coverage, { answered: nodes, missing: 0, silent: 0, intervals: [] })
      assert.deepEqual(bed.simulation.tally.toJSON(), {}, 'nothing malformed')
    }
  })

  test('under 10 % loss the ring forms, and nobody living is ever called dead', () => {
    const bed = network(100, { loss: 0.1 })
    assert.ok(bed.simulation.runUntil(settled(bed), 15_000))
    bed.simulation.run(120_000)
    assert.deepEqual(bed.downs, [])
    assert.deepEqual(bed.ring(), { correct: 200, total: 200 })
  })

  test('silent deaths: counted around at once, ring whole again in 20 s, every death noticed and with a reason', () => {
    const bed = network(100)
    bed.simulation.run(15_000)
    const dead = bed.simulation.random.sample(bed.simulation.nodes.slice(1), 20).map(({ id }) => id)
    for (const id of dead) bed.simulation.kill(id)
    assert.equal(bed.ask().coverage.answered, 80)
    bed.simulation.run(20_000)
    assert.deepEqual(bed.ring(), { correct: 160, total: 160 })
    const after = bed.ask()
    assert.equal(after.coverage.answered, 80)
    assert.equal(after.cost.delegations, 79, 'the dead cost nothing any more')
    assert.deepEqual(new Set(bed.downs.map(({ peer }) => peer)), new Set(dead))
    for (const { reason } of bed.downs) assert.match(reason, /no answer to|others found/)
  })

  // Seeds that missed a node without a word while answers vouched for places whose neighbours had just died.
  for (const [share, seeds] of [
    [0.1, [16, 23, 27, 32, 39]],
    [0.3, [13, 14, 16, 18]],
  ] as const) {
    test(`in the seconds after ${share * 100} % died, whoever is not in an answer is called missing`, () => {
      for (const seed of seeds) {
        const bed = network(100, { seed, options: { query: { rate: 1000, burst: 1000 } } })
        bed.simulation.run(25_000)
        const dead = bed.simulation.random.sample(bed.simulation.nodes.slice(1), 100 * share)
        for (const { id } of dead) bed.simulation.kill(id)
        for (let k = 0; k < 4; k++) {
          const { answered, missing } = bed.ask().coverage
          assert.ok(answered === 100 - dead.length || missing !== 0, `seed ${seed}: ${answered}, nothing missing`)
          bed.simulation.run(500)
        }
      }
    })
  }

  test('who leaves says goodbye: gone from its neighbours at once', () => {
    const bed = network(20)
    bed.simulation.run(10_000)
    const leaver = bed.simulation.nodes[5]
    const knowing = () => {
      const up = ({ protocol }: (typeof bed.simulation.nodes)[number]) => protocol.member('n5')?.state === 'alive'
      return bed.simulation.nodes.filter(up).map(({ id }) => id)
    }
    const before = knowing()
    assert.ok(before.length >= 12, `${before.length}`)
    leaver?.protocol.leave()
    leaver?.protocol.stop()
    bed.simulation.run(100)
    // What it sent last may make it known to another, who then hears its goodbye as well.
    const told = new Set(
      bed.downs.filter(({ peer, reason }) => peer === 'n5' && reason === 'said goodbye').map(({ at }) => at),
    )
    assert.deepEqual(
      before.filter((id) => !told.has(id)),
      [],
    )
    assert.deepEqual(knowing(), [])
    bed.simulation.run(5000)
    assert.deepEqual(bed.ask().coverage, { answered: 19, missing: 0, intervals: [], silent: 0 })
  })

  test('a newcomer finds its place in a settled network, and everybody counts it', () => {
    const bed = network(50)
    bed.simulation.run(60_000)
    const newcomer = bed.simulation.add({ id: 'late', addresses: ['/sim/late'] }, (environment) => {
      return new Stack(environment, { attributes: () => ({ id: 'late', number: 50 }), sequences: { next: () => 1 } })
    })
    newcomer.protocol.introduce([(bed.simulation.nodes[0] as (typeof bed.simulation.nodes)[0]).self])
    assert.ok(bed.simulation.runUntil(settled(bed), 10_000), `${bed.ring().correct} of ${bed.ring().total}`)
    assert.equal(bed.ask().coverage.answered, 51)
  })

  test('a partition of three minutes heals by itself: one ring again', () => {
    const bed = network(40)
    bed.simulation.run(15_000)
    const names = bed.simulation.nodes.map(({ id }) => id)
    bed.simulation.partition([names.slice(0, 20), names.slice(20)])
    bed.simulation.run(180_000)
    assert.equal(bed.ask().coverage.answered, 20, 'each half counts itself')
    bed.simulation.heal()
    assert.ok(bed.simulation.runUntil(settled(bed), 120_000, 1000), `${bed.ring().correct} of 80`)
    assert.equal(bed.ask().coverage.answered, 40)
  })

  test('a settled node gossips little: 3.5 KiB/s in the mean, as real ones do, none above 4.5, and never above its budget in any second', () => {
    const budget = 64 * 1024
    const bed = network(100, { options: { gossipBudget: budget } })
    bed.simulation.run(60_000)
    const before = bed.simulation.nodes.map(({ sent }) => sent.bytes)
    bed.simulation.run(60_000)
    const rates = bed.simulation.nodes.map(({ sent }, i) => (sent.bytes - (before[i] as number)) / 60)
    assert.ok(rates.reduce((sum, rate) => sum + rate) / rates.length < 3584)
    assert.ok(Math.max(...rates) < 4608, `${Math.max(...rates)} B/s`)
    for (const { id, sent } of bed.simulation.nodes) {
      // Failure detection is outside the budget: some pings a second.
      assert.ok(sent.maxBytes <= budget + 8192, `${id}: ${sent.maxBytes} bytes in one second`)
    }
  })

  for (const gossip of ['honest-only', 'defended'] as const) {
    test(`a peer that repeats the offers of every exchange as fast as it can gets few answers, and silences nobody: ${gossip}`, () => {
      const structures = ['line:number', 'latency', 'slices:number']
      const { simulation } = network(12, { options: { gossip, structures } })
      const [victim, peer] = simulation.nodes as [Member, Member]
      for (const node of simulation.nodes) node.describe({ attributes: node.protocol.ranked() })
      const offers = overheard(simulation.nodes, 'offer')
      simulation.run(15_000)
      const exchanges = [
        'sampling',
        'tman',
        gossip === 'defended' ? 'samples' : 'aggregation',
        'groups ring',
        ...structures,
      ]
      assert.deepEqual([...offers.keys()].sort(), exchanges.sort())
      const own = () => ['tman', 'sampling'].map((name) => victim.protocol.status()[name as 'tman'].counts)
      const before = own()
      const answers = overheard([peer], 'answer')
      for (let i = 0; i < 3000; i++) {
        for (const { latest } of offers.values()) peer.environment.send(victim.self, latest)
        simulation.run(5)
      }
      for (const name of exchanges) {
        const { count } = answers.get(name) ?? { count: 0 }
        assert.ok(count > 0 && count <= 31 * 13, `${count} answers to 3000 offers in 15 s: ${name}`)
      }
      own().forEach((counts, i) => {
        const rounds = (counts.offers ?? 0) - (before[i]?.offers ?? 0)
        assert.ok(
          rounds > 0 && (counts.absorbed ?? 0) - (before[i]?.absorbed ?? 0) >= rounds - 1,
          JSON.stringify(counts),
        )
      })
    })
  }

  test('an attribute that no node has is an error with its place; one that some node has is not', () => {
    const bed = network(5)
    bed.simulation.run(5000)
    let outcome: Outcome | undefined
    bed.simulation.nodes[0]?.protocol.query('SELECT sum(nubmer) FROM nodes', {}, (came) => (outcome = came))
    bed.simulation.run(1000)
    assert.ok(outcome !== undefined && 'error' in outcome)
    assert.equal(outcome.error.position, 11)
    assert.match(outcome.error.caret(), /did you mean 'number'/)
  })

  test('an attribute that only a silent node has is no error: nobody knows what it has, and the rest of the answer is given', () => {
    const { simulation, ask } = network(10)
    simulation.run(20_000)
    const [, paused] = simulation.nodes
    assert.ok(paused !== undefined)
    simulation.pause(paused.id)
    const { rows, coverage, notes } = ask('SELECT count(*), count(gpu) FROM nodes')
    assert.deepEqual([rows, coverage.missing, coverage.silent], [[[9, 0]], 0, 1])
    assert.deepEqual(notes, ['no node that answered has an attribute gpu'])
  })

  test('published by anybody, received by everybody once and in order, wire and signatures included', () => {
    const bed = network(30, { wire: true, seed: 4 })
    bed.simulation.run(10_000)
    for (let i = 0; i < 20; i++) {
      const publisher = bed.simulation.nodes[i % 7]
      assert.equal(publisher?.protocol.publish('news', Uint8Array.of(i)).status, 'accepted')
      bed.simulation.run(50)
    }
    bed.simulation.run(2000)
    for (const [id, ids] of bed.got) assert.equal(new Set(ids).size === 20 && ids.length, 20, id)
    assert.deepEqual(Object.keys(bed.simulation.tally.toJSON()), [], 'nothing was malformed, forged or lost')
  })

  test('a node that does not run refuses every question, from gossip too: what it knew is of the network that it was in', () => {
    const bed = network(5)
    bed.simulation.run(30_000)
    const asked = 'SELECT count(*) FROM nodes WITH GOSSIP'
    assert.equal(bed.ask(asked).rows.length, 1)
    const [first] = bed.simulation.nodes
    first?.protocol.stop()
    const given: Outcome[] = []
    for (const text of [asked, 'SELECT count(*) FROM nodes']) {
      assert.throws(() => first?.protocol.query(text, {}, (came) => given.push(came)), QueryRefused)
    }
    assert.deepEqual(given, [])
  })

  test('what a stopped node still receives changes nothing and tells nobody', () => {
    const bed = network(2)
    bed.simulation.run(3000)
    const [a, b] = bed.simulation.nodes.map(({ protocol, self }) => ({ protocol, self }))
    assert.ok(a !== undefined && b !== undefined)
    a.protocol.receive(b.self, { channel: 'membership', message: { kind: 'goodbye' } })
    assert.equal(a.protocol.member('n1')?.state, 'left')
    assert.equal(b.protocol.member('n0')?.state, 'alive')
    b.protocol.stop()
    b.protocol.receive(a.self, { channel: 'membership', message: { kind: 'goodbye' } })
    b.protocol.unreachable('n0', 'closed')
    assert.equal(b.protocol.member('n0')?.state, 'alive')
    assert.deepEqual(bed.downs, [{ at: 'n0', peer: 'n1', reason: 'said goodbye' }])
  })

  test('callbacks that throw are told about, and the network works as if they had not', () => {
    const threw: unknown[] = []
    const fail = () => {
      throw new Error('user')
    }
    const simulation = new Simulation<StackMessage, Stack>({ seed: 1, latency: 20, codec: stackCodec })
    for (let i = 0; i < 20; i++) {
      simulation.add({ addresses: [`/sim/${i}`] }, (environment) => {
        const on = { peerUp: fail, peerDown: fail, contactsChanged: fail, callbackThrew: (e: unknown) => threw.push(e) }
        const attributes = i === 3 ? fail : () => ({ number: i })
        return new Stack(environment, { attributes, sequences: { next: () => 1 }, on })
      })
    }
    const [first, ...others] = simulation.nodes
    assert.ok(first !== undefined)
    for (const { protocol } of others) protocol.introduce([first.self])
    simulation.run(8000)
    simulation.kill('n7')
    simulation.run(5000)
    first.protocol.query('SELECT count(*) FROM nodes', {}, fail)
    simulation.run(2000)
    let outcome: Outcome | undefined
    first.protocol.query('SELECT count(*), count(number) FROM nodes', {}, (came) => (outcome = came))
    simulation.run(2000)
    assert.ok(outcome !== undefined && 'answer' in outcome)
    assert.deepEqual(outcome.answer.rows, [[19, 18]])
    assert.equal(outcome.answer.cost.delegations, 18)
    assert.ok(threw.length > 100)
  })

  test('half a minute of disorder: whatever is asked meanwhile, nobody is counted twice', () => {
    for (const seed of [1, 2, 3]) {
      const bed = network(60, { seed, loss: 0.05, duplicate: 0.1 })
      for (let second = 0; second < 30; second += 3) {
        const asker = bed.simulation.nodes[second] as (typeof bed.simulation.nodes)[0]
        let outcome: Outcome | undefined
        asker.protocol.query('SELECT id FROM nodes', { timeout: 2500 }, (came) => (outcome = came))
        bed.simulation.run(3000)
        assert.ok(outcome !== undefined && 'answer' in outcome)
        const ids = outcome.answer.rows.map(([id]) => id)
        assert.equal(new Set(ids).size, ids.length, `seed ${seed}, second ${second}`)
        assert.equal(ids.length, outcome.answer.coverage.answered)
      }
    }
  })

  test('stopped, a node leaves no timer behind', () => {
    const bed = network(10)
    bed.simulation.run(5000)
    bed.ask()
    for (const { protocol } of bed.simulation.nodes) protocol.stop()
    bed.simulation.run(60_000)
    assert.equal(bed.simulation.pending, 0)
  })

  test('the same seed gives the same trace', () => {
    const trace = (seed: number) => {
      const bed = network(30, { seed, loss: 0.05 })
      bed.simulation.run(10_000)
      return bed.simulation.traceHash
    }
    assert.equal(trace(5), trace(5))
    assert.notEqual(trace(5), trace(6))
  })

  test('every id sits where its hash says, so a peer cannot claim another place', () => {
    const bed = network(3)
    bed.simulation.run(3000)
    for (const { protocol } of bed.simulation.nodes) {
      for (const peer of protocol.contacts()) assert.equal(peer.position, positionOf(peer.id))
    }
  })

  test('a lone node answers from gossip what it answers when asked: itself', () => {
    const bed = network(1, { options: { aggregates: ['number', 'nothing'] } })
    const columns = 'count(*), count(number), sum(number), avg(number), min(number), max(number), stddev(number)'
    for (const seconds of [0, 1, 100]) {
      bed.simulation.run(seconds * 1000)
      const gossip = bed.ask(`SELECT ${columns} FROM nodes WITH GOSSIP`)
      assert.deepEqual(gossip.rows, [[1, 1, 0, 0, 0, 0, null]])
      assert.deepEqual(gossip.rows, bed.ask(`SELECT ${columns} FROM nodes`).rows)
      assert.equal(gossip.coverage.answered, 1)
    }
    assert.deepEqual(bed.ask('SELECT avg(nothing), count(nothing) FROM nodes WITH GOSSIP').rows, [[null, 0]])
    assert.equal(bed.simulation.nodes[0]?.protocol.attributes().network_size, 1)
  })
})
