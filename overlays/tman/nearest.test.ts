import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { coordinateAttributes, coordinateOf, latencyRanking } from './latency.ts'
import { nearestRanking } from './nearest.ts'
import { TMan } from './tman.ts'

const peer = (id: string, attributes: Record<string, number> = {}): PeerDescriptor =>
  describe({ id, addresses: [], sequence: 1, issued: 0, attributes })
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)
const preference = ({ position }: PeerDescriptor) => position

/** A user's ranking: nodes whose racks have numbers close to each other know each other. */
const racks = nearestRanking('racks', (a, b) => Math.abs((a.attributes.rack ?? 0) - (b.attributes.rack ?? 0)), {
  neighbours: 4,
})

test('a ranking of one function: its nearest first, the preferred among equals, then the preferred of the rest', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 30 }),
      (numbers, size) => {
        const peers = numbers.map((rack, i) => peer(`n${i}`, { rack }))
        const [around, ...others] = peers as [PeerDescriptor, ...PeerDescriptor[]]
        const far = ({ attributes }: PeerDescriptor) => Math.abs((attributes.rack ?? 0) - (numbers[0] as number))
        const sorted = [...others].sort((a, b) => far(a) - far(b) || preference(a) - preference(b))
        const rest = sorted.slice(4).sort((a, b) => preference(a) - preference(b))
        const expected = [...sorted.slice(0, 4), ...rest].slice(0, size)
        assert.deepEqual(ids(racks.select(around, peers, size, preference)), ids(expected))
      },
    ),
    { numRuns: 200 },
  )
})

test('T-Man arranges nodes by a user’s ranking: out of random views, everybody has neighbours of its own rack', () => {
  const random = new Random(1)
  const all = Array.from({ length: 400 }, (_, i) => peer(`n${i}`, { rack: i >> 3 }))
  const nodes = all.map((self) => {
    const surroundings = { self, random: random.fork(self.id), now: () => 1000 }
    const options = { view: 20, quietAfter: 1000 }
    return {
      self,
      tman: new TMan(surroundings, { ranking: racks, sample: (count) => random.sample(all, count), options }),
    }
  })
  const byId = new Map(nodes.map((node) => [node.self.id, node]))
  for (const { tman } of nodes) tman.consider(random.sample(all, 20))
  for (let cycle = 0; cycle < 12; cycle++) {
    for (const { self, tman } of nodes) {
      const partner = tman.partner()
      const other = partner && byId.get(partner.id)
      if (partner !== undefined && other !== undefined)
        tman.absorb(partner, other.tman.answer(self, tman.offer(partner)))
    }
  }
  for (const { self, tman } of nodes) {
    const same = tman.view.slice(0, 4).filter(({ attributes }) => attributes.rack === self.attributes.rack)
    assert.equal(same.length, 4)
    assert.ok(
      tman.view.some(({ attributes }) => attributes.rack !== self.attributes.rack),
      'long links',
    )
  }
})

test('a distance that is NaN is as far as can be, whoever provokes it', () => {
  const odd = nearestRanking('odd', (_, { attributes }) => attributes.load ?? Number.NaN, { neighbours: 2 })
  const peers = [peer('a'), peer('b', { load: 5 }), peer('c', { load: 2 })]
  assert.deepEqual(ids(odd.select(peer('self'), peers, 2, preference)), ['c', 'b'])
})

test('among peers as far as can be, and as much preferred, positions decide: the same whatever the order they come in', () => {
  const nowhere = nearestRanking('nowhere', () => Number.NaN, { neighbours: 3 })
  const peers = Array.from({ length: 12 }, (_, i) => peer(`n${i}`))
  const nearest = ids([...peers].sort((a, b) => a.position - b.position)).slice(0, 5)
  const random = new Random(1)
  for (let i = 0; i < 20; i++) {
    const inAnyOrder = random.sample(peers, peers.length)
    for (const same of [() => 0, () => Number.POSITIVE_INFINITY])
      assert.deepEqual(ids(nowhere.select(peer('self'), inAnyOrder, 5, same)), nearest)
  }
})

test('latency: the nearest by coordinates; coordinates beyond all limits, or none, come last', () => {
  const near = (id: string, x: number, height = 1) => peer(id, coordinateAttributes({ x, y: 0, height, error: 1 }))
  const liars = [peer('none'), peer('far', { vivaldi_x: 1e300, vivaldi_y: 0, vivaldi_height: 0 })]
  const low = peer('low', { vivaldi_x: 0, vivaldi_y: 0, vivaldi_height: -1e9 })
  const peers = [...liars, low, near('c', 30), near('a', 10), near('b', 11, 5), near('d', -40)]
  const chosen = latencyRanking().select(near('self', 0), peers, 4, preference)
  assert.deepEqual(ids(chosen), ['a', 'b', 'c', 'd'])
})

test('a coordinate travels in ranked attributes to a tenth of a millisecond', () => {
  const { x, y, height } = coordinateOf(
    peer('a', coordinateAttributes({ x: 12.34, y: -0.06, height: 0.11, error: 0.3 })),
  )
  assert.deepEqual([x, y, height], [12.3, -0.1, 0.1])
})
