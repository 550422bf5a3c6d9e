import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { issueBeacon, RootOrder } from './beacon.ts'
import { type Announcement, MAX_DEPTH, type TreeMessage } from './messages.ts'
import { Network } from './network.fixture.ts'
import { Tree } from './tree.ts'

const PERIOD = 1000
const HOUR = 3_600_000

/** One node, to which its contacts say what the test likes, and what it says to whom. */
function lone(budget = new TokenBucket(1e9, 1e9)) {
  const contacts = new Map<string, PeerDescriptor>()
  const net: Network<TreeMessage, Tree> = new Network(1, (environment) => {
    return new Tree(environment, {
      contacts: () => [...contacts.values()],
      epoch: HOUR,
      period: PERIOD,
      budget,
    })
  })
  const node = net.add('me')
  const said: string[] = []
  net.watch = (_from, to, message) => said.push(`${message.kind} ${to}`)
  const hear = (from: string, message: TreeMessage) => {
    contacts.set(from, peer(from))
    net.inject(peer(from), 'me', message)
    net.run(1)
  }
  return { net, node, tree: node.protocol, said, hear }
}

function peer(id: string): PeerDescriptor {
  return describe({ id, addresses: [], sequence: 1, issued: 1_700_000_000_000 })
}

/** A sender at that distance from a root; with 0 it is the root itself. */
function announced(kind: Announcement['kind'], root: string, distance: number, at: number, issued = at): Announcement {
  return { kind, at, room: true, position: { beacon: issueBeacon(root, issued), distance } }
}

/** Ids of better roots than the node. */
function better(count: number, now: number): string[] {
  const order = new RootOrder(HOUR)
  const own = order.hash('me', order.epochOf(now))
  const ids = Array.from({ length: 2000 }, (_, i) => `root${i}`)
  return ids.filter((id) => order.hash(id, order.epochOf(now)) < own).slice(0, count)
}

test('the words of 64 peers are kept: the longest silent is forgotten for another', () => {
  const { net, tree, hear } = lone()
  const { now } = net
  hear('first', announced('reply', 'first', 0, now + 100))
  for (let i = 1; i < 64; i++) hear(`peer${i}`, announced('reply', `peer${i}`, 0, now))
  hear('first', announced('reply', 'first', 0, now + 50))
  assert.equal(tree.tally.get('out-of-order'), 1, 'its later word is known')
  hear('peer64', announced('reply', 'peer64', 0, now))
  hear('first', announced('reply', 'first', 0, now + 50))
  assert.equal(tree.tally.get('out-of-order'), 1, 'and forgotten')
})

test('64 roots that were given up are remembered, the latest: their old beacons bring none of them back', () => {
  const { net, tree, hear } = lone()
  const roots = better(65, net.now)
  assert.equal(roots.length, 65)
  const beacons = roots.map((root) => {
    const message = announced('news', root, 0, net.now)
    hear(root, message)
    assert.equal(tree.root, root)
    net.run(3.2 * PERIOD)
    assert.equal(tree.root, 'me')
    return message
  })
  const again = roots.map((root, i) => {
    hear(root, { ...(beacons[i] as Announcement), at: net.now })
    return tree.root === root
  })
  assert.deepEqual([again.shift(), again.filter(Boolean)], [true, []])
})

test('after stop no timer is left, also of a node that waits for its root’s next beacon', () => {
  const { net, node, tree, hear } = lone()
  const [root] = better(1, net.now) as [string]
  hear(root, announced('news', root, 0, net.now))
  assert.deepEqual([tree.root, node.timers], [root, 2])
  tree.stop()
  tree.stop()
  assert.equal(node.timers, 0)
})

test('a request for a place that a goodbye has overtaken gets none; one that a question has overtaken does', () => {
  const { net, tree, hear } = lone()
  const { now } = net
  const say = (kind: 'join' | 'hello' | 'leave', at: number) => {
    hear('child', kind === 'leave' ? { kind, at } : announced(kind, 'child', 0, at, now))
    net.run(PERIOD / 4)
    return tree.children.length
  }
  assert.deepEqual([say('join', now + 1), say('leave', now + 3), say('join', now + 2)], [1, 0, 0])
  assert.equal(tree.tally.get('out-of-order'), 1)
  assert.deepEqual([say('hello', now + 5), say('join', now + 4)], [0, 1])
})

test('at the depth limit a node has no room, and takes no child whoever asks', () => {
  const { net, tree, said, hear } = lone()
  const [root] = better(1, net.now) as [string]
  const rooms: boolean[] = []
  net.watch = (_from, to, message) => {
    said.push(`${message.kind} ${to}`)
    if (message.kind === 'reply') rooms.push(message.room)
  }
  for (const [distance, expected] of [
    [MAX_DEPTH - 1, 'refused'],
    [MAX_DEPTH - 2, 'accepted'],
  ] as const) {
    hear('parent', announced('news', root, distance, net.now))
    assert.equal(tree.distance, distance + 1)
    hear(`child${distance}`, announced('hello', `child${distance}`, 0, net.now))
    hear(`child${distance}`, announced('join', `child${distance}`, 0, net.now))
    assert.equal(said.at(-1), `${expected} child${distance}`)
  }
  assert.deepEqual(rooms, [false, true])
})

test('when the peer that was asked for a place is gone, the next one is asked at once', () => {
  const { net, tree, said, hear } = lone()
  const [root] = better(1, net.now) as [string]
  const asked = () => said.filter((one) => one.startsWith('join'))
  hear('a', announced('reply', root, 1, net.now))
  hear('b', announced('reply', root, 1, net.now))
  assert.deepEqual(asked(), ['join a'], 'one at a time')
  tree.remove('a')
  hear('b', announced('reply', root, 1, net.now))
  assert.deepEqual(asked(), ['join a', 'join b'])
})

test('however many ask, answers leave half of the budget’s burst to what the node says of its own accord', () => {
  const budget = new TokenBucket(1, 10_000)
  const { net } = lone(budget)
  for (let i = 0; i < 500; i++) {
    for (const kind of ['hello', 'join'] as const) net.inject(peer(`peer${i}`), 'me', announced(kind, 'me', 1, net.now))
  }
  net.run(1)
  assert.ok(budget.take(net.now, 5000))
  assert.ok(!budget.take(net.now, 1000), 'the rest was there for answers')
})
