import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { positionOf } from '../../../core/position.ts'
import { contains, lengthOf } from '../../../overlays/intervals/intervals.ts'
import { uniform } from '../../../testnet/simulator/latency.ts'
import type { Answer } from './answer.ts'
import { type WaveMessage, WHY } from './messages.ts'
import { COUNT, killSome, living, network } from './network.fixture.ts'
import { QueryRefused, Wave } from './wave.ts'

const sumTo = (n: number) => (n * (n - 1)) / 2
const ids = ({ rows }: Answer) => rows.map(([id]) => id as string)

suite('wave, undisturbed', () => {
  for (const n of [1, 2, 3, 32, 1000, 10_000]) {
    test(`a count over ${n} nodes is exact and takes N-1 delegations`, () => {
      const answer = network({ nodes: n }).ask()
      assert.deepEqual(answer.rows, [[n, sumTo(n)]])
      assert.deepEqual(answer.coverage, { answered: n, missing: 0, intervals: [], silent: 0 })
      assert.equal(answer.cost.delegations, n - 1)
      assert.ok(answer.cost.hops <= 10, `${answer.cost.hops} hops`)
      assert.ok(answer.cost.messages <= 3 * (n - 1), `${answer.cost.messages} messages`)
    })
  }

  test('about 30 contacts a node are enough for the 10 hops of 10,000', () => {
    const sizes = [...network({ nodes: 10_000 }).contacts.values()].map((contacts) => contacts.length)
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
    assert.ok(mean < 32, `${mean} contacts`)
  })

  test('any node can ask, and none is asked more than its share: at most 16 delegations by one node', () => {
    const bed = network({ nodes: 500 })
    for (const [i, node] of bed.simulation.nodes.entries()) {
      if (i % 50 !== 0) continue
      let answer: Answer | undefined
      const before = bed.simulation.nodes.map((each) => each.sent.messages)
      node.protocol.ask(COUNT, {}, (given) => (answer = given))
      bed.simulation.run(2000)
      assert.deepEqual(answer?.rows, [[500, sumTo(500)]])
      const most = Math.max(...bed.simulation.nodes.map((each, k) => each.sent.messages - (before[k] as number)))
      assert.ok(most <= 16 + 2, `${most} messages by one node`)
    }
  })

  test('an inner node passes on at most LIMIT rows', () => {
    const most = { rows: 0 }
    const bed = network({
      nodes: 300,
      replace: (_i, environment, wave) => {
        const send = environment.send.bind(environment)
        environment.send = (to, message: WaveMessage) => {
          if (message.kind === 'answer') most.rows = Math.max(most.rows, message.partial.length)
          send(to, message)
        }
        return wave
      },
    })
    const five = bed.ask('SELECT id, number FROM nodes ORDER BY number DESC LIMIT 5')
    assert.deepEqual(
      five.rows.map(([, number]) => number),
      [299, 298, 297, 296, 295],
    )
    assert.ok(most.rows < 200, `an answer of ${most.rows} bytes holds more than five rows`)
  })

  test('the same seed gives the same trace, another seed another', () => {
    const trace = (seed: number) => {
      const bed = network({ nodes: 100, seed, loss: 0.05 })
      bed.ask()
      return bed.simulation.traceHash
    }
    assert.equal(trace(7), trace(7))
    assert.notEqual(trace(7), trace(8))
  })
})

suite('wave, disturbed', () => {
  test('10 % silent undetected deaths among 10,000, 10 seeds: nobody twice, at most 5 missing on average', () => {
    let missing = 0
    for (let seed = 1; seed <= 10; seed++) {
      const bed = network({ nodes: 10_000, seed })
      killSome(bed, 0.1)
      const { rows, coverage } = bed.ask()
      assert.ok((rows[0]?.[0] as number) <= living(bed), 'more counted than live')
      assert.equal(rows[0]?.[0], coverage.answered)
      missing += living(bed) - coverage.answered
      if (living(bed) === coverage.answered) {
        const sum = bed.simulation.nodes.reduce((total, node) => total + (node.alive ? node.index : 0), 0)
        assert.equal(rows[0]?.[1], sum, 'the right number of nodes, but not the right ones')
      }
    }
    assert.ok(missing / 10 <= 5, `${missing / 10} missing on average`)
  })

  test('with 30 % dead and little time, everybody is in the answer or in a missing interval, and nobody in both', () => {
    let incomplete = 0
    for (let seed = 1; seed <= 10; seed++) {
      const bed = network({ nodes: 800, seed })
      killSome(bed, 0.3)
      const answer = bed.ask('SELECT id FROM nodes', 4000)
      const answered = new Set(ids(answer))
      assert.equal(answered.size, answer.rows.length, 'somebody twice')
      const { intervals } = answer.coverage
      incomplete += intervals.length
      for (const { id, alive } of bed.simulation.nodes) {
        const named = intervals.some((interval) => contains(interval, positionOf(id)))
        if (answered.has(id)) assert.ok(!named, `${id} answered and is called missing`)
        else if (alive) assert.ok(named, `${id} lives, is not in the answer, and not called missing (seed ${seed})`)
      }
      for (const { reason } of intervals) assert.ok(reason.length > 0)
    }
    assert.ok(incomplete > 0, 'the time was meant to be too short at least once')
  })

  test('delegates that die after acknowledging: all the living are in the answer, each once', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const bed = network({ nodes: 900, seed })
      for (const node of bed.simulation.random.sample(bed.simulation.nodes.slice(1), 90)) {
        bed.simulation.after(25 + bed.simulation.random.integer(150), () => bed.simulation.kill(node.id))
      }
      const answer = bed.ask('SELECT id FROM nodes')
      const answered = new Set(ids(answer))
      assert.equal(answered.size, answer.rows.length, 'somebody twice')
      assert.equal(answer.coverage.answered, answer.rows.length)
      for (const { id, alive } of bed.simulation.nodes) if (alive) assert.ok(answered.has(id), `${id} (seed ${seed})`)
    }
  })

  test('that is the doing of the inquiries: without them, whoever waits for the dead waits until the deadline', () => {
    const bed = network({ nodes: 900, seed: 1, options: { inquiries: 1000 } })
    for (const node of bed.simulation.random.sample(bed.simulation.nodes.slice(1), 90)) {
      bed.simulation.after(25 + bed.simulation.random.integer(150), () => bed.simulation.kill(node.id))
    }
    assert.notEqual(bed.ask('SELECT id FROM nodes').coverage.missing, 0)
  })

  for (const seed of [1, 2, 3]) {
    test(`5 % message loss among 10,000: exact (seed ${seed})`, () => {
      const answer = network({ nodes: 10_000, seed, loss: 0.05 }).ask()
      assert.deepEqual(answer.rows, [[10_000, sumTo(10_000)]])
      assert.equal(answer.coverage.missing, 0)
    })
  }

  test('that is the doing of the repetitions: sent once only, it is not exact', () => {
    const answer = network({ nodes: 1000, loss: 0.05, options: { sendings: 1 } }).ask()
    assert.notDeepEqual(answer.rows, [[1000, sumTo(1000)]])
  })

  test('20 % loss, duplicated and overtaking messages: nobody twice, at most 1 in 1,000 taken for dead', () => {
    let missed = 0
    for (let seed = 1; seed <= 10; seed++) {
      const bed = network({ nodes: 500, seed, loss: 0.2, duplicate: 0.3, latency: uniform(1, 300) })
      const answer = bed.ask('SELECT id FROM nodes')
      assert.equal(new Set(ids(answer)).size, answer.rows.length)
      missed += 500 - answer.rows.length
    }
    assert.ok(missed <= 5, `${missed} of 5000`)
  })

  test('a delegate that sleeps past all patience and then answers is not counted a second time', () => {
    const bed = network({ nodes: 200 })
    const sleeper = bed.contacts.get('n0')?.at(-1)?.id as string
    bed.simulation.after(30, () => bed.simulation.pause(sleeper, 20_000))
    const answer = bed.ask('SELECT id FROM nodes')
    bed.simulation.run(30_000)
    assert.equal(new Set(ids(answer)).size, answer.rows.length)
    assert.equal(answer.rows.length, 199, 'all but the sleeper')
    const late = bed.simulation.nodes.reduce((sum, node) => sum + node.protocol.tally.get('abandoned'), 0)
    assert.ok(late > 0, 'its answer came, and was dropped')
  })

  test('a peer known to be down is not waited for: its piece is delegated again at once', () => {
    const bed = network({ nodes: 200 })
    killSome(bed, 0.05)
    const dead = bed.simulation.nodes.filter((node) => !node.alive).map((node) => node.id)
    bed.simulation.after(30, () => {
      for (const node of bed.simulation.nodes) for (const id of dead) node.protocol.peerDown(id)
    })
    for (let k = 1; k < 40; k++) {
      bed.simulation.after(30 + 20 * k, () => {
        for (const node of bed.simulation.nodes) for (const id of dead) node.protocol.peerDown(id)
      })
    }
    const answer = bed.ask()
    assert.equal(answer.coverage.answered, living(bed))
    assert.ok(answer.cost.ms < 1000, `${answer.cost.ms} ms`)
  })

  test('a delegate that answers nonsense loses its piece to others and costs nobody else', () => {
    const bed = network({
      nodes: 200,
      replace: (i, environment, wave) => {
        if (i !== 7) return wave
        const send = environment.send.bind(environment)
        environment.send = (to, message: WaveMessage) =>
          send(to, message.kind === 'answer' ? { ...message, partial: Uint8Array.of(255, 1, 2) } : message)
        return wave
      },
    })
    const answer = bed.ask('SELECT id FROM nodes')
    assert.deepEqual(
      new Set(ids(answer)),
      new Set(bed.simulation.nodes.map(({ id }) => id).filter((id) => id !== 'n7')),
    )
    assert.equal(answer.coverage.silent > 0, true)
  })
})

suite('wave, limits', () => {
  test('a node may ask five queries at once and then one a second; the sixth is refused with the limit', () => {
    const bed = network({ nodes: 3 })
    const wave = bed.simulation.nodes[0]?.protocol as Wave
    for (let i = 0; i < 5; i++) wave.ask(COUNT, {}, () => undefined)
    assert.throws(() => wave.ask(COUNT, {}, () => undefined), /more than 1 queries a second \(5 at once\)/)
    bed.simulation.run(1000)
    wave.ask(COUNT, {}, () => undefined)
    assert.throws(() => wave.ask(COUNT, {}, () => undefined), QueryRefused)
  })

  test('an origin that ignores its own limit is refused by the others, with the reason in the answer', () => {
    const flood = (rate: number) => {
      const bed = network({
        nodes: 20,
        replace: (i, environment, wave) =>
          i > 0
            ? new Wave(environment, {
                contacts: () => [],
                attributes: () => ({}),
                doubt: () => undefined,
                options: { rate, burst: Math.max(5, rate) },
              })
            : wave,
        options: { rate: 1000, burst: 1000 },
      })
      const answers: Answer[] = []
      for (let i = 0; i < 20; i++) {
        bed.simulation.nodes[0]?.protocol.ask(COUNT, { timeout: 2000 }, (answer) => answers.push(answer))
      }
      bed.simulation.run(5000)
      return answers.flatMap((answer) => answer.coverage.intervals.map(({ reason }) => reason))
    }
    assert.ok(flood(1).filter((reason) => reason === 'rate of the origin').length > 100)
    assert.deepEqual(flood(1000), [], 'with the limit off the flood goes through')
  })

  test('a node at its limit of delegations says it is busy, and the answer says so', () => {
    const bed = network({ nodes: 20, options: { active: 0 } })
    const { coverage } = bed.ask(COUNT, 2000)
    assert.equal(coverage.answered, 1)
    const busy = coverage.intervals.filter(({ reason }) => reason === 'busy')
    assert.equal(busy.length, bed.contacts.get('n0')?.length, 'each contact is named, and alone')
    for (const interval of busy) assert.equal(lengthOf(interval), 1)
  })

  test('whose place is called empty is mentioned when it fell silent only lately, and missing when others say that it lives', () => {
    for (const disputed of [false, true]) {
      // Everybody has buried n5, which lives; n5 itself is not asked and asks nobody.
      let buried: PeerDescriptor | undefined
      const bed: ReturnType<typeof network> = network({
        nodes: 20,
        replace: (i, environment) =>
          new Wave(environment, {
            contacts: () => (bed.contacts.get(environment.self.id) ?? []).filter(({ id }) => id !== 'n5'),
            attributes: () => ({ number: i }),
            doubt: () => undefined,
            fallen: () => (buried === undefined ? [] : [{ peer: buried, disputed }]),
          }),
      })
      assert.deepEqual(
        bed.ask().coverage,
        { answered: 19, missing: 0, intervals: [], silent: 0 },
        'without the word: a lie',
      )
      buried = bed.simulation.node('n5').self
      const { answered, missing, silent, intervals } = bed.ask().coverage
      assert.deepEqual([answered, missing, silent], disputed ? [19, 1, 0] : [19, 0, 1])
      const reason = WHY.oneWay
      const place = { from: buried.position, to: buried.position + 1, reason }
      assert.deepEqual(intervals, disputed ? [place] : [])
    }
  })

  test('who does not answer, but is vouched for by others, is missing and not taken for dead', () => {
    for (const vouches of [false, true]) {
      const bed: ReturnType<typeof network> = network({
        nodes: 20,
        replace: (_, environment) =>
          new Wave(environment, {
            contacts: () => bed.contacts.get(environment.self.id) ?? [],
            attributes: () => ({}),
            doubt: () => undefined,
            vouched: () => vouches,
          }),
      })
      bed.simulation.kill('n5')
      const { answered, missing, silent } = bed.ask().coverage
      assert.deepEqual([answered, missing, silent], vouches ? [19, 1, 0] : [19, 0, 1])
    }
  })

  test('answers kept for repetition are bounded, whatever is asked', () => {
    const bed = network({ nodes: 4, options: { rate: 1e6, burst: 1e6 } })
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 100; i++) bed.simulation.nodes[0]?.protocol.ask(COUNT, { timeout: 500 }, () => undefined)
      bed.simulation.run(1000)
    }
    for (const { protocol } of bed.simulation.nodes) {
      const { active, kept } = protocol.status()
      assert.equal(active, 0)
      assert.ok(kept <= 512, `${kept} kept`)
    }
  })

  test('a query given up ends without an answer and leaves nothing behind', () => {
    const bed = network({ nodes: 50 })
    const wave = bed.simulation.nodes[0]?.protocol as Wave
    const giveUp = wave.ask(COUNT, {}, () => assert.fail('answered'))
    bed.simulation.run(25)
    giveUp()
    assert.equal(bed.simulation.node('n0').environment.timers, 0)
    bed.simulation.run(30_000)
    assert.equal(wave.status().active, 0)
  })

  test('a stopped node neither asks nor answers, and leaves no timer behind', () => {
    const bed = network({ nodes: 5 })
    bed.simulation.nodes[0]?.protocol.ask(COUNT, {}, () => assert.fail('answered'))
    for (const { protocol } of bed.simulation.nodes) protocol.stop()
    for (const { environment } of bed.simulation.nodes) assert.equal(environment.timers, 0)
    bed.simulation.run(60_000)
    assert.equal(bed.simulation.pending, 0)
    assert.throws(() => bed.simulation.nodes[0]?.protocol.ask(COUNT, {}, () => undefined), /not running/)
  })

  test('a wrong query is refused at once, with its place, and nothing is sent', () => {
    const bed = network({ nodes: 5 })
    const wave = bed.simulation.nodes[0]?.protocol as Wave
    assert.throws(() => wave.ask('SELECT cuont(*) FROM nodes', {}, () => undefined), {
      name: 'QueryError',
      position: 7,
    })
    assert.throws(() => wave.ask('SELECT sum(parity) FROM nodes', {}, () => undefined), { name: 'QueryError' })
    assert.equal(bed.simulation.nodes[0]?.sent.messages, 0)
  })

  test('questions are signed: one under another name is dropped by the wire, and goes through where nothing verifies', () => {
    const forged = (wire: boolean) => {
      const bed = network({
        nodes: 10,
        seed: 3,
        wire,
        replace: (i, environment, wave) => {
          if (i !== 0) return wave
          const send = environment.send.bind(environment)
          environment.send = (to, message: WaveMessage) => {
            if (message.kind !== 'delegate') return send(to, message)
            const { body, signature } = message.question.record
            const record = { body, signature: signature.map((byte) => byte ^ 1) }
            send(to, { ...message, question: { ...message.question, record } })
          }
          return wave
        },
      })
      return bed.ask(COUNT, 5000).coverage.answered
    }
    assert.equal(forged(true), 1)
    assert.equal(forged(false), 10)
  })
})
