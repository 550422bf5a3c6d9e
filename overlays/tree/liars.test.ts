import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOCK_WINDOW, describe } from '../../core/descriptor.ts'
import { type Beacon, issueBeacon, RootOrder } from './beacon.ts'
import { best, faults, HOUR, network, PERIOD, roundsUntilPerfect } from './bed.fixture.ts'
import type { Announcement } from './messages.ts'
import { MOST_ROUNDS } from './patience.ts'
import { FAN_OUT } from './tree.ts'

test('beacons of a dead root, kept and told again, do not bring it back to those who gave it up; a newcomer believes them once', () => {
  const bed = network(12)
  roundsUntilPerfect(bed, 10)
  const root = best([...bed.edges.keys()], bed.net.now)
  const kept: Announcement[] = []
  bed.net.watch = (from, _to, message) => {
    if (message.kind === 'news' && message.position.beacon.root === root && from !== root) kept.push(message)
  }
  bed.net.run(2 * PERIOD)
  bed.net.watch = undefined
  bed.net.kill(root)
  bed.net.run(20 * PERIOD)
  assert.deepEqual(faults(bed), [])
  const liar = describe({ id: 'liar', addresses: [], sequence: 1, issued: bed.net.now })
  bed.net.nodes.set('liar', { ...bed.net.node('n0'), id: 'liar', self: liar, alive: false })
  const victim = bed.net.live[3]?.id as string
  const newcomer = 'newcomer'
  bed.edges.set(newcomer, new Set(['liar']))
  bed.edges.get(victim)?.add('liar')
  bed.net.add(newcomer)
  bed.net.run(PERIOD)
  const replay = (to: string) => {
    for (const message of kept) bed.net.inject(liar, to, { ...message, kind: 'news', at: bed.net.now, room: true })
    bed.net.run(10)
  }
  replay(victim)
  assert.notEqual(bed.net.node(victim).protocol.root, root)
  replay(newcomer) // it never saw the root: nothing tells it that the beacons are old
  assert.equal(bed.net.node(newcomer).protocol.root, root)
  bed.net.run((MOST_ROUNDS + 1) * PERIOD)
  assert.notEqual(bed.net.node(newcomer).protocol.root, root)
  replay(newcomer) // nor a second time
  assert.notEqual(bed.net.node(newcomer).protocol.root, root)
  // And later not even to one that never saw it.
  bed.net.run(2 * CLOCK_WINDOW)
  bed.net.restart(newcomer)
  bed.net.run(PERIOD)
  replay(newcomer)
  assert.notEqual(bed.net.node(newcomer).protocol.root, root)
  assert.ok(bed.net.node(newcomer).protocol.tally.get('old-beacon') > 0)
})

test('who says that it is the root without being it, or comes from the future, is not believed', () => {
  const bed = network(12)
  roundsUntilPerfect(bed, 10)
  const { net, edges } = bed
  const order = new RootOrder(HOUR)
  const epoch = order.epochOf(net.now)
  const root = best([...bed.edges.keys()], net.now)
  const ghost = Array.from({ length: 5000 }, (_, i) => `ghost${i}`).find(
    (id) => order.hash(id, epoch) < order.hash(root, epoch),
  ) as string
  const liar = describe({ id: 'liar', addresses: [], sequence: 1, issued: net.now })
  net.nodes.set('liar', { ...net.node('n0'), id: 'liar', self: liar, alive: false })
  const victim = net.live.find(({ id }) => id !== root) as (typeof net.live)[0]
  edges.get(victim.id)?.add('liar')
  const say = (beacon: Beacon, distance: number) => {
    const message = { kind: 'news', at: net.now, room: true, position: { beacon, distance } } as const
    net.inject(liar, victim.id, message)
    net.run(1)
    return victim.protocol.root
  }
  assert.equal(say(issueBeacon(ghost, net.now), 0), root)
  assert.equal(say(issueBeacon(ghost, net.now + 2 * CLOCK_WINDOW), 1), root)
  const { tally } = victim.protocol
  assert.deepEqual([tally.get('not-the-root'), tally.get('from-the-future')], [1, 1])
  // What is left to one who can sign as the ghost (here nobody verifies): it is believed, for as long as beacons come.
  assert.equal(say(issueBeacon(ghost, net.now), 1), ghost)
  net.run((MOST_ROUNDS + 2) * PERIOD)
  assert.equal(victim.protocol.root, root)
})

test('a liar that says it is next to the root and passes nothing on has at most 16 children, and loses them', () => {
  const bed = network(60, { chords: 4 })
  roundsUntilPerfect(bed, 12)
  const { net, edges } = bed
  const root = best([...edges.keys()], net.now)
  const liar = net.add('liar')
  edges.set('liar', new Set(edges.keys()))
  for (const contacts of edges.values()) contacts.add('liar')
  // From now on it answers what it knows as if it were at distance 1, and never sends news.
  let mute = false
  const silent = new Set(['news', 'accepted', 'reply'])
  let most = 0
  net.watch = (from, _to, message) => {
    if (from === 'liar' && message.kind !== 'leave') {
      ;(message as { position: unknown }).position = {
        ...message.position,
        distance: message.position.beacon.root === 'liar' ? 0 : 1,
      }
    }
  }
  const open = net.open
  for (let round = 0; round < 20; round++) {
    net.run(PERIOD)
    most = Math.max(most, liar.protocol.children.length)
    assert.ok(liar.protocol.children.length <= FAN_OUT)
  }
  assert.ok(most > 2, `the lie attracts: ${most} children`)
  mute = true
  net.watch = (from, _to, message) => {
    if (mute && from === 'liar' && silent.has(message.kind)) net.open = (a, b) => a !== 'liar' && open(a, b)
  }
  net.run((MOST_ROUNDS + 3) * PERIOD)
  const lost = net.live.filter(
    ({ id, protocol }) => id !== 'liar' && (protocol.root !== root || protocol.parent?.id === 'liar'),
  )
  assert.deepEqual(
    lost.filter(({ id }) => id !== root).map(({ id }) => id),
    [],
  )
})

test('a liar that tells everybody that it is next to the root, and takes whoever comes, is the parent of its contacts alone', () => {
  const bed = network(200, { chords: 3 })
  roundsUntilPerfect(bed, 20)
  const { net, edges } = bed
  const root = best([...edges.keys()], net.now)
  const liar = net.add('liar')
  const contacts = [root, ...[...edges.keys()].slice(0, 20)]
  edges.set('liar', new Set(contacts))
  for (const id of contacts) edges.get(id)?.add('liar')
  let beacon: Beacon | undefined
  net.watch = (_from, to, message) => {
    if (to === 'liar' && message.kind === 'news' && message.position.beacon.root === root)
      beacon = message.position.beacon
  }
  net.run(5 * PERIOD)
  const taken = new Set<string>()
  for (let tenth = 0; tenth < 200; tenth++) {
    net.run(PERIOD / 10)
    for (const { id, protocol } of net.live) {
      for (const kind of ['hello', 'accepted', 'news'] as const) {
        const position = { beacon: beacon as Beacon, distance: 1 }
        if (id !== 'liar') net.inject(liar.self, id, { kind, at: net.now, room: true, position })
      }
      if (protocol.parent?.id === 'liar') taken.add(id)
    }
  }
  assert.ok(taken.size > 4, `the lie attracts: ${[...taken]}`)
  assert.deepEqual(
    [...taken].filter((id) => !contacts.includes(id)),
    [],
  )
})
