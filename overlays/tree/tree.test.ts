import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { TokenBucket } from '../../core/bucket.ts'
import { CLOCK_WINDOW, describe } from '../../core/descriptor.ts'
import { type Beacon, issueBeacon, RootOrder } from './beacon.ts'
import { treeCodec } from './codec.ts'
import { type Announcement, MAX_DEPTH, type TreeMessage } from './messages.ts'
import { Network } from './network.fixture.ts'
import { MOST_ROUNDS } from './patience.ts'
import { FAN_OUT, Tree } from './tree.ts'

const PERIOD = 1000
const HOUR = 3_600_000

/** Nodes whose contacts are the edges of a graph: a ring of all and `chords` random ones a node. */
function network(nodes: number, { seed = 1, chords = 2, epoch = HOUR, edges = graph(nodes, chords, seed) } = {}) {
  const net: Network<TreeMessage, Tree> = new Network(seed, (environment) => {
    const contacts = () => [...(edges.get(environment.self.id) ?? [])].map((id) => net.node(id).self)
    return new Tree(environment, { contacts, epoch, period: PERIOD, budget: new TokenBucket(1e6, 1e6) })
  })
  for (const id of edges.keys()) net.add(id)
  return { net, edges }
}

function graph(nodes: number, chords: number, seed: number): Map<string, Set<string>> {
  const edges = new Map(Array.from({ length: nodes }, (_, i) => [`n${i}`, new Set<string>()]))
  const connect = (a: number, b: number) => {
    if (a % nodes === b % nodes) return
    edges.get(`n${a % nodes}`)?.add(`n${b % nodes}`)
    edges.get(`n${b % nodes}`)?.add(`n${a % nodes}`)
  }
  let state = seed
  for (let i = 0; i < nodes; i++) {
    connect(i, i + 1)
    for (let k = 0; k < chords; k++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      connect(i, i + 2 + (state % Math.max(1, nodes - 3)))
    }
  }
  return edges
}

type Bed = ReturnType<typeof network>

/** Groups of live nodes that hang together over edges on which messages get through. */
function components({ net, edges }: Bed): string[][] {
  const live = new Set(net.live.map(({ id }) => id))
  const found: string[][] = []
  for (const start of [...live]) {
    if (!live.delete(start)) continue
    const component = [start]
    for (const id of component) {
      for (const next of edges.get(id) ?? []) if (net.open(id, next) && live.delete(next)) component.push(next)
    }
    found.push(component)
  }
  return found
}

/** Which live node ought to be root: the lowest hash. */
function best(ids: readonly string[], now: number, epoch = HOUR): string {
  const order = new RootOrder(epoch)
  const hash = (id: string) => order.hash(id, order.epochOf(now))
  return ids.reduce((a, b) => (hash(a) < hash(b) ? a : b))
}

/** What is wrong with the trees; nothing when there is one perfect one in every component. */
function faults(bed: Bed, epoch = HOUR): string[] {
  const { net } = bed
  const wrong: string[] = []
  for (const component of components(bed)) {
    const root = best(component, net.now, epoch)
    for (const id of component) {
      const tree = net.node(id).protocol
      if (tree.root !== root) wrong.push(`${id} has root ${tree.root}, not ${root}`)
      if (id === root && (tree.parent !== undefined || tree.distance !== 0)) wrong.push(`root ${id} has a parent`)
      if (id === root) continue
      const parent = tree.parent === undefined ? undefined : net.node(tree.parent.id)
      if (parent === undefined || !parent.alive) wrong.push(`${id} is not attached`)
      else if (tree.distance !== parent.protocol.distance + 1) wrong.push(`${id} has a wrong distance`)
      else if (!parent.protocol.children.some((child) => child.id === id)) wrong.push(`${id} is not listed`)
    }
  }
  return wrong
}

/** The tree is there and stays: what changes on the way to shorter distances takes a message each hop to get around. */
function assertRest(bed: Bed, rounds: number, epoch = HOUR): void {
  for (let half = 0; half < 2 * rounds; half++) {
    bed.net.run(PERIOD / 2)
    const serious = faults(bed, epoch).filter((fault) => !/distance|listed/.test(fault))
    assert.deepEqual(serious, [])
  }
  roundsUntilPerfect(bed, 2, epoch)
}

/** Rounds until there is one perfect tree in every component. */
function roundsUntilPerfect(bed: Bed, limit: number, epoch = HOUR): number {
  for (let half = 0; half <= 2 * limit; half++) {
    if (faults(bed, epoch).length === 0) return half / 2
    bed.net.run(PERIOD / 2)
  }
  assert.fail(`after ${limit} rounds: ${faults(bed, epoch).slice(0, 3).join('; ')}`)
}

/** Nodes that come back to themselves when they follow their parents, each cycle as one text. */
function cycles({ net }: Bed): Set<string> {
  const found = new Set<string>()
  for (const { id } of net.live) {
    const path: string[] = []
    let at: string | undefined = id
    while (at !== undefined && net.node(at).alive && !path.includes(at)) {
      path.push(at)
      at = net.node(at).protocol.parent?.id
    }
    if (at !== undefined && path.includes(at)) found.add(path.slice(path.indexOf(at)).sort().join())
  }
  return found
}

suite('tree', () => {
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
    bed.net.nodes.set('liar', { ...bed.net.node('n0'), id: 'liar', alive: false })
    const victim = bed.net.live[3]?.id as string
    const newcomer = 'newcomer'
    bed.edges.set(newcomer, new Set())
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
    const { net } = bed
    const order = new RootOrder(HOUR)
    const epoch = order.epochOf(net.now)
    const root = best([...bed.edges.keys()], net.now)
    const ghost = Array.from({ length: 5000 }, (_, i) => `ghost${i}`).find(
      (id) => order.hash(id, epoch) < order.hash(root, epoch),
    ) as string
    const liar = describe({ id: 'liar', addresses: [], sequence: 1, issued: net.now })
    net.nodes.set('liar', { ...net.node('n0'), id: 'liar', alive: false })
    const victim = net.live.find(({ id }) => id !== root) as (typeof net.live)[0]
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
    const edges = new Map(
      ids.map((id, i) => [id, new Set([ids[i - 1], ids[i + 1]].filter((one) => one !== undefined))]),
    )
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

  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ op: fc.constant('run' as const), rounds: fc.integer({ min: 1, max: 6 }) }) },
    fc.record({
      op: fc.constantFrom('kill' as const, 'crash' as const, 'restart' as const, 'pause' as const, 'resume' as const),
      node: fc.nat(23),
    }),
    fc.record({ op: fc.constant('root' as const) }),
    fc.record({ op: fc.constant('partition' as const), mask: fc.nat(2 ** 24 - 1), oneWay: fc.boolean() }),
    fc.record({ op: fc.constant('heal' as const) }),
    fc.record({
      op: fc.constant('weather' as const),
      loss: fc.constantFrom(0, 0.1, 0.4),
      late: fc.constantFrom(60, 400, 1500),
    }),
  )

  test('whatever happens, no cycle lives for 3 rounds, limits hold, and when it is over there is one perfect tree', () => {
    const LIMIT = 3
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 3, max: 24 }),
        fc.nat(2),
        fc.array(step, { maxLength: 25 }),
        (seed, nodes, chords, steps) => {
          const bed = network(nodes, { seed, chords })
          const { net } = bed
          const since = new Map<string, number>()
          let restarted = false
          const observe = () => {
            const now = cycles(bed)
            for (const cycle of since.keys()) if (!now.has(cycle)) since.delete(cycle)
            for (const cycle of now) {
              const roots = new Set(cycle.split(',').map((id) => net.node(id).protocol.root))
              assert.ok(restarted || roots.size > 1, `the cycle ${cycle} in the tree of ${[...roots]}`)
              // A paused node says nothing, and is not a cycle's fault.
              if (cycle.split(',').some((id) => net.node(id).held !== undefined)) since.delete(cycle)
              else if (!since.has(cycle)) since.set(cycle, net.now)
              else assert.ok(net.now - (since.get(cycle) as number) <= LIMIT * PERIOD, `the cycle ${cycle} lives`)
            }
            for (const { protocol } of net.live) {
              assert.ok(protocol.children.length <= FAN_OUT && protocol.distance <= MAX_DEPTH)
              assert.ok(
                protocol.parent === undefined || !protocol.children.some(({ id }) => id === protocol.parent?.id),
              )
            }
          }
          const rounds = (count: number) => {
            for (let i = 0; i < 2 * count; i++) {
              net.run(PERIOD / 2)
              observe()
            }
          }
          for (const one of steps) {
            const id = 'node' in one ? `n${one.node % nodes}` : ''
            if (one.op === 'run') rounds(one.rounds)
            else if (one.op === 'crash') {
              // Failure detection says so to everybody.
              net.kill(id)
              for (const { protocol } of net.live) protocol.remove(id)
            } else if (one.op === 'kill') net.kill(id)
            else if (one.op === 'restart') {
              net.restart(id)
              restarted = true
            } else if (one.op === 'pause') net.pause(id)
            else if (one.op === 'resume') net.resume(id)
            else if (one.op === 'root' && net.live.length > 1)
              net.kill(
                best(
                  net.live.map((node) => node.id),
                  net.now,
                ),
              )
            else if (one.op === 'heal') net.open = () => true
            else if (one.op === 'weather') {
              net.loss = one.loss
              net.latency = [10, one.late]
            } else if (one.op === 'partition') {
              const { mask, oneWay } = one
              const side = (id: string) => (mask >> Number(id.slice(1))) & 1
              net.open = (from, to) => side(from) === side(to) || (oneWay && side(from) === 0)
            }
          }
          net.loss = 0
          net.latency = [10, 60]
          net.open = () => true
          for (const { id } of net.live) net.resume(id)
          rounds(MOST_ROUNDS)
          roundsUntilPerfect(bed, 40)
          assertRest(bed, 10)
        },
      ),
      { numRuns: 80 },
    )
  })
})
