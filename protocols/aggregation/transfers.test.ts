import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import { byHand, peer } from './nodes.fixture.ts'
import { PushPull } from './push-pull.ts'
import { MAX_COMPONENTS, MAX_REMEMBERED, type TransferAnswer, type TransferOffer, Transfers } from './transfers.ts'

const KEYS = [7, 8, 9]

/** Nodes whose messages are in the hands of the test. */
class Hands {
  readonly clock = { time: 0 }
  readonly nodes: { readonly peer: PeerDescriptor; readonly transfers: Transfers; next: number }[] = []
  /** What each component adds up to, by all that was put in. */
  readonly put = new Map<number, number>()
  readonly #messages: (() => void)[] = []

  constructor(count: number, clamp?: (key: number, value: number) => number) {
    for (let i = 0; i < count; i++) {
      const hand = byHand(`n${i}`, this.clock)
      const node = { peer: hand.self, next: 0, transfers: undefined as unknown as Transfers }
      const partner = () => this.nodes[node.next]?.peer
      node.transfers = new Transfers(hand, { partner, options: { patience: 1e9 }, ...(clamp && { clamp }) })
      this.nodes.push(node)
    }
  }

  add(node: number, key: number, amount: number): void {
    this.nodes[node]?.transfers.add(key, amount)
    this.put.set(key, (this.put.get(key) ?? 0) + amount)
  }

  /** A round of node `from`: a new transfer with `to`, unless one is open. */
  round(from: number, to: number): void {
    const initiator = this.nodes[from]
    if (initiator === undefined || from === to) return
    initiator.next = to
    const partner = initiator.transfers.partner()
    const at = this.nodes.findIndex((node) => node.peer.id === partner?.id)
    if (partner === undefined || at < 0) return
    const offer = initiator.transfers.offer(partner)
    this.#messages.push(() => {
      const answer = this.nodes[at]?.transfers.answer(initiator.peer, offer)
      if (answer !== undefined) this.#messages.push(() => initiator.transfers.absorb(partner, answer))
    })
  }

  /** Some message arrives; `keep`: and will arrive again. */
  deliver(which: number, keep: boolean): void {
    if (this.#messages.length === 0) return
    const at = which % this.#messages.length
    const message = this.#messages[at]
    if (!keep) this.#messages.splice(at, 1)
    message?.()
  }

  lose(which: number): void {
    if (this.#messages.length > 0) this.#messages.splice(which % this.#messages.length, 1)
  }

  /** Of a component: what all have, and what was taken from one and not yet given to the other. */
  mass(key: number): number {
    let sum = 0
    for (const { peer: initiator, transfers } of this.nodes) {
      sum += transfers.value(key)
      for (const partner of this.nodes) {
        const answer = partner.transfers.answered(initiator.id)
        const place = transfers.keys.indexOf(key)
        if (answer !== undefined && answer.id === transfers.open) sum += answer.deltas[place] ?? 0
      }
    }
    return sum
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('round' as const), a: fc.nat(4), b: fc.nat(4) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver' as const), a: fc.nat(50), b: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), a: fc.nat(50), b: fc.nat(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const), a: fc.nat(4), b: fc.nat(2) }) },
)

function act(
  hands: Hands,
  { do: what, a, b }: { do: 'round' | 'deliver' | 'lose' | 'add'; a: number; b: number },
): void {
  if (what === 'round') hands.round(a, b)
  else if (what === 'deliver') hands.deliver(a, b === 0)
  else if (what === 'lose') hands.lose(a)
  else hands.add(a, KEYS[b] as number, a + 1)
}

describe('exactly-once transfers', () => {
  const within = (_: number, value: number) => Math.min(3, Math.max(0, value))
  const clamps = fc.constantFrom(undefined, within)

  test('whatever is lost, late, doubled, out of order or out of range: nothing appears and nothing disappears, at any step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), clamps, (steps, clamp) => {
        const hands = new Hands(5, clamp)
        for (let i = 0; i < 5; i++) hands.add(i, KEYS[i % 3] as number, 10 ** i)
        for (const one of steps) {
          act(hands, one)
          for (const key of KEYS) {
            const expected = hands.put.get(key) ?? 0
            assert.ok(
              Math.abs(hands.mass(key) - expected) <= 1e-9 * (1 + expected),
              `${key}: ${hands.mass(key)} not ${expected}`,
            )
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('estimates of honest nodes that are out of range, of answers that were long under way, change no sum', () => {
    const hands = new Hands(2, (_, value) => Math.min(1, Math.max(0, value)))
    const [a, b] = hands.nodes.map(({ transfers }) => transfers)
    assert.ok(a !== undefined && b !== undefined)
    hands.add(0, 7, 1)
    const answer = b.answer(peer('n0'), a.offer(peer('n1'))) as TransferAnswer
    for (const id of [1, 2]) a.answer(peer('meanwhile'), { id, keys: [7], values: [0] })
    a.absorb(peer('n1'), answer)
    assert.equal(a.value(7), -0.25)
    const before = a.value(7) + b.value(7)
    b.absorb(peer('n0'), a.answer(peer('n1'), b.offer(peer('n0'))) as TransferAnswer)
    assert.equal(a.value(7) + b.value(7), before)
    assert.equal(b.tally.get('out-of-range'), 0)
  })

  test('once messages get through again, everybody comes to the exact average of what was put in', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const hands = new Hands(5)
        for (let i = 0; i < 5; i++) hands.add(i, KEYS[0] as number, 10 ** i)
        for (const one of steps) act(hands, one)
        for (let cycle = 0; cycle < 400; cycle++) {
          hands.round(cycle % 5, (cycle * 7 + (cycle >> 3)) % 5)
          for (let i = 0; i < 3; i++) hands.deliver(0, false)
        }
        const mean = (hands.put.get(KEYS[0] as number) as number) / 5
        for (const { transfers } of hands.nodes) {
          assert.ok(Math.abs(transfers.value(KEYS[0] as number) / mean - 1) < 1e-9)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('the control: push-pull whose answer is lost no longer has what it had', () => {
    const [a, b] = [new PushPull(0, () => undefined), new PushPull(8, () => undefined)]
    b.answer(peer('a'), a.offer())
    assert.equal(a.value + b.value, 4)
  })

  function pair() {
    const clock = { time: 0 }
    let doubts = 0
    const make = (id: string, to: string) =>
      new Transfers(byHand(id, clock), { partner: () => peer(to), doubt: () => doubts++ })
    const [a, b] = [make('a', 'b'), make('b', 'a')]
    a.add(1, 10)
    return { clock, a, b, doubts: () => doubts }
  }

  test('an unanswered offer is repeated with its id to the same partner, and changes the partner once', () => {
    const { a, b } = pair()
    const first = a.offer(a.partner() as PeerDescriptor)
    b.answer(peer('a'), first)
    const again = a.offer(a.partner() as PeerDescriptor)
    assert.equal(again.id, first.id)
    const answer = b.answer(peer('a'), again) as TransferAnswer
    a.absorb(peer('b'), answer)
    a.absorb(peer('b'), answer)
    assert.deepEqual([a.value(1), b.value(1)], [5, 5])
  })

  test('an answer with more components than were offered is none: it changes nothing, and the node goes on', () => {
    const { a } = pair()
    const { id } = a.offer(a.partner() as PeerDescriptor)
    a.absorb(peer('b'), { id, deltas: [1, 2] })
    assert.deepEqual([a.value(1), a.open, a.tally.toJSON()], [10, undefined, { 'wrong-answer': 1 }])
  })

  test('a partner that is gone leaves one transfer in doubt, told once, and the node goes on', () => {
    const { a, clock, doubts } = pair()
    const { id } = a.offer(a.partner() as PeerDescriptor)
    clock.time = 14_999
    a.partner()
    assert.deepEqual([a.open, doubts()], [id, 0])
    clock.time = 15_000
    const { id: next } = a.offer(a.partner() as PeerDescriptor)
    assert.deepEqual([next > id, doubts()], [true, 1])
    a.giveUp('somebody else')
    assert.equal(doubts(), 1)
    a.giveUp('b')
    assert.deepEqual([a.open, doubts()], [undefined, 2])
  })

  test('transfers of 1024 initiators are remembered; another is refused until the oldest cannot be repeated any more', () => {
    const { b, clock } = pair()
    const offer: TransferOffer = { id: 1, keys: [1], values: [0] }
    for (let i = 0; i < MAX_REMEMBERED; i++) assert.ok(b.answer(peer(`i${i}`), offer))
    assert.equal(b.answer(peer('late'), offer), undefined)
    assert.ok(b.answer(peer('i0'), { ...offer, id: 2 }), 'a known one is still served')
    clock.time = 60_000
    assert.ok(b.answer(peer('late'), offer))
    assert.equal(b.answered('i1'), undefined, 'the one heard of longest ago is forgotten')
    assert.ok(b.answered('i0'))
  })

  test('hostile numbers: never NaN, never infinite, never more than 256 components', () => {
    const nasty = fc.oneof(fc.double(), fc.constantFrom(Infinity, -Infinity, NaN, 1.7e308, -1.7e308))
    const numbers = fc.array(nasty, { maxLength: 300 })
    fc.assert(
      fc.property(fc.array(fc.record({ id: fc.nat(5), numbers, start: fc.nat(1000) }), { maxLength: 20 }), (all) => {
        const { a, b } = pair()
        for (const { id, numbers: values, start } of all) {
          b.answer(peer('liar'), { id, keys: values.map((_, i) => start + i), values })
          const { id: open } = a.offer(a.partner() as PeerDescriptor)
          a.absorb(peer('b'), { id: open, deltas: values })
        }
        for (const node of [a, b]) {
          assert.ok(node.keys.length <= MAX_COMPONENTS)
          assert.ok(node.values.every(Number.isFinite))
        }
      }),
    )
  })

  test('with a clamp a liar moves a node no further than the clamp; without one, as far as it likes', () => {
    const lie: TransferOffer = { id: 1, keys: [1], values: [1e9] }
    const clamped = new Transfers(byHand('c', { time: 0 }), {
      partner: () => undefined,
      clamp: (_, v) => Math.min(2, v),
    })
    const free = new Transfers(byHand('d', { time: 0 }), { partner: () => undefined })
    for (const node of [clamped, free]) node.answer(peer('liar'), lie)
    assert.deepEqual([clamped.value(1), free.value(1)], [1, 5e8])
  })

  test('nor does a liar that answers move it further than the clamp, up or down; without one, as far as it likes', () => {
    for (const [delta, most] of [
      [1e9, 2],
      [-1e9, -2],
      [Number.MAX_VALUE, 2],
    ] as const) {
      const clamp = (_: number, value: number) => Math.min(2, Math.max(-2, value))
      const init = { partner: () => peer('liar') }
      const clamped = new Transfers(byHand('c', { time: 0 }), { ...init, clamp })
      const free = new Transfers(byHand('d', { time: 0 }), init)
      for (const node of [clamped, free]) {
        node.add(1, 1)
        for (let turn = 0; turn < 20; turn++) {
          const { id } = node.offer(node.partner() as PeerDescriptor)
          node.absorb(peer('liar'), { id, deltas: [delta / 20] })
        }
      }
      assert.ok(Math.abs(clamped.value(1)) <= Math.abs(most), `${clamped.value(1)}`)
      assert.equal(clamped.tally.get('out-of-range'), 20)
      assert.ok(Math.abs(free.value(1)) > 1e8, `${free.value(1)}`)
    }
  })

  test('an honest answer is believed to the last bit, whichever of the repeated offers it is to, also at the ends of the clamp', () => {
    const end = fc.constantFrom(-2, -1.9, -0.3, 0, 0.1, 1.7, 2)
    fc.assert(
      fc.property(end, end, end, fc.boolean(), (first, later, theirs, repeated) => {
        const clamp = (_: number, value: number) => Math.min(2, Math.max(-2, value))
        const [a, b] = ['a', 'b'].map(
          (id) => new Transfers(byHand(id, { time: 0 }), { partner: () => peer('b'), clamp }),
        )
        assert.ok(a !== undefined && b !== undefined)
        a.add(1, first)
        b.add(1, theirs)
        const offers = [a.offer(peer('b'))]
        a.add(1, later - first)
        offers.push(a.offer(peer('b')))
        const answer = b.answer(peer('a'), offers[repeated ? 1 : 0] as TransferOffer) as TransferAnswer
        const before = a.value(1)
        a.absorb(peer('b'), answer)
        assert.equal(a.value(1), before + (answer.deltas[0] as number))
        assert.equal(a.tally.get('out-of-range'), 0)
        assert.ok(Math.abs(a.value(1) + b.value(1) - later - theirs) < 1e-12)
      }),
    )
  })
})
