import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import { assertRest, best, graph, network, PERIOD, roundsUntilPerfect } from './bed.fixture.ts'
import { treeCodec } from './codec.ts'
import { MAX_DEPTH, type TreeMessage } from './messages.ts'
import { Network } from './network.fixture.ts'
import { MOST_ROUNDS } from './patience.ts'
import { FAN_OUT, Tree } from './tree.ts'

test('one tree over all, from the best root, within O(diameter) rounds; then nothing but keep-alive is sent', () => {
  for (const [nodes, chords, limit] of [
    [1, 0, 1],
    [2, 0, 4],
    [40, 2, 8],
    [24, 0, 40], // a plain ring: diameter 12
  ] as const) {
    for (const seed of [1, 2, 3]) {
      const bed = network(nodes, { seed, chords })
      roundsUntilPerfect(bed, limit)
      assertRest(bed, 12)
      let messages = 0
      bed.net.watch = () => messages++
      bed.net.run(8 * PERIOD)
      assert.ok(messages <= 8 * nodes * 4, `${messages / 8 / nodes} messages a node and round`)
    }
  }
})

test('without shortcuts over the depth limit every node has the shortest way when the tree is at rest', () => {
  const bed = network(40)
  bed.net.run(120 * PERIOD)
  const root = best([...bed.edges.keys()], bed.net.now)
  const distances = new Map([[root, 0]])
  for (const [id, distance] of distances) {
    for (const next of bed.edges.get(id) ?? []) if (!distances.has(next)) distances.set(next, distance + 1)
  }
  for (const { id, protocol } of bed.net.live) assert.equal(protocol.distance, distances.get(id))
})

test('a dead root is gone from every node within 3 rounds, and the next best is root of all soon after', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const bed = network(40, { seed })
    roundsUntilPerfect(bed, 10)
    bed.net.run(5 * PERIOD)
    const root = best([...bed.edges.keys()], bed.net.now)
    bed.net.kill(root)
    // The last beacon goes down in latencies, not in rounds: 60 ms a hop.
    bed.net.run(3 * PERIOD)
    for (const { id, protocol } of bed.net.live) assert.notEqual(protocol.root, root, `${id} still has the dead root`)
    roundsUntilPerfect(bed, 8)
  }
})

test('at rest one round in four asks a contact; who had no reply asks another in the next round', () => {
  const edges = new Map<string, Set<string>>([
    ['a', new Set(['b', 'c'])],
    ['b', new Set(['a', 'c'])],
    ['c', new Set(['a', 'b'])],
  ])
  const bed = network(3, { edges })
  bed.net.run(12 * PERIOD)
  const root = best([...edges.keys()], bed.net.now)
  const [asking, other] = bed.net.live.filter(({ id }) => id !== root).map(({ id }) => id) as [string, string]
  let asked = 0
  bed.net.watch = (from, to, message) => {
    if (from === asking && to === other && message.kind === 'hello') asked++
  }
  bed.net.run(20 * PERIOD)
  assert.ok(asked >= 4 && asked <= 6, `${asked} questions in 20 rounds, all replied to`)
  bed.net.kill(other)
  bed.net.run(4 * PERIOD)
  asked = 0
  bed.net.run(20 * PERIOD)
  assert.ok(asked >= 18 && asked <= 23, `${asked} questions in 20 rounds, none replied to`)
})

test('what the gossip budget does not allow is not said, and counted', () => {
  const rate = 150
  const sent = new Map<string, number>()
  const edges = graph(20, 3, 1)
  const net: Network<TreeMessage, Tree> = new Network(1, (environment) => {
    const contacts = () => [...(edges.get(environment.self.id) ?? [])].map((id) => net.node(id).self)
    return new Tree(environment, { contacts, period: PERIOD, budget: new TokenBucket(rate, rate) })
  })
  for (const id of edges.keys()) net.add(id)
  net.watch = (from, _to, message) => {
    sent.set(from, (sent.get(from) ?? 0) + treeCodec.encode(message).length)
  }
  for (let second = 0; second < 20; second++) {
    sent.clear()
    net.run(1000)
    for (const [id, bytes] of sent) assert.ok(bytes <= 2 * rate, `${id} sent ${bytes}`)
  }
  assert.ok(net.live.some(({ protocol }) => protocol.tally.get('over-budget') > 0))
})

test('a root that comes and goes costs three rounds each time, and no more: the tree is there in between', () => {
  const bed = network(30)
  roundsUntilPerfect(bed, 10)
  const root = best([...bed.edges.keys()], bed.net.now)
  for (let i = 0; i < 4; i++) {
    bed.net.pause(root)
    bed.net.run((MOST_ROUNDS + 1) * PERIOD)
    assert.ok(bed.net.live.every(({ id, protocol }) => id === root || protocol.root !== root))
    bed.net.run(8 * PERIOD)
    const others = bed.net.live.filter(({ id }) => id !== root)
    const next = best(
      others.map(({ id }) => id),
      bed.net.now,
    )
    assert.ok(others.every(({ protocol }) => protocol.root === next))
    bed.net.resume(root)
    roundsUntilPerfect(bed, 8)
  }
})

test('a star of more leaves than a node may have children: 16 are taken, the others are told no', () => {
  const edges = new Map([['hub', new Set<string>()]])
  for (let i = 0; i < 30; i++) {
    edges.get('hub')?.add(`leaf${i}`)
    edges.set(`leaf${i}`, new Set(['hub']))
  }
  const { net } = network(31, { edges })
  net.run(20 * PERIOD)
  const { children, parent } = net.node('hub').protocol
  assert.equal(children.length + (parent === undefined ? 0 : 1), FAN_OUT + (parent === undefined ? 0 : 1))
})

test('a chain longer than the depth limit ends there', () => {
  const ids = Array.from({ length: 60 }, (_, i) => `n${i}`)
  const edges = new Map(ids.map((id, i) => [id, new Set([ids[i - 1], ids[i + 1]].filter((one) => one !== undefined))]))
  const { net } = network(60, { edges })
  for (let round = 0; round < 80; round++) {
    net.run(PERIOD)
    for (const { protocol } of net.live) assert.ok(protocol.distance <= MAX_DEPTH)
  }
})

test('when the salt changes another root follows, and everybody is in its tree within a few rounds', () => {
  const epoch = 60_000
  const bed = network(40, { epoch })
  const roots = new Set<string>()
  for (let i = 0; i < 5; i++) {
    roundsUntilPerfect(bed, 10, epoch)
    assertRest(bed, 5, epoch)
    roots.add(best([...bed.edges.keys()], bed.net.now, epoch))
    bed.net.run(epoch - (bed.net.now % epoch) + 1)
  }
  assert.ok(roots.size > 2)
})

test('20 % of messages lost, some doubled: 97 % of nodes are in the one tree at any time', () => {
  const bed = network(60, { chords: 3 })
  bed.net.loss = 0.2
  bed.net.duplicate = 0.1
  bed.net.run(30 * PERIOD)
  const root = best([...bed.edges.keys()], bed.net.now)
  let inside = 0
  for (let round = 0; round < 60; round++) {
    bed.net.run(PERIOD)
    inside += bed.net.live.filter(({ protocol }) => protocol.root === root).length
  }
  assert.ok(inside / 60 / 60 > 0.97, `${inside / 36} %`)
})
