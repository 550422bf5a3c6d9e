import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Environment } from '../../../core/environment.ts'
import { orderedCodec } from '../../../protocols/broadcast/ordered/codec.ts'
import { message } from '../../../protocols/broadcast/ordered/messages.fixture.ts'
import type { OrderedBody, OrderedMessage } from '../../../protocols/broadcast/ordered/messages.ts'
import type { OrderedOptions } from '../../../protocols/broadcast/ordered/options.ts'
import { type Publication, publicationId } from '../../../protocols/broadcast/publication.ts'
import { uniform } from '../../simulator/latency.ts'
import { Simulation, type SimulationOptions } from '../../simulator/simulation.ts'
import { OrderedHost } from './ordered-host.ts'
import { OrderedRecord } from './ordered-record.ts'

interface Delivered {
  readonly number: number
  readonly id: string
  readonly at: number
}

/** A group that is watched: who delivered what, when, and what it said of itself. */
class Group {
  readonly simulation: Simulation<OrderedMessage, OrderedHost>
  readonly record = new OrderedRecord()
  readonly got = new Map<string, Delivered[]>()
  readonly said = new Map<string, string[]>()
  readonly ids: string[]
  readonly #options: Partial<OrderedOptions>

  constructor(
    size: number,
    settings: Partial<SimulationOptions<OrderedMessage>> = {},
    options: Partial<OrderedOptions> = {},
  ) {
    this.ids = Array.from({ length: size }, (_, i) => `n${i}`)
    this.#options = { founders: Math.floor(size / 2) + 1, ...options }
    this.simulation = new Simulation({ seed: 1, latency: uniform(10, 50), codec: orderedCodec, ...settings })
    for (const id of this.ids) this.add(id)
    this.simulation.run(6000)
  }

  add(id: string): void {
    this.simulation.add({ id }, (environment) => this.#make(environment))
  }

  restart(id: string): void {
    this.simulation.restart(id, (environment) => this.#make(environment))
  }

  publish(id: string): Publication {
    return this.simulation.node(id).protocol.publish()
  }

  /** In a second each of these publishes `count` times. */
  second(ids: readonly string[], count = 5): Publication[] {
    const published: Publication[] = []
    for (let i = 0; i < count; i++) {
      for (const id of ids) {
        published.push(this.publish(id))
        this.simulation.run(1000 / count / ids.length)
      }
    }
    return published
  }

  status(id: string) {
    return this.simulation.node(id).protocol.ordered.status() as ReturnType<OrderedHost['ordered']['status']> & {
      members?: string[]
      leader?: string
      view?: number
      delivered?: number
    }
  }

  ordered(id: string): string[] {
    return (this.got.get(id) ?? []).map((one) => one.id)
  }

  assertKept(): void {
    assert.deepEqual(this.record.violations, [])
  }

  #make(environment: Environment<OrderedMessage>): OrderedHost {
    const { id } = environment.self
    const got: Delivered[] = this.got.get(id) ?? []
    const said: string[] = this.said.get(id) ?? []
    this.got.set(id, got)
    this.said.set(id, said)
    const watch = this.record.watch(id)
    const incarnation = environment.self.sequence
    return new OrderedHost(environment, {
      peers: () => this.simulation.nodes.filter((node) => node.id !== id).map(({ self }) => self),
      reserved: 100_000 * incarnation,
      options: this.#options,
      on: {
        entered: (view, lineage) => watch.entered?.(view, lineage),
        left: (reason) => {
          said.push(`left: ${reason}`)
          watch.left?.(reason)
        },
        stalled: (reason) => said.push(reason === undefined ? 'goes on' : `stalled: ${reason}`),
        delivered: (number, publication) => {
          got.push({ number, id: publicationId(publication), at: this.simulation.now })
          watch.delivered?.(number, publication)
        },
      },
    })
  }
}

test('a part without a majority stops, and says why; the other goes on; healed, the part comes back behind it', () => {
  const group = new Group(7)
  const cut = ['n1', 'n3', 'n5']
  const rest = group.ids.filter((id) => !cut.includes(id))
  group.second(group.ids, 1)
  group.simulation.run(1000)
  const before = new Map(group.ids.map((id) => [id, group.ordered(id).length]))
  group.simulation.partition([cut, rest])
  group.simulation.run(100) // what was under way arrives
  const inCut = new Map(cut.map((id) => [id, group.ordered(id).length]))
  group.second(cut)
  group.second(rest)
  group.simulation.run(20_000)
  for (const id of cut) {
    assert.equal(group.ordered(id).length, inCut.get(id), `${id} delivers nothing`)
    assert.equal(group.status(id).state, 'stalled')
    assert.match(group.said.get(id)?.at(-1) ?? '', /^stalled: (no majority of view|the leader of view)/)
  }
  for (const id of rest) {
    assert.equal(group.ordered(id).length, (before.get(id) ?? 0) + 5 * rest.length, `${id} goes on`)
    assert.deepEqual(group.status(id).members?.toSorted(), rest.toSorted())
  }
  group.simulation.heal()
  group.simulation.run(15_000)
  const after = group.second(cut)
  group.simulation.run(5000)
  for (const id of group.ids) {
    assert.equal(group.status(id).state, 'member')
    assert.deepEqual(group.status(id).members?.length, 7)
    assert.deepEqual(new Set(group.ordered(id).slice(-after.length)), new Set(after.map(publicationId)))
  }
  for (const id of cut) assert.ok(group.said.get(id)?.includes('left: the group went on without this member'))
  group.assertKept()
})

test('the leader dies: after its silence the others agree on a view without it, and nothing of theirs is lost', () => {
  const group = new Group(5)
  const leader = group.status('n0').leader as string
  const others = group.ids.filter((id) => id !== leader)
  group.second(group.ids)
  group.simulation.kill(leader)
  const published = group.second(others)
  group.simulation.run(10_000)
  for (const id of others) {
    assert.notEqual(group.status(id).leader, leader)
    const got = new Set(group.ordered(id))
    assert.deepEqual(
      published.filter((one) => !got.has(publicationId(one))),
      [],
      id,
    )
    assert.deepEqual(group.ordered(id), group.ordered(others[0] as string))
  }
  group.assertKept()
})

test('who comes later begins at the number that the view it is let into begins with, and publishes from there', () => {
  const group = new Group(4)
  const early = group.second(group.ids)
  group.simulation.run(1000)
  group.add('late')
  const own = group.publish('late')
  group.simulation.run(4000)
  const [first] = group.got.get('late') as [Delivered]
  assert.equal(first.number, early.length + 1)
  assert.equal(first.id, publicationId(own), 'it kept what it published outside until it had a number')
  assert.equal(group.status('late').members?.length, 5)
  group.assertKept()
})

test('a member that forgets comes back as another: its old promises do not count for it', () => {
  const group = new Group(5)
  group.second(group.ids)
  const before = group.status('n0').view as number
  group.simulation.kill('n2')
  group.restart('n2')
  group.simulation.run(3000)
  group.second(group.ids)
  group.simulation.run(2000)
  assert.ok((group.status('n0').view as number) > before, 'although nobody missed it')
  assert.equal(group.status('n2').delivered, group.status('n0').delivered)
  group.assertKept()
})

test('one that sleeps for a moment holds nobody up, and has it all when it wakes', () => {
  const slowest = (asleep: boolean) => {
    const group = new Group(8)
    const sleeper = group.ids.find((id) => id !== group.status(id).leader && id !== 'n0') as string
    const sent = new Map<string, number>()
    for (let i = 0; i < 100; i++) {
      if (asleep && i % 20 === 0) group.simulation.pause(sleeper, 1900)
      sent.set(publicationId(group.publish('n0')), group.simulation.now)
      group.simulation.run(100)
    }
    group.simulation.run(3000)
    const delays = group.ids
      .filter((id) => id !== sleeper)
      .flatMap((id) => (group.got.get(id) ?? []).map((one) => one.at - (sent.get(one.id) as number)))
    assert.equal(delays.length, 700)
    assert.equal(group.ordered(sleeper).length, 100)
    assert.equal(group.status('n0').members?.length, 8)
    group.assertKept()
    return Math.max(...delays)
  }
  const [calm, disturbed] = [slowest(false), slowest(true)]
  assert.ok(calm < 400, `${calm} ms`)
  // Its part of the tree is repaired by gossip or by request while it sleeps.
  assert.ok(disturbed < calm + 1500, `${disturbed} ms instead of ${calm}`)
})

test('whoever holds back a full log is left out, and the log stays bounded', () => {
  const group = new Group(5, {}, { log: 50, suspicion: 60_000 })
  const sleeper = group.ids.find((id) => id !== group.status(id).leader && id !== 'n0') as string
  group.simulation.pause(sleeper)
  let longest = 0
  for (let i = 0; i < 200; i++) {
    group.publish('n0')
    group.simulation.run(50)
    longest = Math.max(longest, group.status('n0').log ?? 0)
  }
  group.simulation.run(5000)
  assert.equal(group.status('n0').delivered, 200)
  assert.equal(group.status('n0').members?.includes(sleeper), false)
  assert.ok(longest <= 60, `${longest} in the log`)
  group.assertKept()
})

test('numbers of one who does not lead, and votes of one who is no member, change nothing', () => {
  const group = new Group(5)
  const { leader, view, lineage } = group.status('n0') as { leader: string; view: number; lineage: number }
  const [one, other] = group.ids.filter((id) => id !== leader) as [string, string]
  const send = (from: string, to: string, incarnation: number, body: OrderedBody) => {
    const frame = { lineage, view, incarnation, body }
    group.simulation.node(from).environment.send(group.simulation.node(to).self, frame)
  }
  const placed = [{ member: 0, sequence: 1 }]
  const own = group.status(one).incarnation
  send(one, other, own, { kind: 'order', first: 1, placed, commit: 1, stable: 1, live: true })
  group.add('stranger')
  send('stranger', other, 5, { kind: 'order', first: 1, placed, commit: 1, stable: 1, live: true })
  send('stranger', leader, 5, { kind: 'ack', held: 1, sealed: true })
  send('stranger', other, 5, { kind: 'prepare', ballot: 2 ** 40, known: 0 })
  group.simulation.run(200)
  for (const id of [one, other, leader]) assert.equal(group.status(id).numbered, 0)
  assert.equal(group.status(leader).view, view)
  assert.ok(group.simulation.node(other).protocol.counts.refused.get('stranger') >= 2)
})

test('no message throws, whatever it says and whoever sends it', () => {
  const group = new Group(3)
  group.second(group.ids)
  const target = group.simulation.node('n1').protocol
  const { lineage, view, incarnation } = group.status('n0') as { lineage: number; view: number; incarnation: number }
  const from = group.simulation.node('n0').self
  fc.assert(
    fc.property(message, fc.boolean(), fc.integer({ min: -1, max: 1 }), (any, known, off) => {
      const aimed = known && !('bimodal' in any) ? { ...any, lineage, view: view + off, incarnation } : any
      target.receive(from, aimed)
      group.simulation.run(10)
    }),
    { numRuns: 400 },
  )
})
