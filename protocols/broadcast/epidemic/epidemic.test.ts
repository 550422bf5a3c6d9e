import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { compose, type Publication, publicationId } from '../publication.ts'
import { epidemicCodec } from './codec.ts'
import { Epidemic, type EpidemicOptions, LPBCAST } from './epidemic.ts'
import type { EpidemicMessage } from './messages.ts'
import { SubscriptionView } from './view.ts'

interface Setup {
  readonly nodes: number
  readonly options?: Partial<EpidemicOptions>
  /** Bytes a second. */
  readonly budget?: number
  readonly views?: boolean
  readonly refuse?: (publication: Publication) => boolean
}

const PERIOD = 1000
/** Publications as they came, by name. */
const heard = new Map<string, Publication>()

/** Members with the real codec and signatures between them; what each got, in the order in which it came. */
function network({ nodes, options = {}, budget = 1e6, views = false, refuse = () => false }: Setup) {
  const simulation = new Simulation<EpidemicMessage, Epidemic>({ seed: 1, codec: epidemicCodec, wire: true })
  const peers: PeerDescriptor[] = []
  const got = new Map<string, string[]>()
  const signs: (typeof compose extends (fields: never, sign?: infer S) => unknown ? S : never)[] = []
  for (let i = 0; i < nodes; i++) {
    const { self } = simulation.add({ start: false }, (environment: Environment<EpidemicMessage>, sign) => {
      const mine: string[] = []
      got.set(environment.self.id, mine)
      signs.push(sign)
      const view = new SubscriptionView(() => environment.self, environment.random, peers.slice(-1))
      return new Epidemic(
        environment,
        {
          partners: () => peers.filter(({ id }) => id !== environment.self.id),
          budget: new TokenBucket(budget / 2, budget / 2),
          accept(publication) {
            if (refuse(publication)) return { refused: 'not-wanted' }
            mine.push(publicationId(publication))
            heard.set(publicationId(publication), publication)
            return 'new'
          },
          ...(views && { view }),
        },
        { period: PERIOD, ...options },
      )
    })
    peers.push(self)
  }
  for (const { protocol } of simulation.nodes) protocol.start()
  const publish = (node: number, sequence: number, bytes = 20, how: Partial<Publication> = {}) => {
    const publisher = (peers[node] as PeerDescriptor).id
    const payload = new Uint8Array(bytes)
    const publication = compose({ publisher, sequence, published: 5, topic: 'news', payload, ...how }, signs[node])
    simulation.node(publisher).protocol.spread(publication)
  }
  return { simulation, got, publish, status: (i: number) => simulation.nodes[i]?.protocol.status() ?? {} }
}

for (const [name, options] of [
  ['asking', {}],
  ['as published', LPBCAST],
] as const) {
  test(`${name}: every member gets every publication once`, () => {
    const { simulation, got, publish } = network({ nodes: 30, options })
    for (let i = 0; i < 30; i++) publish(i, 1)
    simulation.run(15 * PERIOD)
    for (const [id, mine] of got) {
      assert.equal(new Set(mine).size, mine.length, id)
      assert.equal(mine.length, 29, id)
    }
  })
}

test('partial views that begin with one contact each: everybody is found, and gets everything', () => {
  const { simulation, got, publish } = network({ nodes: 30, views: true })
  simulation.run(10 * PERIOD)
  publish(29, 1)
  publish(0, 1)
  simulation.run(15 * PERIOD)
  assert.equal(
    [...got.values()].reduce((sum, mine) => sum + mine.length, 0),
    2 * 29,
  )
})

test('what the host refuses is counted with its reason, and not passed on', () => {
  const { simulation, got, publish, status } = network({ nodes: 3, refuse: ({ sequence }) => sequence === 2 })
  publish(0, 1)
  publish(0, 2)
  simulation.run(5 * PERIOD)
  assert.deepEqual([...got.values()].slice(1), [['n0/1'], ['n0/1']])
  assert.equal(status(1)['not-wanted'], 1)
  assert.equal(status(1).buffered, 1)
})

test('a flood holds no more than the buffer, and what goes is counted', () => {
  const { simulation, publish, status } = network({ nodes: 3, options: { buffer: 10, ids: 50 } })
  for (let sequence = 1; sequence <= 200; sequence++) publish(0, sequence)
  simulation.run(5 * PERIOD)
  assert.deepEqual([status(0).buffered, status(0).ids, status(0).dropped], [10, 50, 190])
  for (const i of [1, 2]) assert.ok(Number(status(i).buffered) <= 10)
})

test('nobody sends more than its budget, whatever is asked of it; without one it does', () => {
  const most = (budget: number) => {
    const { simulation, publish, status } = network({ nodes: 8, budget, options: { buffer: 60 } })
    for (let sequence = 1; sequence <= 60; sequence++) publish(0, sequence, 1000)
    simulation.run(10 * PERIOD)
    return [simulation.node('n0').sent.maxBytes, status(0)['over-budget'] ?? 0] as [number, number]
  }
  const [bounded, refused] = most(100_000)
  assert.ok(bounded <= 100_000 && refused > 0, `${bounded}, ${refused}`)
  const [unbounded, none] = most(1e9)
  assert.ok(unbounded > 100_000 && none === 0, `${unbounded}, ${none}`)
})

test('what does not fit a frame goes in several messages, and arrives', () => {
  const { simulation, got, publish } = network({ nodes: 2, options: { buffer: 60 }, budget: 1e7 })
  for (let sequence = 1; sequence <= 60; sequence++) publish(0, sequence, 10_000)
  simulation.run(4 * PERIOD)
  assert.equal(got.get('n1')?.length, 60)
})

test('who asks again and again is answered once a round', () => {
  const { simulation, publish, status } = network({ nodes: 2 })
  publish(0, 1)
  const [asked, asks] = simulation.nodes
  if (asked === undefined || asks === undefined) throw new Error('two nodes')
  const before = Number(status(0).sent ?? 0)
  for (let i = 0; i < 100; i++) {
    asks.environment.send(asked.self, { ask: true, events: [], claims: [], subscriptions: [] })
  }
  simulation.run(100)
  assert.ok(Number(status(0).sent ?? 0) - before <= 2)
  assert.ok(Number(status(0)['asked-too-often']) >= 98)
})

test('what has outlived its time is passed on by nobody; as published, for all its rounds', () => {
  const copies = (heedful: boolean) => {
    const { simulation, publish, status } = network({ nodes: 10, options: { heedful, copies: false } })
    const published = (simulation.nodes[0] as (typeof simulation.nodes)[number]).environment.now()
    publish(0, 1, 20, { published, ttl: 3 * PERIOD })
    simulation.run(4 * PERIOD)
    const received = () => simulation.nodes.reduce((sum, _, i) => sum + Number(status(i).duplicate ?? 0), 0)
    const before = received()
    simulation.run(5 * PERIOD)
    return { before, after: received() - before, buffered: Number(status(0).buffered) }
  }
  const heedful = copies(true)
  assert.ok(heedful.before > 0)
  assert.deepEqual([heedful.after, heedful.buffered], [0, 0])
  const heedless = copies(false)
  assert.ok(heedless.after > 50, `${heedless.after}`)
})

test('buffers too small for all that is published lose what is of low priority first; as published, both alike', () => {
  const lost = (heedful: boolean) => {
    const { simulation, got, publish } = network({ nodes: 20, options: { heedful, buffer: 9 } })
    for (let round = 0; round < 20; round++) {
      for (let node = 0; node < 20; node++) {
        const sequence = round * 20 + node + 1
        publish(node, sequence, 20, { priority: sequence % 2 === 0 ? 'high' : 'low' })
      }
      simulation.run(PERIOD)
    }
    simulation.run(10 * PERIOD)
    const came = (parity: number) =>
      [...got.values()].flat().filter((id) => Number(id.split('/')[1]) % 2 === parity).length / (200 * 19)
    return { low: 1 - came(1), high: 1 - came(0) }
  }
  const [heedful, alike] = [lost(true), lost(false)]
  assert.ok(heedful.high < 0.7 * heedful.low, `${heedful.high}, ${heedful.low}`)
  assert.ok(alike.high > 0.8 * alike.low, `${alike.high}, ${alike.low}`)
  assert.ok(heedful.high < 0.8 * alike.high, `${heedful.high}, ${alike.high}, ${alike.low}, ${heedful.low}`)
})

test('a stopped member neither sends nor takes anything in', () => {
  const { simulation, got, publish } = network({ nodes: 2 })
  simulation.node('n1').protocol.stop()
  publish(0, 1)
  simulation.run(5 * PERIOD)
  assert.deepEqual(got.get('n1'), [])
})

test('a liar who says that an event is ancient does not end it; without the bound it does', () => {
  const held = (trust: number) => {
    const { simulation, status, publish } = network({ nodes: 3, options: { trust } })
    publish(0, 1)
    simulation.run(2 * PERIOD)
    const [first, , liar] = simulation.nodes
    if (first === undefined || liar === undefined) throw new Error('three nodes')
    const publication = heard.get('n0/1') as Publication
    const lie = { ask: false, events: [{ publication, age: 63 }], claims: [], subscriptions: [] }
    for (const { self } of simulation.nodes) liar.environment.send(self, lie)
    simulation.run(2 * PERIOD)
    return [status(0).buffered, status(1).buffered]
  }
  assert.deepEqual(held(4), [1, 1])
  assert.deepEqual(held(Number.POSITIVE_INFINITY), [0, 0])
})
