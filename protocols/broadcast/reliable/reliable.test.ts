import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import type { Sign } from '../../../core/signed.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { compose, type Publication, publicationId } from '../publication.ts'
import { type ReliableMessage, reliableCodec } from './codec.ts'
import type { ReliableOptions } from './options.ts'
import { Reliable } from './reliable.ts'
import { reportOf } from './report.ts'

const SECOND = 1000

class Member extends Reliable {
  readonly taken: Set<string>
  readonly sign: Sign

  constructor(
    environment: Environment<ReliableMessage>,
    sign: Sign,
    contacts: readonly PeerDescriptor[],
    options: Partial<ReliableOptions>,
    bytes = 1 << 20,
  ) {
    const taken = new Set<string>()
    const accept = (publication: Publication) => {
      const id = publicationId(publication)
      if (taken.has(id)) return 'known' as const
      taken.add(id)
      return 'new' as const
    }
    super(environment, { contacts: () => contacts, budget: new TokenBucket(bytes, bytes), accept, sign }, options)
    this.taken = taken
    this.sign = sign
  }
}

interface Group {
  readonly simulation: Simulation<ReliableMessage, Member>
  /** Node number 0 publishes; the returned id says what. */
  publish(): string
  /** Ids of those who have it. */
  having(publication: string): string[]
  sum(name: string): number
}

/** A ring with chords, so that every node has 6 contacts. @param wire whether all messages travel as signed bytes, which costs time */
function group(nodes: number, options: Partial<ReliableOptions> = {}, loss = 0, bytes?: number, wire = false): Group {
  const simulation = new Simulation<ReliableMessage, Member>({ seed: 5, codec: reliableCodec, wire, loss })
  const contacts: PeerDescriptor[][] = Array.from({ length: nodes }, () => [])
  for (const near of contacts) {
    simulation.add({}, (environment, sign) => new Member(environment, sign, near, options, bytes))
  }
  for (const [i, near] of contacts.entries()) {
    const numbers = new Set([1, 2, 5].flatMap((step) => [(i + step) % nodes, (i - step + nodes) % nodes]))
    for (const number of numbers) if (number !== i) near.push(simulation.nodes[number]?.self as PeerDescriptor)
  }
  let sequence = 0
  return {
    simulation,
    publish: () => {
      const { id, protocol } = simulation.nodes[0] as (typeof simulation.nodes)[number]
      sequence++
      const fields = { publisher: id, sequence, published: 1, topic: 'news', delivery: 'reliable' } as const
      const publication = compose({ ...fields, payload: new Uint8Array([sequence]) }, protocol.sign)
      protocol.taken.add(publicationId(publication))
      protocol.spread(publication)
      return publicationId(publication)
    },
    having: (publication) => {
      return simulation.nodes.filter(({ protocol }) => protocol.taken.has(publication)).map(({ id }) => id)
    },
    sum: (name) => simulation.nodes.reduce((all, { protocol }) => all + Number(protocol.status()[name] ?? 0), 0),
  }
}

test('where nothing fails a publication reaches everybody with one message each, and an acknowledgement', () => {
  const { simulation, publish, having, sum } = group(14, {}, 0, undefined, true)
  simulation.run(15 * SECOND)
  const id = publish()
  simulation.run(3 * SECOND)
  assert.equal(having(id).length, 14)
  assert.equal(sum('sent'), 13)
  assert.equal(sum('acknowledgements'), 13)
  assert.equal(sum('pending'), 0)
})

test('at 20 % loss all copies and acknowledged copies both reach everybody, and acknowledgements spare more than half', () => {
  const sent = [false, true].map((acknowledge) => {
    const { simulation, publish, having, sum } = group(30, { acknowledge, reliability: 0.999 }, 0.2)
    simulation.run(120 * SECOND)
    const ids = Array.from({ length: 20 }, () => {
      const id = publish()
      simulation.run(SECOND)
      return id
    })
    simulation.run(20 * SECOND)
    for (const id of ids) assert.equal(having(id).length, 30, `${id}, acknowledge ${acknowledge}`)
    return sum('sent')
  })
  const [all, acknowledged] = sent as [number, number]
  assert.ok(acknowledged < all / 2, `${acknowledged} of ${all}`)
})

test('a node that just started reaches its contacts before it has heard of anybody', () => {
  const { publish, simulation, having } = group(10)
  const id = publish()
  simulation.run(200)
  assert.equal(having(id).length, 6, 'itself and five contacts')
})

test('a link that gets worse is given up for others within a minute', () => {
  const { simulation } = group(20)
  const [first, second] = simulation.nodes.map(({ self }) => self) as [PeerDescriptor, PeerDescriptor]
  simulation.run(100 * SECOND)
  const children = () => {
    const { positions, sizes } = (simulation.nodes[0] as (typeof simulation.nodes)[number]).protocol.plan().branch
    const all: (number | undefined)[] = []
    for (let at = 1; at < sizes.length; at += sizes[at] as number) all.push(positions[at])
    return all
  }
  assert.ok(children().includes(second.position))
  simulation.lose(0.7, { from: first.id, to: second.id })
  simulation.lose(0.7, { from: second.id, to: first.id })
  simulation.run(60 * SECOND)
  assert.ok(!children().includes(second.position))
})

test('the dead leave the plan, and nothing more is sent to a peer that is down', () => {
  const { simulation, publish, sum, having } = group(20, { expiry: 60_000 })
  simulation.run(60 * SECOND)
  simulation.kill('n7')
  simulation.run(120 * SECOND)
  const sent = sum('sent')
  const id = publish()
  simulation.run(10 * SECOND)
  assert.equal(having(id).length, 19)
  assert.equal(sum('sent') - sent, 18)

  simulation.kill('n1')
  publish()
  const { protocol } = simulation.node('n0')
  const before = protocol.status().pending as number
  protocol.peerDown('n1')
  assert.ok((protocol.status().pending as number) <= before)
  assert.equal(protocol.status().neighbours, 5)
})

test('a group larger than a plan has room for is refused, and says so', () => {
  const { simulation, publish, having, sum } = group(30, { members: 20 })
  simulation.run(60 * SECOND)
  const id = publish()
  simulation.run(10 * SECOND)
  assert.deepEqual(having(id), ['n0'])
  assert.equal(sum('refused-group-size'), 1)
  assert.deepEqual(simulation.node('n0').protocol.refusal(), { refused: 'the group has more than 20 members' })
  assert.equal(group(10).simulation.node('n0').protocol.refusal(), undefined)
})

test('heartbeats, copies and acknowledgements together stay within the budget of every second', () => {
  const bytes = 6000
  const { simulation, publish, sum } = group(30, {}, 0.1, bytes)
  simulation.run(30 * SECOND)
  for (const { sent } of simulation.nodes) assert.ok(sent.maxBytes <= 2 * bytes, `${sent.maxBytes}`)
  publish()
  simulation.run(30 * SECOND)
  assert.ok(sum('over-budget') > 0, 'the budget was too large to show anything')
})

test('a branch is passed on to neighbours only, once, and not at all by whom it does not begin with', () => {
  const { simulation, having, sum } = group(20)
  simulation.run(60 * SECOND)
  const at = (i: number) => simulation.nodes[i]?.self as PeerDescriptor
  const payload = new Uint8Array(1)
  const fields = { publisher: 'n9', published: 1, topic: 'news', payload }
  const first = compose({ ...fields, sequence: 1 })
  const { protocol } = simulation.nodes[1] as (typeof simulation.nodes)[number]
  // n11 is none of n1's neighbours, n2 is.
  const branch = { positions: [1, 11, 2].map((i) => at(i).position), copies: [1, 1, 3], sizes: [3, 1, 1] }
  for (let i = 0; i < 5; i++) protocol.receive(at(9), { kind: 'data', publication: first, branch })
  simulation.run(5 * SECOND)
  assert.deepEqual(having('n9/1'), ['n1', 'n2'])
  assert.equal(sum('sent'), 1)
  assert.equal(sum('not-a-neighbour'), 1)

  const second = compose({ ...fields, sequence: 2 })
  simulation.nodes[4]?.protocol.receive(at(9), { kind: 'data', publication: second, branch })
  assert.deepEqual(having('n9/2'), [])
  assert.equal(sum('refused-branch-of-another'), 1)
})

test('who sends heartbeats faster than the period is not listened to', () => {
  const { simulation, sum } = group(5)
  simulation.run(10 * SECOND)
  const flood = simulation.node('n1')
  const before = sum('refused-heartbeat-rate')
  for (let i = 0; i < 100; i++) {
    simulation.node('n0').protocol.receive(flood.self, { kind: 'heartbeat', sequence: i, reports: [] })
  }
  assert.ok(sum('refused-heartbeat-rate') - before >= 99)
})

test('a stopped node sends nothing, has no timer, and starts again', () => {
  const { simulation, publish, having } = group(10, {}, 0.3)
  simulation.run(30 * SECOND)
  const node = simulation.node('n0')
  publish()
  node.protocol.stop()
  assert.equal(node.environment.timers, 0)
  const { messages } = node.sent
  simulation.run(30 * SECOND)
  assert.equal(node.sent.messages, messages)
  assert.equal(node.protocol.status().pending, 0)
  node.protocol.start()
  simulation.run(60 * SECOND)
  const id = publish()
  simulation.run(10 * SECOND)
  assert.equal(having(id).length, 10)
})

test('nobody can say anything in the name of another: where signatures are checked a forged report counts for nothing', () => {
  for (const wire of [true, false]) {
    const { simulation } = group(8, {}, 0, undefined, wire)
    simulation.run(5 * SECOND)
    const [victim, liar] = simulation.nodes.map(({ self }) => self) as [PeerDescriptor, PeerDescriptor]
    const terrible = { rate: 900_000, weight: 500 }
    const claims = simulation.nodes
      .filter(({ id }) => id !== victim.id)
      .map(({ self }) => ({ peer: self.position, link: terrible, process: terrible }))
    const { environment, protocol } = simulation.node(liar.id)
    const report = reportOf(victim, environment.now(), terrible, claims, protocol.sign)
    const target = simulation.node('n2')
    environment.send(target.self, { kind: 'heartbeat', sequence: 0, reports: [{ report, distortion: 0 }] })
    simulation.run(100)
    const { positions, failures } = target.protocol.network()
    const failure = failures[positions.indexOf(victim.position)] as number
    if (wire) assert.ok(failure < 0.1, `${failure}`)
    else assert.ok(failure > 0.5, `without the defence it must succeed: ${failure}`)
  }
})
