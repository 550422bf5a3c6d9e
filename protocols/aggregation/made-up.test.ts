import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describe as describePeer } from '../../core/descriptor.ts'
import { sides } from '../../overlays/tman/ring.ts'
import { byHand, peer } from './nodes.fixture.ts'
import type { Sample } from './sample.ts'
import { Samples } from './samples.ts'
import { sampleOf } from './samples-codec.ts'
import { ringAround } from './size/ring.ts'

// Keys cost nothing: one liar signs samples with hundreds that are no nodes.

const KEY = 7
const RANGES = new Map([[KEY, [0, 1] as const]])
const NOW = 1_000_000
const NODES = 100
const PARTNERS = 32
const TRUTH = 0.3

/** Of the honest: spread about the truth. */
const valueAt = (node: number) => TRUTH + ((node % 11) - 5) / 50
const sampled = (id: string, value: number) => sampleOf(id, NOW, new Map([[KEY, value]]))

/**
 * A network of NODES that exchange by hand, the first of which is the liar, and what comes of it at the honest ones. The liar is one of
 * everybody's partners, and everybody else's samples go everywhere, as do those it makes up.
 */
function network({ keys, ring, says = 1 }: { keys: number; ring: boolean; says?: number }): readonly Samples[] {
  const peers = Array.from({ length: NODES }, (_, i) =>
    describePeer({ id: `node${i}`, addresses: [], sequence: 1, issued: 0 }),
  )
  const all = peers.map((self, i) => {
    const around = { ...byHand(`seed${'x'.repeat(i)}`, { time: NOW }), self }
    return new Samples(around, {
      partner: () => undefined,
      own: () => sampled(self.id, i === 0 ? says : valueAt(i)),
      ranges: RANGES,
      ...(ring && { ring: () => ringAround(self, sides(self, peers)) }),
    })
  })
  const { random } = byHand('chance', { time: NOW })
  const partners = all.map((_, i) => [0, ...random.sample([...all.keys()].slice(1), PARTNERS)].filter((p) => p !== i))
  let turn = 0
  const madeUp = () => Array.from({ length: 15 }, () => sampled(`made up ${turn++ % keys}`.replaceAll(' ', ''), says))
  for (let round = 0; round < 40; round++) {
    for (let i = 1; i < NODES; i++) {
      const node = all[i] as Samples
      node.partner()
      const with_ = random.pick(partners[i] as number[]) as number
      const partner = all[with_] as Samples
      if (with_ === 0) partner.partner()
      const self = peers[i] as (typeof peers)[number]
      const found = partner.answer(self, node.offer())
      const lies: readonly Sample[] = keys === 0 ? [] : madeUp()
      const answer =
        with_ === 0 && keys > 0
          ? {
              samples: [sampled('node0', says), ...lies],
              estimates: new Map([...found.estimates].map(([key]) => [key, says])),
            }
          : found
      node.absorb(peers[with_] as (typeof peers)[number], answer)
    }
  }
  return all.slice(1)
}

const share = (nodes: readonly Samples[], holds: (node: Samples) => boolean) =>
  nodes.filter(holds).length / nodes.length
const near = ({ value, low, high }: { value: number; low: number; high: number }, truth: number, most: number) =>
  low <= truth && truth <= high && Math.abs(value - truth) <= most

describe('samples of keys that are no nodes', () => {
  test('one liar with 900 keys moves no average by 5 % of the range, and what is stated holds the truth; all the samples say another thing', () => {
    for (const says of [1, 0]) {
      const nodes = network({ keys: 900, ring: true, says })
      assert.ok(share(nodes, (node) => near(node.estimate(KEY)!, TRUTH, 0.05)) >= 0.97)
      const loudest = says === 1 ? (mean: number) => mean > 0.7 : (mean: number) => mean < 0.1
      assert.equal(
        share(nodes, (node) => loudest(node.mean(KEY) as number)),
        1,
        'switched off: the mean of all samples',
      )
    }
  })

  test('nor does it make the network larger: the ring says how many there are, and what is stated holds both; without a ring it does', () => {
    const sizes = (ring: boolean) => network({ keys: 900, ring })
    assert.ok(share(sizes(true), (node) => near(node.count()!, NODES, NODES * 0.2)) >= 0.95)
    assert.ok(share(sizes(false), (node) => node.count()!.low > 2 * NODES) === 1, 'switched off')
  })

  test('without a liar the average and the number of nodes are as good as exact', () => {
    const nodes = network({ keys: 0, ring: true, says: valueAt(0) })
    const mean = Array.from({ length: NODES }, (_, i) => valueAt(i)).reduce((a, b) => a + b, 0) / NODES
    assert.ok(share(nodes, (node) => near(node.estimate(KEY)!, mean, 0.005)) >= 0.97)
    assert.ok(share(nodes, (node) => near(node.count()!, NODES, 5)) >= 0.98)
  })

  test('nor do keys without the attribute change how many have it', () => {
    const mine = new Samples(byHand('me', { time: NOW }), {
      partner: () => undefined,
      own: () => undefined,
      ranges: RANGES,
    })
    for (let i = 0; i < 40; i++) {
      const samples = [sampled(`h${i}`, 0.5)]
      const lies = Array.from({ length: 8 }, (_, k) => sampleOf(`none${i}x${k}`, NOW, new Map()))
      mine.absorb(peer(`h${i}`), { samples: [...samples, ...lies], estimates: new Map() })
    }
    const { share: having, shareHalf } = mine.estimate(KEY)!
    assert.ok(having > 0.9 && having + shareHalf >= 1, `${having} and ${shareHalf}; of all samples it is one in nine`)
  })
})
