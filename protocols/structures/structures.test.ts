import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { TokenBucket } from '../../core/bucket.ts'
import { describe, descriptorSize, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Task, Timer } from '../../core/environment.ts'
import { Malformed } from '../../core/malformed.ts'
import { Random } from '../../core/random.ts'
import type { Signed } from '../../core/signed.ts'
import { nearestRanking } from '../../overlays/tman/nearest.ts'
import { Simulation } from '../../testnet/simulator/simulation.ts'
import { type StackMessage, stackCodec } from '../channels.ts'
import { Stack } from '../stack.ts'
import { frameSize, MAX_NAME, type StructuresMessage, structuresCodec } from './codec.ts'
import { checkStructures, Structures, type StructuresInit } from './structures.ts'
import { StructureMessageSchema } from './structures_pb.ts'

const peer = (id: string, attributes: Record<string, number> = {}): PeerDescriptor =>
  describe({ id, addresses: [`/sim/${id}`], sequence: 1, issued: 0, attributes })
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)

const coordinate = { x: 1, y: -2, height: 3, error: 0.5 }
const samples: StructuresMessage[] = [
  { name: 'line:load', message: { kind: 'offer', round: 1, body: [peer('a', { load: 1 }), peer('b', { load: 2 })] } },
  { name: 'torus', message: { kind: 'answer', round: 2, body: [peer('c', { in_torus: 1 })] } },
  { name: 'tree', message: { kind: 'offer', round: 3, body: [] } },
  { name: 'own:racks', message: { kind: 'offer', round: 4, body: [peer('d')] } },
  { name: 'latency', message: { kind: 'answer', round: 5, body: { coordinate, peers: [peer('e'), peer('f')] } } },
]

test('a message comes back under its structure’s name, within the size foretold, and all descriptors are claimed', () => {
  for (const sent of samples) {
    const bytes = structuresCodec.encode(sent)
    const claims: Signed[] = []
    assert.deepEqual(structuresCodec.decode(bytes, claims), sent)
    assert.ok(bytes.length <= structuresCodec.size(sent), sent.name)
    const body = (sent.message as { body: { peers?: PeerDescriptor[] } & PeerDescriptor[] }).body
    assert.deepEqual(
      claims.map(({ signer }) => signer),
      ids(body.peers ?? body),
    )
  }
})

test('mutated, truncated and random bytes give a message that can be passed on, or Malformed, nothing else', () => {
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(255), fc.boolean()).map(([sent, at, byte, cut]) => {
      const bytes = structuresCodec.encode(sent).slice()
      bytes[at % bytes.length] = byte
      return cut ? bytes.subarray(0, at % bytes.length) : bytes
    }),
  )
  fc.assert(
    fc.property(damaged, (bytes) => {
      try {
        const decoded = structuresCodec.decode(bytes, [])
        assert.deepEqual(structuresCodec.decode(structuresCodec.encode(decoded), []), decoded)
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('limits are refused with their reason: kinds that there are not, long names, coordinates that are none', () => {
  const refused = (name: string, body = new Uint8Array(0)) => {
    try {
      structuresCodec.decode(toBinary(StructureMessageSchema, create(StructureMessageSchema, { name, body })), [])
    } catch (error) {
      return (error as Malformed).reason
    }
    return undefined
  }
  assert.equal(refused('tours'), 'structures-kind')
  assert.equal(refused('constructor'), 'structures-kind')
  assert.equal(refused('__proto__'), 'structures-kind')
  assert.equal(refused(`line:${'x'.repeat(MAX_NAME)}`), 'structures-name')
  assert.equal(refused('torus'), undefined)
  const far = { kind: 'offer' as const, round: 1, body: { coordinate: { ...coordinate, x: Number.NaN }, peers: [] } }
  const bytes = structuresCodec.encode({ name: 'latency', message: far })
  assert.throws(() => structuresCodec.decode(bytes, []), { reason: 'latency-coordinate' })
})

/** Structures of a node that is `self`; time stands still, and what it sends is kept. */
function alone(self: PeerDescriptor, init: Partial<StructuresInit>) {
  const sent: { to: string; message: StructuresMessage }[] = []
  const tasks: Task[] = []
  const running = new Set<number>()
  let timers = 0
  const timer = (): Timer => {
    const number = ++timers
    running.add(number)
    return { cancel: () => running.delete(number) }
  }
  const environment: Environment<StructuresMessage> = {
    self,
    random: new Random(1),
    now: () => 1000,
    send: (to, message) => sent.push({ to: to.id, message }),
    after: timer,
    every: (_, task) => {
      tasks.push(task)
      return timer()
    },
  }
  const structures = new Structures(environment, {
    names: [],
    budget: new TokenBucket(1e6, 1e6),
    period: 500,
    contacts: () => [],
    sample: () => [],
    admits: () => 'yes',
    ask: () => true,
    refused: () => undefined,
    attributes: () => ({}),
    changed: () => undefined,
    ...init,
  })
  structures.start()
  const turn = () => {
    for (const task of tasks) {
      if (typeof task === 'function') task()
      else task.turn()
    }
  }
  return { structures, sent, turn, running }
}

test('a bad name is refused in a sentence that says what there is', () => {
  const racks = { ranking: nearestRanking('racks', () => 0) }
  for (const [names, sentence] of [
    [['tours'], /no structure "tours": there are line:<attribute>, torus, tree, latency/],
    [['torus:x'], /"torus:x" takes nothing after a colon/],
    [['line'], /"line" needs a colon/],
    [['line:Load!'], /does not name an attribute/],
    [['own:rack'], /not among the rankings that were passed \(racks\)/],
    [['torus', 'torus'], /torus is named twice/],
    [['latency', 'torus', 'tree', 'line:a', 'line:b', 'line:c'], undefined],
    [['latency', 'torus', 'tree', 'line:a', 'line:b', 'line:c', 'line:d'], /9 numbers .* holds 8: vivaldi_x/],
  ] as const) {
    const make = () => alone(peer('self'), { names, own: [racks] })
    if (sentence === undefined) make()
    else
      assert.throws(make, (error: Error) => error instanceof RangeError && sentence.test(error.message), names.join())
  }
})

test("rankings of one's own are offered only to who passed some", () => {
  const refused = (own: { ranking: ReturnType<typeof nearestRanking> }[]) => {
    try {
      checkStructures(['tours'], own)
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  assert.match(refused([]), /there are line:<attribute>, .*superpeers$/)
  assert.match(refused([{ ranking: nearestRanking('racks', () => 0) }]), /superpeers, own:racks$/)
})

test('only peers whose descriptors say so are taken in or answered, and what else comes is counted', () => {
  const inside = peer('a', { load: 1 })
  const outside = peer('b', { speed: 1 })
  const self = peer('self', { load: 3 })
  const { structures, sent } = alone(self, { names: ['line:load'], attributes: () => ({ load: 3 }) })
  structures.introduce([inside, outside])
  const offer = (name: string, body: PeerDescriptor[]) => ({ name, message: { kind: 'offer', round: 1, body } })
  structures.receive(inside, offer('line:load', [inside, outside, peer('c', { load: 2 })]))
  assert.deepEqual(
    sent.map(({ to }) => to),
    ['a'],
  )
  structures.receive(outside, offer('line:load', [outside]))
  structures.receive(inside, offer('torus', [inside]))
  assert.equal(sent.length, 1)
  assert.deepEqual(structures.status().counts, { 'not-taking-part': 1, 'not-run': 1 })
  assert.deepEqual(ids(structures.kept()).sort(), ['a', 'c'])
  // An older descriptor, from before it took part, changes nothing; a newer one says that it takes part no more.
  const without = (sequence: number) => describe({ id: 'a', addresses: [], sequence, issued: 0 })
  structures.introduce([without(0)])
  assert.deepEqual(ids(structures.kept()).sort(), ['a', 'c'])
  structures.introduce([without(2)])
  assert.deepEqual(ids(structures.kept()), ['c'])
})

test('a node whose attribute is no number says nothing about it, talks to nobody, and keeps quiet when talked to', () => {
  const other = peer('a', { load: 1 })
  const { structures, sent, turn } = alone(peer('self'), {
    names: ['line:load'],
    attributes: () => ({ load: 'high' }),
    sample: () => [other],
  })
  assert.deepEqual(structures.ranked(), {})
  structures.introduce([other])
  for (let i = 0; i < 20; i++) turn()
  assert.deepEqual(sent, [])
  assert.deepEqual(structures.members().get('line:load'), [])
})

test('after stop no structure of any kind has a timer left', () => {
  const names = ['line:load', 'torus', 'tree', 'spanning-tree', 'slices:load', 'superpeers', 'own:racks']
  const racks = { ranking: nearestRanking('racks', () => 0) }
  const { structures, running } = alone(peer('self'), { names, own: [racks] })
  assert.ok(running.size >= names.length)
  structures.stop()
  structures.stop()
  assert.equal(running.size, 0)
})

test('a message is paid for with the name around it: what is left too small for that is not sent, and counted', () => {
  const [self, other] = [peer('self', { in_torus: 1 }), peer('a', { in_torus: 1 })]
  const offer = 16 + descriptorSize(self) + 4
  const outcome = (burst: number) => {
    const init = { names: ['torus'], budget: new TokenBucket(0, burst), attributes: () => ({}) }
    const { structures, sent, turn } = alone(self, init)
    structures.introduce([other])
    turn()
    return [sent.length, structures.tally.toJSON()]
  }
  assert.deepEqual(outcome(offer + frameSize('torus')), [1, {}])
  assert.deepEqual(outcome(offer + frameSize('torus') - 1), [0, { 'over-budget': 1 }])
})

test('stacks run a ranking of the user’s beside the ring: nodes of like rack find each other', () => {
  const racks = nearestRanking('racks', (a, b) => Math.abs((a.attributes.rack ?? 0) - (b.attributes.rack ?? 0)), {
    neighbours: 3,
  })
  const simulation = new Simulation<StackMessage, Stack>({ seed: 2, latency: 20, codec: stackCodec, wire: true })
  for (let i = 0; i < 32; i++) {
    const node = simulation.add({ addresses: [`/sim/${i}`] }, (environment, sign) => {
      let sequence = 0
      return new Stack(environment, {
        attributes: () => ({ rack: i % 8 }),
        sign,
        sequences: { next: () => ++sequence },
        options: { structures: ['own:racks'], rankings: [{ ranking: racks, attributes: ['rack'] }] },
      })
    })
    node.describe({ attributes: node.protocol.ranked() })
    if (i > 0) node.protocol.introduce([(simulation.nodes[0] as typeof node).self])
  }
  simulation.run(20_000)
  for (const { self, protocol } of simulation.nodes) {
    const near =
      protocol
        .structures()
        .get('own:racks')
        ?.filter(({ role }) => role === 'neighbour') ?? []
    assert.deepEqual(
      near.map(({ peer }) => peer.attributes.rack),
      [self.attributes.rack, self.attributes.rack, self.attributes.rack],
    )
    for (const { peer } of near) assert.ok(ids(protocol.wanted()).includes(peer.id))
  }
})
