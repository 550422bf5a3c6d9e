import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { CLOCK_WINDOW, describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { MAX_VALUES, Slices, type SlicesOptions } from './slices.ts'
import { type SignedValue, signValue } from './value.ts'

const PERIOD = 1000

function peer(id: string): PeerDescriptor {
  return describe({ id, addresses: [], sequence: 1, issued: 0 })
}

interface Node {
  readonly self: PeerDescriptor
  readonly slices: Slices
  value: number | undefined
}

/** Nodes with these values that exchange in synchronous cycles with random others. */
class Network {
  now = 1_000_000
  readonly random = new Random(1)
  readonly nodes: Node[] = []
  readonly dead = new Set<string>()
  /** What a node answers instead of the truth. */
  lies: (node: Node, to: Node) => readonly SignedValue[] | undefined = () => undefined
  readonly #options: Partial<SlicesOptions>

  constructor(values: readonly (number | undefined)[], options: Partial<SlicesOptions> = {}) {
    this.#options = options
    for (const value of values) this.add(value)
  }

  add(value: number | undefined): Node {
    const self = peer(`n${this.nodes.length}`)
    const node: Node = {
      self,
      value,
      slices: new Slices(
        { self, random: this.random.fork(self.id), now: () => this.now },
        { attribute: 'load', value: () => node.value, sample: () => this.others(node), options: this.#options },
      ),
    }
    this.nodes.push(node)
    return node
  }

  others(node: Node): PeerDescriptor[] {
    const other = this.nodes[this.random.integer(this.nodes.length)]
    return other === undefined || other === node ? [] : [other.self]
  }

  cycles(count: number): void {
    for (let i = 0; i < count; i++) {
      this.now += PERIOD
      for (const node of this.nodes) {
        if (this.dead.has(node.self.id)) continue
        const partner = node.slices.partner()
        if (partner === undefined || this.dead.has(partner.id)) continue
        const other = this.nodes[Number(partner.id.slice(1))] as Node
        const truth = other.slices.answer(node.self, node.slices.offer(partner))
        const answer = this.lies(other, node) ?? truth
        if (answer !== undefined) node.slices.absorb(partner, answer)
      }
    }
  }

  /** Where every node that lives really stands. */
  ranks(): Map<string, number> {
    const live = this.nodes.filter(({ self, value }) => value !== undefined && !this.dead.has(self.id))
    live.sort((a, b) => (a.value as number) - (b.value as number) || (a.self.id < b.self.id ? -1 : 1))
    return new Map(live.map(({ self }, i) => [self.id, (i + 0.5) / live.length]))
  }

  /** Root of the mean square of (estimated - true rank). */
  error(of = (node: Node) => !this.dead.has(node.self.id)): number {
    const ranks = this.ranks()
    const errors = this.nodes.filter(of).flatMap(({ self, slices }) => {
      const rank = ranks.get(self.id)
      const estimate = slices.estimate()
      return rank === undefined || estimate === undefined ? [] : [(estimate.rank - rank) ** 2]
    })
    return Math.sqrt(errors.reduce((sum, one) => sum + one, 0) / errors.length)
  }
}

const spread = (count: number) => Array.from({ length: count }, (_, i) => ((i * 7919) % count) / count)

/** Tells a node one value as if by a partner. */
function tell(slices: Slices, id: string, value: number, { now = 0, from = id, attribute = 'load' } = {}): void {
  slices.absorb(peer(from), [signValue({ id, attribute, value, issued: now })])
}

function lone(options: Partial<SlicesOptions> = {}, value = 10) {
  const clock = { now: 1_000_000, value }
  const slices = new Slices(
    { self: peer('m'), random: new Random(1), now: () => clock.now },
    { attribute: 'load', value: () => clock.value, sample: () => [], options },
  )
  return { slices, clock }
}

suite('slices', () => {
  test('who has seen everybody knows its place exactly: any values, equal ones by id', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 30 }), (values) => {
        const network = new Network(values)
        const ranks = network.ranks()
        for (const { self, slices } of network.nodes) {
          for (const other of network.nodes) tell(slices, other.self.id, other.value as number, { now: network.now })
          const estimate = slices.estimate()
          assert.equal(estimate?.values, values.length - 1)
          assert.ok(Math.abs((estimate?.rank ?? -1) - (ranks.get(self.id) as number)) < 1e-9)
        }
        // So k slices of N = m k nodes have m members each, whatever the values.
        const count = [5, 3, 2, 1].find((k) => values.length % k === 0) as number
        const members = network.nodes.map(({ slices }) => slices.slice(count)?.slice)
        for (let k = 0; k < count; k++) {
          assert.equal(members.filter((slice) => slice === k).length, values.length / count)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('by gossip the error falls as one over the root of the values seen, and the standard error says so', () => {
    const network = new Network(spread(400))
    const at: number[] = []
    for (const cycles of [6, 14]) {
      network.cycles(cycles)
      at.push(network.error())
    }
    assert.ok((at[0] as number) < 0.1, `after 6 cycles ${at[0]}`)
    assert.ok((at[1] as number) < 0.5 * (at[0] as number), `${at}`)
    const ranks = network.ranks()
    const within = network.nodes.filter(({ self, slices }) => {
      const estimate = slices.estimate()
      return estimate && Math.abs(estimate.rank - (ranks.get(self.id) as number)) <= 2 * estimate.error
    })
    assert.ok(within.length >= 0.95 * 400, `${within.length} of 400 within two standard errors`)
  })

  test('certain slices are right: at most one in twenty that say so are wrong', () => {
    const network = new Network(spread(300))
    network.cycles(20)
    const ranks = network.ranks()
    let certain = 0
    let wrong = 0
    let top = 0
    for (const { self, slices } of network.nodes) {
      const rank = ranks.get(self.id) as number
      const slice = slices.slice(4)
      if (slice?.certain) certain++
      if (slice?.certain && slice.slice !== Math.floor(rank * 4)) wrong++
      const inside = slices.top(0.1)
      if (inside?.certain && inside.inside !== rank >= 0.9) wrong++
      if (inside?.inside) top++
    }
    assert.ok(certain > 50, `${certain} certain`)
    assert.ok(wrong <= 0.05 * certain, `${wrong} of ${certain} wrong`)
    assert.ok(Math.abs(top - 30) <= 9, `${top} of 300 in the top 10 %`)
  })

  test('a peer counts once, with its newest value, and this node never', () => {
    const { slices, clock } = lone()
    const { now } = clock
    for (let i = 0; i < 5; i++) tell(slices, 'a', 1, { now: now + i })
    tell(slices, 'b', 1, { now })
    tell(slices, 'b', 99, { now: now + 5 })
    tell(slices, 'b', 1, { now: now + 2 }) // comes late
    tell(slices, 'm', 1, { now }) // its own name
    assert.deepEqual(slices.estimate(), { rank: 0.5, error: Math.sqrt(0.25 / 3), values: 2 })
  })

  test('what does not count: expired, of another attribute, from the future; what is told of the dead is forgotten', () => {
    const { slices, clock } = lone({ expiry: 60_000 })
    const { now } = clock
    tell(slices, 'old', 1, { now: now - 60_000 })
    tell(slices, 'other', 1, { now, attribute: 'uptime' })
    tell(slices, 'ahead', 1, { now: now + CLOCK_WINDOW + 1 })
    assert.equal(slices.estimate()?.values, 0)
    assert.deepEqual(slices.tally.toJSON(), { expired: 1, 'from-the-future': 1, 'other-attribute': 1 })
    tell(slices, 'a', 1, { now })
    tell(slices, 'b', 1, { now: now + 1 })
    clock.now += 60_000
    assert.equal(slices.estimate()?.values, 1)
    slices.remove('b')
    assert.equal(slices.estimate()?.values, 0)
  })

  test('memory, and what is sent, are bounded whatever partners say', () => {
    const { slices, clock } = lone({ memory: 50 })
    for (let i = 0; i < 40; i++) {
      const values = Array.from({ length: 100 }, (_, k) =>
        signValue({ id: `x${i}y${k}`, attribute: 'load', value: 1, issued: clock.now }),
      )
      slices.absorb(peer(`x${i}y0`), values)
      assert.ok((slices.estimate()?.values ?? 0) <= 50)
    }
    assert.ok((slices.answer(peer('asker'), null)?.length ?? 0) <= MAX_VALUES)
    assert.equal(slices.answer(peer('asker'), null), undefined) // asks again at once
    assert.equal(slices.tally.get('asked-too-often'), 1)
  })

  test('of one answer so many values count as an honest one can have, whatever a partner sends', () => {
    const { slices, clock } = lone()
    const values = Array.from({ length: 100 }, (_, k) =>
      signValue({ id: `y${k}`, attribute: 'load', value: 1, issued: clock.now }),
    )
    slices.absorb(peer('y0'), values)
    assert.equal(slices.estimate()?.values, MAX_VALUES)
  })

  test('a value that grows for everybody is compared as of now: an uptime heard a minute ago is a minute longer', () => {
    const uptimes = Array.from({ length: 40 }, (_, i) => i * 10)
    const error = (growth: number) => {
      const network = new Network(uptimes, { growth })
      for (let i = 0; i < 60; i++) {
        network.cycles(1)
        for (const node of network.nodes) (node.value as number) += 1
      }
      return network.error()
    }
    assert.ok(error(1) < 1e-9, 'all are seen, and the order never changes')
    assert.ok(error(0) > 0.01, 'without it, everybody seems younger than this node')
  })

  test('a node without a value has no rank, passes values on, and is ranked as soon as it has one', () => {
    const network = new Network([undefined, ...spread(30)])
    const [blank] = network.nodes as [Node]
    network.cycles(10)
    assert.equal(blank.slices.estimate(), undefined)
    assert.equal(blank.slices.slice(4), undefined)
    assert.equal(blank.slices.top(0.5), undefined)
    assert.ok((blank.slices.answer(peer('x'), null)?.length ?? 0) > 0)
    blank.value = 2
    assert.equal(blank.slices.slice(4)?.slice, 3)
  })

  test('the dead leave the estimates when their values expire: half of all, the lower half', () => {
    const network = new Network(spread(200), { expiry: 15 * PERIOD })
    network.cycles(20)
    for (const { self, value } of network.nodes) if ((value as number) < 0.5) network.dead.add(self.id)
    assert.ok(network.error() > 0.2, 'all that live seem to be in the upper half')
    network.cycles(20)
    assert.ok(network.error() < 0.08, `${network.error()}`)
    const later = network.nodes.filter(({ self }) => !network.dead.has(self.id))
    for (const { slices } of later) assert.ok((slices.estimate()?.values ?? 0) <= 100, 'only the living')
  })

  test('a tenth of liars, who have the highest value and tell of the highest alone, shift ranks by less than a fifth', () => {
    const COUNT = 600
    const network = new Network(spread(COUNT), { expiry: 12 * PERIOD })
    const liars = new Set(network.nodes.slice(0, COUNT / 10))
    for (const liar of liars) liar.value = 10
    const highest = network.nodes.filter(({ value }) => (value as number) > 0.8)
    const lie = () =>
      network.random
        .sample(highest, MAX_VALUES)
        .map(({ self, value }) =>
          signValue({ id: self.id, attribute: 'load', value: value as number, issued: network.now }),
        )
    network.lies = (node) => (liars.has(node) ? lie() : undefined)
    const honest = (node: Node) => !liars.has(node)
    network.cycles(25)
    assert.ok(network.error(honest) < 0.2, `${network.error(honest)}`)
    // The same, where what liars push would be believed: each liar to ten others a cycle.
    for (let i = 0; i < 12; i++) {
      network.cycles(1)
      for (const { self } of liars) {
        for (const victim of network.random.sample(network.nodes, 10)) victim.slices.absorb(self, lie())
      }
    }
    assert.ok(network.error(honest) > 0.25, `undefended: ${network.error(honest)}`)
  })

  test('one liar among a hundred that tells of ever new keys shifts no rank by more than its 16 values; without that bound by a third', () => {
    const course = (options: Partial<SlicesOptions>) => {
      const network = new Network(spread(100), options)
      const [liar] = network.nodes as [Node]
      let made = 0
      network.lies = (node) => {
        if (node !== liar) return undefined
        const ids = [liar.self.id, ...Array.from({ length: MAX_VALUES - 1 }, () => `made up ${made++}`)]
        return ids.map((id) => signValue({ id, attribute: 'load', value: 1e9, issued: network.now + 100_000 }))
      }
      network.cycles(500)
      const ranks = network.ranks()
      return network.nodes.slice(1).map(({ self, slices }) => {
        return Math.abs((slices.estimate()?.rank ?? 0) - (ranks.get(self.id) as number))
      })
    }
    const [most, undefended] = [course({}), course({ places: Number.POSITIVE_INFINITY })].map((off) => Math.max(...off))
    assert.ok((most as number) < 16 / 116 + 0.02, `${most}`)
    assert.ok((undefended as number) > 0.33, `${undefended} undefended`)
  })

  test('of one partner 15 values of others are remembered, its last; whom another told of first, or spoke itself, it cannot push out', () => {
    const { slices, clock } = lone()
    const { now } = clock
    const below = (name: string) => {
      const before = slices.estimate()?.values as number
      slices.remove(name)
      return before - (slices.estimate()?.values as number) === 1
    }
    tell(slices, 'honest', 1, { now, from: 'another' })
    tell(slices, 'spoken', 1, { now, from: 'liar' })
    tell(slices, 'spoken', 1, { now: now + 1 })
    tell(slices, 'honest', 1, { now: now + 1, from: 'liar' })
    for (let i = 0; i < 40; i++) tell(slices, `made${i}`, 1e9, { now, from: 'liar' })
    assert.equal(slices.estimate()?.values, 2 + MAX_VALUES - 1)
    assert.equal(slices.tally.get('told-too-many'), 25)
    assert.deepEqual(['honest', 'spoken', 'made24', 'made25', 'made39'].map(below), [true, true, false, true, true])
    for (let i = 0; i < 2; i++) tell(slices, `more${i}`, 1e9, { now, from: 'liar' }) // in the places of those that were removed
    assert.equal(slices.tally.get('told-too-many'), 25)
  })

  test('what one heard from others it does not pass on: a name that only liars tell goes no further than they do', () => {
    const { slices, clock } = lone()
    tell(slices, 'first', 1, { now: clock.now })
    tell(slices, 'second', 1, { now: clock.now, from: 'first' })
    const passed = slices.answer(peer('asker'), null)?.map(({ id }) => id)
    assert.deepEqual(passed, ['m', 'first'])
    tell(slices, 'second', 1, { now: clock.now }) // now it says so itself
    clock.now += PERIOD
    assert.deepEqual(
      slices
        .answer(peer('asker'), null)
        ?.map(({ id }) => id)
        .sort(),
      ['first', 'm', 'second'],
    )
  })

  test('its own value is signed anew when it changed or grows old, not with every answer', () => {
    let signed = 0
    const clock = { now: 1_000_000, value: 1 }
    const slices = new Slices(
      { self: peer('m'), random: new Random(1), now: () => clock.now },
      {
        attribute: 'load',
        value: () => clock.value,
        sample: () => [],
        sign: () => new Uint8Array([++signed]),
        options: { expiry: 80_000 },
      },
    )
    const told = () => slices.answer(peer(`p${clock.now}`), null)?.[0]
    for (let i = 0; i < 10; i++) {
      clock.now += 1000
      told()
    }
    assert.equal(signed, 1)
    clock.now += 1000
    clock.value = 5
    assert.deepEqual([told()?.value, signed], [5, 2])
    clock.now += 10_000
    told()
    assert.equal(signed, 3)
  })

  test('options out of range, and slices that are none, are refused', () => {
    for (const options of [{ expiry: 0 }, { memory: 0 }, { growth: Number.NaN }, { places: 0 }])
      assert.throws(() => lone(options), RangeError)
    const { slices } = lone()
    for (const count of [0, -1, 1.5, Number.NaN]) assert.throws(() => slices.slice(count), RangeError)
    for (const share of [-0.1, 1.1, Number.NaN]) assert.throws(() => slices.top(share), RangeError)
  })
})
