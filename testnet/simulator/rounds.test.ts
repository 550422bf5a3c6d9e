import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type RoundMessage, Rounds, type RoundsOptions } from '../../core/rounds.ts'
import { sendingThrough } from '../../core/sending.ts'
import { uniform } from './latency.ts'
import { Simulation, type SimulationOptions } from './simulation.ts'

// core/rounds.ts, tested here because the simulator drives it and core may not import the simulator.

type Message = RoundMessage<number, number>

const PERIOD = 1000
const BYTES = 100

type Entry =
  | { readonly kind: 'sent'; readonly message: Message; readonly to: string; readonly at: number }
  | { readonly kind: 'absorb'; readonly from: string; readonly answer: number; readonly at: number }
  | { readonly kind: 'missed'; readonly from: string; readonly reason: string; readonly at: number }

/** Writes down all that Rounds sends and all that it tells its exchange. Offers are numbers no other offer has; an answer is the offer's negative. */
class Gossip extends Rounds<number, number> {
  readonly log: Entry[]

  constructor(
    environment: Environment<Message>,
    partner: () => PeerDescriptor | undefined,
    options: Partial<RoundsOptions<number, number>> = {},
  ) {
    const log: Entry[] = []
    const now = () => environment.now()
    const watched = sendingThrough<Message>(environment, (to, message) => {
      log.push({ kind: 'sent', message, to: to.id, at: now() })
      environment.send(to, message)
    })
    const exchange: Exchange<number, number> = {
      partner,
      offer: () => environment.random.word() + 1,
      answer: (_, offer) => -offer,
      absorb: (from, answer) => log.push({ kind: 'absorb', from: from.id, answer, at: now() }),
      missed: (from, reason) => log.push({ kind: 'missed', from: from.id, reason, at: now() }),
    }
    const budget = new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    super(watched, exchange, { period: PERIOD, size: () => BYTES, budget, ...options })
    this.log = log
  }

  count(kind: Entry['kind']): number {
    return this.log.filter((entry) => entry.kind === kind).length
  }
}

/** `count` nodes that gossip with random others. */
function gossiping(
  count: number,
  options: Partial<SimulationOptions<Message>>,
  rounds: Partial<RoundsOptions<number, number>> = {},
) {
  const simulation = new Simulation<Message, Gossip>({ seed: 1, ...options })
  for (let i = 0; i < count; i++) {
    simulation.add({}, (environment) => {
      const anyone = () => simulation.nodes[(i + 1 + environment.random.integer(count - 1)) % count]?.self
      return new Gossip(environment, anyone, rounds)
    })
  }
  return simulation
}

/** Invariants 1 and 2 of Rounds, read from the log. @returns how many offers ended in which way */
function checkExchanges({ log }: Gossip) {
  let open: { to: string; offer: number; at: number } | undefined
  const ends = { absorbed: 0, missed: 0 }
  for (const entry of log) {
    if (entry.kind === 'sent') {
      if (entry.message.kind !== 'offer') continue
      assert.equal(open, undefined, 'a second offer while one is open')
      open = { to: entry.to, offer: entry.message.body, at: entry.at }
      continue
    }
    assert.ok(open !== undefined, `${entry.kind} without an open offer`)
    assert.equal(entry.from, open.to)
    if (entry.kind === 'absorb') {
      assert.equal(entry.answer, -open.offer, 'the answer to another offer')
      assert.ok(entry.at - open.at <= PERIOD * 0.9, 'a late answer')
      ends.absorbed++
    } else {
      ends.missed++
    }
    open = undefined
  }
  return ends
}

type Member = Simulation<Message, Gossip>['nodes'][number]

/** A node that sends the peer an offer every `pause` ms. */
function flooding(environment: Environment<Message>, to: () => PeerDescriptor, pause: number): Gossip {
  environment.every(pause, () => environment.send(to(), { kind: 'offer', round: 1, body: 1 }))
  return new Gossip(environment, () => undefined)
}

/** Answers whoever asks, as often as it asks, as long as the budget lasts. */
const undefended = (budget: TokenBucket) => ({ budget, pause: 0, reserve: 0 })

/** The most bytes sent in any second, wherever it begins. */
function most({ log }: Gossip): number {
  const times = log.filter((entry) => entry.kind === 'sent').map(({ at }) => at)
  let highest = 0
  let from = 0
  times.forEach((at, to) => {
    while ((times[from] as number) < at - 1000) from++
    highest = Math.max(highest, (to - from + 1) * BYTES)
  })
  return highest
}

describe('Rounds', () => {
  test('undisturbed: one offer a period, and every one is answered', () => {
    const simulation = gossiping(10, {})
    simulation.run(60 * PERIOD)
    for (const { protocol } of simulation.nodes) {
      const { absorbed, missed } = checkExchanges(protocol)
      assert.ok(Math.abs(absorbed - 60) <= 3, `${absorbed} rounds in 60 periods`)
      assert.equal(missed, 0)
    }
  })

  test('every offer sent ends in exactly one absorb or missed, and only its own answer in time counts, under loss, duplicates and overtaking', () => {
    for (let seed = 0; seed < 10; seed++) {
      // Up to 0.8 periods each way: many answers are late, and those of the round before come into the next.
      const simulation = gossiping(10, { seed, loss: 0.2, duplicate: 0.3, latency: uniform(0, 0.8 * PERIOD) })
      simulation.run(100 * PERIOD)
      const sum = { absorbed: 0, missed: 0 }
      for (const { protocol } of simulation.nodes) {
        const { absorbed, missed } = checkExchanges(protocol)
        const { offers = 0, late = 0, ...tally } = protocol.tally.toJSON()
        assert.deepEqual([tally.absorbed, tally.timeout], [absorbed, missed])
        assert.ok(offers - absorbed - missed <= 1, 'all but the last offer have ended')
        assert.ok(late > 0)
        sum.absorbed += absorbed
        sum.missed += missed
      }
      assert.ok(sum.absorbed > 200 && sum.missed > 200, JSON.stringify(sum))
    }
  })

  test('an answer from anybody but the asked partner never counts, even with the right round number', () => {
    const simulation = new Simulation<Message, Gossip>({ seed: 1 })
    const asked = simulation.add({}, (environment) => new Gossip(environment, () => undefined))
    const asker = simulation.add({}, (environment) => new Gossip(environment, () => asked.self))
    const liar = simulation.add({}, (environment) => new Gossip(environment, () => undefined))
    simulation.pause(asked.id)
    const flood = (from: typeof liar, body: number) => {
      const rounds = asker.protocol.log.flatMap((entry) => (entry.kind === 'sent' ? entry.message.round : []))
      for (const round of rounds) asker.protocol.receive(from.self, { kind: 'answer', round, body })
    }
    for (let i = 0; i < 10; i++) {
      simulation.run(PERIOD)
      flood(liar, 666)
    }
    assert.ok(asker.protocol.count('sent') >= 9)
    assert.ok(asker.protocol.tally.get('late') >= 40, 'an open offer among them')
    assert.equal(asker.protocol.count('absorb'), 0)
    // The partner itself can say what it likes, once a round: correlation is no authentication of contents.
    const { offers = 0 } = asker.protocol.tally.toJSON()
    assert.ok(simulation.runUntil(() => asker.protocol.tally.get('offers') > offers, 2 * PERIOD))
    flood(asked, 7)
    assert.deepEqual(
      asker.protocol.log.flatMap((entry) => (entry.kind === 'absorb' ? entry.answer : [])),
      [7],
    )
  })

  test('an answer after the timeout does not count, however the next round is timed', () => {
    const simulation = gossiping(2, { latency: 60 }, { timeout: 100 })
    simulation.run(20 * PERIOD)
    for (const { protocol } of simulation.nodes) {
      assert.equal(protocol.count('absorb'), 0)
      assert.ok(protocol.tally.get('late') >= 18)
    }
  })

  test('a partner that the transport cannot reach is missed at once', () => {
    const simulation = gossiping(2, { notices: true, latency: 10 })
    simulation.crash('n1')
    simulation.run(PERIOD * 1.1)
    const [node] = simulation.nodes
    assert.ok(node !== undefined)
    const [offer, missed] = node.protocol.log
    assert.ok(offer?.kind === 'sent' && missed?.kind === 'missed')
    assert.deepEqual([missed.from, missed.reason, missed.at - offer.at], ['n1', 'unreachable', 10])
    checkExchanges(node.protocol)
  })

  test('that another peer cannot be reached ends no exchange: its partner is waited for, and its answer counts', () => {
    const simulation = gossiping(2, { latency: 10 })
    const [node] = simulation.nodes
    assert.ok(node !== undefined)
    assert.ok(simulation.runUntil(() => node.protocol.tally.get('offers') === 1, 2 * PERIOD, 1))
    node.protocol.unreachable('n7')
    simulation.run(30)
    assert.deepEqual([node.protocol.count('missed'), node.protocol.count('absorb')], [0, 1])
  })

  test('bytes in any second never exceed burst + rate, however many offers come in; without the budget the flood goes through', () => {
    const flooded = (budget: TokenBucket) => {
      const simulation = new Simulation<Message, Gossip>({ seed: 1 })
      const victim: Member = simulation.add(
        {},
        (environment) => new Gossip(environment, () => flooder.self, undefended(budget)),
      )
      const flooder: Member = simulation.add({}, (environment) => flooding(environment, () => victim.self, 5))
      simulation.run(20_000)
      return victim.protocol
    }
    const bounded = flooded(new TokenBucket(1000, 500))
    assert.ok(most(bounded) <= 1500, `${most(bounded)} bytes in a second`)
    assert.ok(most(bounded) >= 1400, 'the budget is used')
    assert.ok(bounded.tally.get('over-budget') > 3000)
    const unbounded = flooded(new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY))
    assert.ok(most(unbounded) > 15_000, `${most(unbounded)} bytes in a second`)
  })

  test('a peer that floods with offers is answered 13 times a period, and the node goes on asking and answering; without a pause it takes all', () => {
    const flooded = (pause?: number) => {
      const simulation = new Simulation<Message, Gossip>({ seed: 1 })
      const options = { budget: new TokenBucket(1500, 500), ...(pause !== undefined && { pause }) }
      const victim: Member = simulation.add({}, (environment) => new Gossip(environment, () => honest.self, options))
      const honest: Member = simulation.add({}, (environment) => new Gossip(environment, () => victim.self))
      const flooder = simulation.add({}, (environment) => flooding(environment, () => victim.self, 2))
      simulation.run(40 * PERIOD)
      const answers = victim.protocol.log.filter((entry) => entry.kind === 'sent' && entry.to === flooder.id).length
      return { victim: victim.protocol, honest: honest.protocol, answers }
    }
    const paced = flooded()
    assert.ok(paced.answers <= 41 * (8 + 5), `${paced.answers} answers in 40 periods`)
    assert.ok(paced.victim.tally.get('too-often') > 18_000)
    assert.ok(paced.victim.count('absorb') >= 38, `${paced.victim.count('absorb')} answers to the node itself`)
    assert.ok(paced.honest.count('absorb') >= 38, `${paced.honest.count('absorb')} answers of the node to another`)
    const open = flooded(0)
    assert.ok(open.answers > 500, `${open.answers} answers`)
    assert.ok(open.honest.count('absorb') < 10, `${open.honest.count('absorb')} answers of the node to another`)
  })

  test('peers that are too many to be paced do not take what the node’s own offers need; without a reserve they do', () => {
    const flooded = (reserve?: number) => {
      const simulation = new Simulation<Message, Gossip>({ seed: 1 })
      const options = { budget: new TokenBucket(1500, 500), ...(reserve !== undefined && { reserve }) }
      const victim: Member = simulation.add({}, (environment) => new Gossip(environment, () => honest.self, options))
      const honest: Member = simulation.add({}, (environment) => new Gossip(environment, () => undefined))
      for (let i = 0; i < 100; i++) simulation.add({}, (environment) => flooding(environment, () => victim.self, 50))
      simulation.run(40 * PERIOD)
      return victim.protocol
    }
    const reserved = flooded()
    assert.ok(reserved.tally.get('answers') > 500, 'the rest is used')
    assert.ok(reserved.count('absorb') >= 38, `${reserved.count('absorb')} of 40 rounds`)
    const bare = flooded(0)
    assert.ok(bare.count('absorb') < 10, `${bare.count('absorb')} of 40 rounds`)
  })

  test('who asks twice in a burst now and then is not refused while few ask', () => {
    const simulation = new Simulation<Message, Gossip>({ seed: 1 })
    const node = simulation.add({}, (environment) => new Gossip(environment, () => undefined))
    const others = [0, 1].map(() => simulation.add({}, (environment) => new Gossip(environment, () => node.self)))
    for (let i = 0; i < 40; i++) {
      const [one] = others as [(typeof others)[number]]
      for (let k = 0; k < 2; k++) one.environment.send(node.self, { kind: 'offer', round: k, body: 1 })
      simulation.run(PERIOD)
    }
    assert.equal(node.protocol.tally.get('too-often'), 0)
    assert.ok(node.protocol.tally.get('answers') > 40 * 3)
  })

  test('two exchanges of one node share its budget', () => {
    const budget = new TokenBucket(150, 100)
    const simulation = new Simulation<Message, Gossip>({ seed: 1 })
    const rounds: Gossip[] = []
    simulation.add({}, (environment) => {
      const self = () => environment.self
      rounds.push(...[0, 1].map(() => new Gossip(environment, self, { budget, period: 200 })))
      for (const each of rounds) each.start()
      return rounds[0] as Gossip
    })
    simulation.run(20_000)
    const sent = rounds.reduce((sum, { log }) => sum + log.filter(({ kind }) => kind === 'sent').length, 0)
    assert.ok(sent <= (20 * 150 + 100) / BYTES, `${sent} messages`)
    assert.ok(rounds.every(({ tally }) => tally.get('over-budget') > 0))
  })

  test('an offer that the budget refuses is neither absorbed nor missed', () => {
    const simulation = gossiping(2, {}, { budget: new TokenBucket(0, 0) })
    simulation.run(10 * PERIOD)
    for (const { protocol } of simulation.nodes) {
      assert.deepEqual(protocol.log, [])
      assert.deepEqual(Object.keys(protocol.tally.toJSON()), ['over-budget'])
    }
  })

  test('start and stop are idempotent; after stop no timer is left and nothing is said or heard', () => {
    const simulation = gossiping(2, {})
    const [one, other] = simulation.nodes
    assert.ok(one !== undefined && other !== undefined)
    one.protocol.start()
    simulation.run(5 * PERIOD)
    const sent = one.protocol.count('sent')
    assert.ok(sent <= 12, 'one timer, not two')
    one.protocol.stop()
    one.protocol.stop()
    assert.equal(one.environment.timers, 0)
    const before = one.protocol.log.length
    simulation.run(5 * PERIOD)
    assert.equal(one.protocol.log.length, before)
    assert.ok(other.protocol.count('missed') >= 4)
    one.protocol.start()
    simulation.run(2 * PERIOD)
    assert.ok(one.protocol.log.length > before)
    simulation.pause(other.id)
    const offers = one.protocol.tally.get('offers')
    assert.ok(simulation.runUntil(() => one.protocol.tally.get('offers') > offers, 2 * PERIOD))
    const entries = one.protocol.log.length
    one.protocol.stop()
    one.protocol.start()
    assert.ok(simulation.runUntil(() => one.protocol.log.length > entries, 1.2 * PERIOD))
    assert.equal(one.protocol.log[entries]?.kind, 'sent', 'an offer that was open at the stop ended with it')
    checkExchanges(other.protocol)
  })

  test('with a timeout of several periods, a partner that does not answer is waited for before the next is asked', () => {
    const simulation = gossiping(2, {}, { timeout: 5 * PERIOD })
    const [one, other] = simulation.nodes
    assert.ok(one !== undefined && other !== undefined)
    simulation.run(3 * PERIOD)
    simulation.pause(other.id)
    simulation.run(2 * PERIOD)
    const offers = one.protocol.tally.get('offers')
    simulation.run(2 * PERIOD)
    assert.equal(one.protocol.tally.get('offers'), offers, 'one exchange on its way, no more')
    simulation.run(4 * PERIOD)
    assert.ok(one.protocol.tally.get('offers') > offers, 'and then the next')
    checkExchanges(one.protocol)
  })

  test('a crowd gets a little each in place of everything for a few: what the budget has no room for is answered in brief', () => {
    const heard = (brief: boolean) => {
      const simulation = new Simulation<RoundMessage<number, number[]>>({ seed: 1 })
      const answers: { at: number; size: number; who: string }[] = []
      const all = Array.from({ length: 20 }, (_, i) => i)
      const add = (id: string, partner: () => PeerDescriptor | undefined) =>
        simulation.add({ id }, (environment) => {
          const exchange: Exchange<number, number[]> = {
            partner,
            offer: () => 0,
            answer: () => all,
            absorb: (_, answer) => answers.push({ at: simulation.now, size: answer.length, who: id }),
            missed: () => undefined,
            ...(brief && { brief: (answer: number[]) => answer.slice(0, 2) }),
          }
          const size = ({ body }: { body: number | number[] }) => (Array.isArray(body) ? 100 * body.length : 1)
          return new Rounds(environment, exchange, { period: PERIOD, size, budget: new TokenBucket(10_000, 10_000) })
        })
      const seed = add('seed', () => undefined)
      for (let i = 0; i < 50; i++) add(`n${i}`, () => seed.self)
      simulation.run(10_000)
      const bytes = answers.reduce((sum, { size }) => sum + 100 * size, 0)
      assert.ok(bytes <= 10_000 + 10 * 10_000, `${bytes} bytes`)
      const first = answers.filter(({ at }) => at < 1500)
      return {
        answered: new Set(first.map(({ who }) => who)).size,
        sizes: [...new Set(answers.map(({ size }) => size))],
      }
    }
    const with_ = heard(true)
    const without = heard(false)
    assert.deepEqual([with_.sizes.sort(), without.sizes], [[2, 20], [20]])
    assert.ok(with_.answered > 2 * without.answered, `${with_.answered} of 50, without ${without.answered}`)
  })
})
