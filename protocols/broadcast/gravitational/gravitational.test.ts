import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { positionOf } from '../../../core/position.ts'
import { uniform } from '../../../testnet/simulator/latency.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { Host } from '../host.fixture.ts'
import { network, text, total } from '../network.fixture.ts'
import { compose } from '../publication.ts'
import { type GravitationalMessage, gravitationalCodec, MAX_MATES } from './codec.ts'
import { Gravitational } from './gravitational.ts'
import { height } from './height.ts'
import { GRAVITATIONAL_DEFAULTS, type GravitationalOptions } from './options.ts'

const HOW = { delivery: 'gravitational' } as const

/** `nodes` of which node i rates as `rating` says; node 0 publishes and wants nothing. */
function rated(nodes: number, rating: (node: number) => number, seed = 1, loss = 0, latency = uniform(25, 75)) {
  const bed = network({ nodes, seed, loss, latency })
  const got = new Map<string, number[]>()
  const ends = new Map<string, () => void>()
  bed.ids.slice(1).forEach((id, i) => {
    const numbers: number[] = []
    got.set(id, numbers)
    const onMessage = ({ sequence }: { sequence: number }) => void numbers.push(sequence)
    ends.set(id, bed.node(id).subscribe('rated', { rating: rating(i + 1), onMessage }))
  })
  return { bed, got, ends }
}

/** @returns the sequence numbers */
function publishRated({ bed }: Pick<ReturnType<typeof rated>, 'bed'>, count: number): number[] {
  const numbers: number[] = []
  for (let i = 0; i < count; i++) {
    const receipt = bed.node('n0').publish('rated', text(`${i}`), HOW)
    assert.ok(receipt.status === 'accepted')
    numbers.push(receipt.sequence)
    bed.simulation.run(50)
  }
  bed.simulation.run(15_000)
  return numbers
}

/** What a rating says of n0's publications. */
function due(numbers: readonly number[], rating: number): number[] {
  return numbers.filter((sequence) => height(positionOf('n0'), sequence) < rating)
}

test('who comes to want everything is told of nothing that it did not want before', () => {
  const run = rated(10, (node) => (node === 4 ? 0.3 : 1))
  publishRated(run, 1)
  run.bed.node('n0').subscribe('rated', () => {}) // so that it stays and names what it published before
  publishRated(run, 60)
  run.bed.node('n4').subscribe('rated', () => {})
  run.bed.simulation.run(10_000)
  const all = publishRated(run, 20)
  assert.deepEqual(run.bed.missed.get('n4'), [])
  assert.equal(run.got.get('n9')?.filter((sequence) => all.includes(sequence)).length, 20)
})

test('everybody receives the share that it rated, once and in order, also when a tenth of the messages is lost', () => {
  const ratings = [1, 0.5, 0.2, 0.05]
  for (const loss of [0, 0.1]) {
    const run = rated(40, (node) => ratings[node % 4] as number, 1, loss)
    publishRated(run, 1) // its source joins the group with it
    for (const numbers of run.got.values()) numbers.length = 0
    const published = publishRated(run, 200)
    for (const [id, numbers] of run.got) {
      const should = due(published, ratings[Number(id.slice(1)) % 4] as number)
      const kept = should.filter((sequence) => numbers.includes(sequence))
      assert.deepEqual(numbers, kept, `${id}: nothing else, once and in order`)
      assert.ok(numbers.length >= should.length - 4, `${id}: ${numbers.length} of ${should.length}`)
    }
    const thinned = [...run.got.keys()].filter((id) => ratings[Number(id.slice(1)) % 4] !== 1)
    assert.equal(total(run.bed, 'done', 'missed', thinned), 0, 'gaps are on purpose')
  }
})

test('who wants everything is told what it did not get; who wants less is not, as nobody knows what it was', () => {
  for (const rating of [1, 0.9]) {
    const run = rated(10, () => rating)
    const { simulation, ids } = run.bed
    run.bed.node('n0').subscribe('rated', { rating, onMessage: () => {} }) // so that it stays and names what it published before
    publishRated(run, 1)
    publishRated(run, 10)
    simulation.partition([['n4'], ids.filter((id) => id !== 'n4')])
    const lost = publishRated(run, 10)
    simulation.run(65_000)
    simulation.heal()
    publishRated(run, 10)
    const told = run.bed.missed.get('n4')?.map(({ range }) => range)
    assert.deepEqual(told, rating === 1 ? [{ first: lost[0], last: lost.at(-1) }] : [])
  }
})

test('messages in parts: everybody receives the share that it rated, whole, though parts overtake each other; nothing is missed', () => {
  const run = rated(12, () => 0.2, 1, 0, uniform(10, 400))
  publishRated(run, 1)
  for (const numbers of run.got.values()) numbers.length = 0
  const published: number[] = []
  for (let i = 0; i < 150; i++) {
    const receipt = run.bed.node('n0').publish('rated', new Uint8Array(90_000), HOW)
    assert.ok(receipt.status === 'accepted')
    published.push(receipt.sequence)
    run.bed.simulation.run(1000)
  }
  run.bed.simulation.run(15_000)
  const should = due(published, 0.2)
  assert.ok(should.length > 20)
  for (const [id, numbers] of run.got) assert.deepEqual(numbers, should, id)
  assert.deepEqual([...run.bed.missed.values()].flat(), [])
})

test('two subscribers on one node that rated differently: each gets its share', () => {
  const run = rated(20, () => 0.5)
  const little: number[] = []
  run.bed.node('n1').subscribe('rated', { rating: 0.1, onMessage: ({ sequence }) => little.push(sequence) })
  publishRated(run, 1)
  little.length = 0
  const published = publishRated(run, 100)
  assert.deepEqual(little, due(published, 0.1))
  const much = due(published, 0.5)
  assert.deepEqual(run.got.get('n1')?.slice(-much.length), much)
})

test('subgroups of one topic: members get those that they rate, others cost them nothing', () => {
  const bed = network({ nodes: 20 })
  const got = new Map<string, number>()
  bed.ids.slice(1).forEach((id, i) => {
    const subgroup = i % 2 === 0 ? 'even' : 'odd'
    const onMessage = () => void got.set(id, (got.get(id) ?? 0) + 1)
    bed.node(id).subscribe('rated', { subgroup, onMessage })
  })
  bed.node('n0').publish('rated', text('first'), { ...HOW, subgroup: 'even' })
  bed.simulation.run(10_000)
  const before = total(
    bed,
    'done',
    'copies',
    bed.ids.slice(2).filter((_, i) => i % 2 === 0),
  )
  for (let i = 0; i < 40; i++) {
    bed.node('n0').publish('rated', text(`${i}`), { ...HOW, subgroup: 'even' })
    bed.simulation.run(100)
  }
  bed.simulation.run(10_000)
  bed.ids.slice(1).forEach((id, i) => {
    assert.equal(got.get(id) ?? 0, i % 2 === 0 ? 41 : 0, id)
  })
  assert.equal(
    total(
      bed,
      'done',
      'copies',
      bed.ids.slice(2).filter((_, i) => i % 2 === 0),
    ),
    before,
  )
  assert.throws(() => bed.node('n1').subscribe('rated', { subgroup: 'x'.repeat(65), onMessage: () => {} }), RangeError)
})

test('ratings change at run time: what is rated down stops coming, what is rated up comes', () => {
  const run = rated(20, (node) => (node === 1 ? 1 : 0.2))
  const { bed, ends } = run
  publishRated(run, 1)
  const [down, up]: [number[], number[]] = [[], []]
  bed.node('n1').subscribe('rated', { rating: 0.2, onMessage: ({ sequence }) => down.push(sequence) })
  bed.node('n2').subscribe('rated', { rating: 1, onMessage: ({ sequence }) => up.push(sequence) })
  for (const id of ['n1', 'n2']) ends.get(id)?.()
  bed.simulation.run(2000)
  const copies = bed.node('n1').status().done.copies as number
  const published = publishRated(run, 100)
  assert.deepEqual(up, published)
  assert.deepEqual(down, due(published, 0.2))
  assert.ok((bed.node('n1').status().done.copies as number) - copies <= down.length + 2, 'and costs no more than that')
})

type Message = GravitationalMessage

interface Attacked {
  readonly hosts: Host<Message>[]
  readonly simulation: Simulation<Message>
}

/** Everybody knows everybody. `hostile` makes the last node. */
function hosted(
  ratings: readonly number[],
  options: Partial<GravitationalOptions>,
  hostile?: (environment: Environment<Message>) => Protocol<Message>,
): Attacked {
  const simulation = new Simulation<Message>({ seed: 1, latency: uniform(10, 50), codec: gravitationalCodec })
  const hosts = ratings.map((rating) => {
    const make = (environment: Environment<Message>) =>
      new Host<Message>(environment, {
        name: 'gravitational',
        peers: () => simulation.nodes.map(({ self }) => self).filter(({ id }) => id !== environment.self.id),
        make: (own, init) => new Gravitational(own, init, options),
        rating,
      })
    return simulation.add({}, make).protocol
  })
  if (hostile !== undefined) simulation.add({}, hostile)
  return { hosts, simulation }
}

/** Announces to everybody, sooner than anybody else can, whatever it may be, and hands out nothing. */
function withholder(publisher: string, count: number) {
  return (environment: Environment<Message>): Protocol<Message> => {
    const tell = (to: Parameters<Protocol<Message>['receive']>[0]) => {
      for (let sequence = 1; sequence <= count; sequence++) {
        const name = { publisher: positionOf(publisher), sequence, after: 0, subgroup: positionOf('') % 2 ** 32 }
        environment.send(to, { kind: 'announce', version: 0, ...name })
      }
    }
    return { start: () => {}, stop: () => {}, receive: (from, { kind }) => void (kind === 'ratings' && tell(from)) }
  }
}

test('who announces what it withholds delays it; were others who have it not remembered, it would stay away', () => {
  const missing = (others: number) => {
    const { hosts, simulation } = hosted(
      [1, 1, 1, 1, 1],
      { others, patience: 60_000 / (others > 0 ? 120 : 1) },
      withholder('n0', 10),
    )
    simulation.run(5000)
    const ids = Array.from({ length: 10 }, () => {
      const id = (hosts[0] as Host<Message>).publish()
      simulation.run(50)
      return id
    })
    simulation.run(15_000)
    return hosts.reduce((sum, { got }) => sum + ids.filter((id) => !got.has(id)).length, 0)
  }
  assert.equal(missing(3), 0)
  assert.ok(missing(0) > 10)
})

test('a publisher that leaves out numbers to be low gets no more than its share to who rates low; without the allowance all of it', () => {
  const received = (allowance: number) => {
    const { hosts, simulation } = hosted([1, 0.05], { allowance })
    simulation.run(3000)
    const [publisher, victim] = hosts as [Host<Message>, Host<Message>]
    let sequence = 0
    for (let i = 0; i < 400; i++) {
      do sequence++
      while (height(positionOf('n0'), sequence) >= 0.05)
      publisher.publish(sequence)
      simulation.run(50)
    }
    simulation.run(10_000)
    return { got: victim.got.size, refused: victim.counts.refused.get('above-share') }
  }
  const limited = received(1.5)
  // 20 s at 20 a second, of that 5 % one and a half times, and what it may get at once.
  assert.ok(limited.got <= 30 + 19 + 20, `${limited.got}`)
  assert.ok(limited.refused > 300)
  assert.ok(received(Number.MAX_SAFE_INTEGER).got > 380)
})

/** Announces to everybody whom it hears of, a thousand times a second, ever new publications of a publisher that made no such ones. */
function forger(publisher: string) {
  return (environment: Environment<Message>): Protocol<Message> => {
    const known = new Map<string, Parameters<Protocol<Message>['receive']>[0]>()
    let sequence = 2 ** 40
    const forge = () => {
      for (const to of known.values()) {
        const name = {
          publisher: positionOf(publisher),
          sequence: sequence++,
          after: 0,
          subgroup: positionOf('') % 2 ** 32,
        }
        environment.send(to, { kind: 'announce', version: 0, ...name })
      }
    }
    const start = () => void environment.every(10, () => Array.from({ length: 10 }, forge))
    return { start, stop: () => {}, receive: (from) => void known.set(from.id, from) }
  }
}

test('who announces what does not exist costs its publisher nothing; were its word enough, what that really publishes would not come', () => {
  const received = (unproven: GravitationalOptions['unproven']) => {
    const { hosts, simulation } = hosted([1, 1, 1, 1, 1], { unproven }, forger('n0'))
    simulation.run(15_000)
    const ids = Array.from({ length: 40 }, () => {
      const id = (hosts[0] as Host<Message>).publish()
      simulation.run(250)
      return id
    })
    simulation.run(15_000)
    const refused = hosts.reduce((sum, { counts }) => sum + counts.refused.get('unproven'), 0)
    return { came: hosts.map(({ got }) => ids.filter((id) => got.has(id)).length), refused }
  }
  const defended = received(GRAVITATIONAL_DEFAULTS.unproven)
  assert.deepEqual(defended.came, [40, 40, 40, 40, 40])
  assert.ok(defended.refused > 1000, `${defended.refused}`)
  const believed = received({ rate: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY })
  assert.ok(
    believed.came.slice(1).every((came) => came < 30),
    `${believed.came}`,
  )
})

test('a liar that claims to want everything costs itself alone; others go on to receive and carry their share', () => {
  const ratings = [1, 1, 0.2, 0.2, 0.2, 0.2]
  const run = (liar: number) => {
    const { hosts, simulation } = hosted([...ratings, liar], {})
    simulation.run(5000)
    const sent = simulation.nodes.map(({ sent: { bytes } }) => bytes)
    for (let i = 0; i < 256; i++) {
      hosts[0]?.publish()
      simulation.run(50)
    }
    simulation.run(10_000)
    return {
      got: hosts.map(({ got }) => got.size),
      received: simulation.nodes.map(({ received: { bytes } }) => bytes),
      sent: simulation.nodes.map(({ sent: { bytes } }, i) => bytes - (sent[i] as number)),
    }
  }
  const [honest, lying] = [run(0.2), run(1)]
  assert.deepEqual(lying.got.slice(0, 6), honest.got.slice(0, 6))
  assert.ok((lying.received[6] as number) > 3 * (honest.received[6] as number))
  for (let i = 2; i < 6; i++) {
    assert.ok((lying.sent[i] as number) < 1.15 * (honest.sent[i] as number), `n${i} sends more`)
  }
})

test('what was not asked for is not taken, and what was not announced is not handed out', () => {
  const { hosts, simulation } = hosted([1, 1], {})
  simulation.run(3000)
  const [first, second] = simulation.nodes as [(typeof simulation.nodes)[number], (typeof simulation.nodes)[number]]
  const fields = { publisher: 'n9', sequence: 1, published: 1_700_000_000_000, topic: 't', payload: new Uint8Array(9) }
  const publication = compose({ ...fields, ...HOW })
  second.protocol.receive(first.self, { kind: 'data', version: 0, publication })
  assert.equal(hosts[1]?.got.size, 0)
  assert.equal(hosts[1]?.counts.refused.get('unasked'), 1)
  first.protocol.receive(second.self, { kind: 'want', version: 0, publisher: positionOf('n0'), sequence: 1 })
  assert.equal(hosts[0]?.counts.refused.get('unasked-want'), 1)
})

/** Tells whom it knows, ten times a second, of ever new members who are not there. */
function introducer(environment: Environment<Message>): Protocol<Message> {
  const elsewhere = new Simulation<Message>({ seed: 2 })
  const inert = () => ({ start: () => {}, stop: () => {}, receive: () => {} })
  const ghost = () => elsewhere.add({ id: `ghost${elsewhere.nodes.length}` }, inert).self
  const told = { kind: 'ratings', ask: false, standing: { rest: 255, named: new Map() }, have: undefined } as const
  const known = new Map<string, Parameters<Protocol<Message>['receive']>[0]>()
  return {
    start: () =>
      void environment.every(100, () => {
        const mates = Array.from({ length: MAX_MATES }, ghost)
        for (const to of known.values()) environment.send(to, { ...told, poor: [], mates, version: 0 })
      }),
    stop: () => {},
    receive: (from) => void known.set(from.id, from),
  }
}

test('who was not asked introduces nobody, and no stranger is written to; were everybody believed, several a round for ever', () => {
  const strangers = (advisers: number) => {
    const { hosts, simulation } = hosted([1, 1, 1, 1], { advisers }, introducer)
    simulation.run(60_000)
    const refused = hosts.reduce((sum, { counts }) => sum + counts.refused.get('unasked-introduction'), 0)
    return { written: simulation.tally.get('unknown'), refused }
  }
  const defended = strangers(GRAVITATIONAL_DEFAULTS.advisers)
  // It is asked itself now and then, as everybody is, and names eight: two messages each.
  assert.ok(defended.written < 4 * 20 * MAX_MATES, `${defended.written}`)
  assert.ok(defended.refused > 4 * 500, `${defended.refused}`)
  const credulous = strangers(Number.POSITIVE_INFINITY)
  assert.ok(credulous.written > 4 * 600, `${credulous.written}`)
  assert.equal(credulous.refused, 0)
})

test('who is found down is forgotten, whether it is known or was only introduced', () => {
  const { hosts, simulation } = hosted([1, 1], { advisers: Number.POSITIVE_INFINITY })
  const [first, second] = simulation.nodes as [(typeof simulation.nodes)[number], (typeof simulation.nodes)[number]]
  const { delivery } = hosts[0] as Host<Message>
  const ghost = { ...second.self, id: 'ghost', position: positionOf('ghost') }
  const told = {
    kind: 'ratings',
    ask: false,
    standing: { rest: 9, named: new Map() },
    have: undefined,
    poor: [],
  } as const
  first.protocol.receive(second.self, { ...told, mates: [ghost], version: 1 })
  assert.deepEqual([delivery.status().members, delivery.status().introduced], [1, 1])
  delivery.peerDown('ghost')
  delivery.peerDown(second.id)
  assert.deepEqual([delivery.status().members, delivery.status().introduced], [0, 0])
})
