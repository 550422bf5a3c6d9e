import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { positionOf } from '../../../core/position.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { Counts } from '../counts.ts'
import { DEFAULTS } from '../options.ts'
import { compose, type Publication } from '../publication.ts'
import { numbersOf } from '../runs.ts'
import { Store } from '../store.ts'
import { Announcing, type AnnouncingLimits } from './announcing.ts'
import { type BimodalMessage, bimodalCodec } from './codec.ts'

const PUBLISHER = 'publisher'

function publication(sequence: number): Publication {
  const payload = new Uint8Array(10)
  return compose({ publisher: PUBLISHER, sequence, previous: sequence - 1, published: 0, topic: 't', payload })
}

function have(sequence: number, publisher = positionOf(PUBLISHER)): BimodalMessage {
  return { kind: 'have', holdings: [{ publisher, settled: 0, runs: [{ first: sequence, last: sequence }] }] }
}

/** A node that announces and asks, and has no tree and no digests. */
class Node implements Protocol<BimodalMessage> {
  readonly got = new Set<number>()
  readonly wanted: number[] = []
  readonly supplied: number[] = []
  readonly counts = new Counts()
  readonly announcing: Announcing
  readonly #environment: Environment<BimodalMessage>
  readonly #serves: boolean

  constructor(
    environment: Environment<BimodalMessage>,
    {
      limits,
      serves = true,
    }: { readonly limits?: Partial<AnnouncingLimits> | undefined; readonly serves?: boolean } = {},
  ) {
    this.#environment = environment
    this.#serves = serves
    const init = {
      partners: () => [],
      budget: new TokenBucket(2 ** 20, 2 ** 20),
      store: new Store({ ...DEFAULTS }, () => {}),
      counts: this.counts,
      options: DEFAULTS,
    }
    const supplies = {
      lacks: ({ sequence }: { readonly sequence: number }) => !this.got.has(sequence),
      asked: () => {},
      supply: (_: PeerDescriptor, holdings: readonly { readonly runs: Parameters<typeof numbersOf>[0] }[]) => {
        for (const { runs } of holdings) this.supplied.push(...numbersOf(runs, 0))
      },
    }
    this.announcing = new Announcing(environment, init, supplies, limits)
    this.announcing.trouble()
  }

  start(): void {}
  stop(): void {
    this.announcing.stop()
  }

  receive(from: PeerDescriptor, message: BimodalMessage): void {
    if (message.kind === 'have') this.announcing.receiveHave(from, message.holdings)
    if (message.kind === 'data') {
      this.got.add(message.publication.sequence)
      this.announcing.took(message.publication, false)
    }
    if (message.kind !== 'want') return
    const sequences = message.holdings.flatMap(({ runs }) => [...numbersOf(runs, 0)])
    this.wanted.push(...sequences)
    this.announcing.receiveWant(from, message.holdings)
    if (!this.#serves) return
    for (const sequence of sequences)
      this.#environment.send(from, { kind: 'data', publication: publication(sequence), until: undefined })
  }
}

function network(limits?: Partial<AnnouncingLimits>) {
  const simulation = new Simulation<BimodalMessage, Node>({ seed: 1, latency: 10, codec: bimodalCodec })
  const victim = simulation.add({}, (environment) => new Node(environment, { limits }))
  const liar = simulation.add({}, (environment) => new Node(environment, { serves: false }))
  const honest = simulation.add({}, (environment) => new Node(environment))
  return { simulation, victim, liar, honest }
}

test('who tells first and never sends is asked last after four such ids; without that rule it is asked first for each', () => {
  const askedOfLiar = (limits?: Partial<AnnouncingLimits>) => {
    const { simulation, victim, liar, honest } = network(limits)
    for (let sequence = 1; sequence <= 40; sequence++) {
      liar.environment.send(victim.self, have(sequence))
      simulation.run(5)
      honest.environment.send(victim.self, have(sequence))
      simulation.run(1000)
    }
    assert.equal(victim.protocol.got.size, 40)
    return liar.protocol.wanted.length
  }
  assert.equal(askedOfLiar(), 4)
  assert.equal(askedOfLiar({ strikes: Number.POSITIVE_INFINITY }), 40)
})

test('of one peer at most 256 made-up ids are waited for, and 100 a second heard; without limits all of them', () => {
  const waiting = (limits?: Partial<AnnouncingLimits>) => {
    const { simulation, victim, liar } = network(limits)
    for (let i = 0; i < 3000; i++) {
      liar.environment.send(victim.self, have(i + 1, i))
      simulation.run(1)
    }
    const { announced = 0 } = victim.protocol.announcing.sizes
    const refused = victim.protocol.counts.refused.toJSON()
    return { announced, rate: refused['have-rate'] ?? 0, share: refused['have-share'] ?? 0 }
  }
  const limited = waiting()
  assert.ok(limited.announced <= 256 && limited.rate > 2000, JSON.stringify(limited))
  const fast = waiting({ rate: 10_000, burst: 10_000 })
  assert.ok(fast.announced <= 256 && fast.share > 2000, JSON.stringify(fast))
  const free = waiting({ rate: 10_000, burst: 10_000, perPeer: 10_000 })
  assert.ok(free.announced > 2000, JSON.stringify(free))
})

test('wants: only of what that peer was told of, in time, and so many a second; without the limit all that it asks', () => {
  const supplied = (limits?: Partial<AnnouncingLimits>) => {
    const { simulation, victim, liar } = network(limits)
    const { announcing, counts } = victim.protocol
    const want = (sequence: number) =>
      announcing.receiveWant(liar.self, [
        { publisher: positionOf(PUBLISHER), settled: 0, runs: [{ first: sequence, last: sequence }] },
      ])
    want(1)
    assert.deepEqual([victim.protocol.supplied.length, counts.refused.toJSON()['unasked-want']], [0, 1])
    announcing.said(liar.self, publication(2000))
    want(2001)
    assert.equal(victim.protocol.supplied.length, 0, 'it was told of no later one')
    for (let i = 1; i <= 1000; i++) {
      want(i)
      simulation.run(1)
    }
    const served = victim.protocol.supplied.length
    simulation.run(5000)
    want(2000)
    assert.equal(victim.protocol.supplied.length, served, 'that was five seconds ago')
    return served
  }
  assert.ok(supplied() <= 300)
  assert.equal(supplied({ rate: 10_000, burst: 10_000 }), 1000)
})

test('one that is never sent is asked for eight times, then left to digests', () => {
  const { simulation, victim, liar } = network()
  liar.environment.send(victim.self, have(1))
  simulation.run(60_000)
  assert.equal(liar.protocol.wanted.length, 8)
  assert.equal(victim.protocol.announcing.sizes.announced, 0)
})

test('after stop nothing is asked for or told, and no timer is left', () => {
  const { simulation, victim, liar } = network()
  liar.environment.send(victim.self, have(1))
  simulation.run(20)
  victim.protocol.announcing.took(publication(2), true)
  assert.equal(victim.environment.timers, 2)
  victim.protocol.stop()
  assert.equal(victim.environment.timers, 0)
  const { messages } = victim.sent
  simulation.run(5000)
  assert.deepEqual([victim.sent.messages, liar.protocol.wanted], [messages, []])
})
