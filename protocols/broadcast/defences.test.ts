import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import { positionOf } from '../../core/position.ts'
import type { Sign } from '../../core/signed.ts'
import type { BimodalMessage } from './bimodal/codec.ts'
import { count, forge, push, refused, send, wrapped } from './forged.fixture.ts'
import type { Limited } from './limited.ts'
import { assertOrdered, delivered, network, publishSteadily, TOPIC, text, total } from './network.fixture.ts'
import type { Publication } from './publication.ts'

test('altered, signed by another, for another network or as another type: refused and counted', () => {
  for (const wire of [true, false]) {
    const bed = network({ nodes: 3, seed: 1, wire })
    const other = network({ nodes: 3, seed: 2, wire: true })
    const own = bed.signs.get('n0') as Sign
    const genuine = forge(bed, {}, own)
    const body = genuine.record.body.slice()
    body[body.length - 1] = (body.at(-1) as number) ^ 1
    const attempts = [
      { ...genuine, record: { ...genuine.record, body } },
      forge(bed, { sequence: 6 }, bed.signs.get('n1')),
      forge(bed, { sequence: 7 }, other.signs.get('n0')),
      forge(bed, { sequence: 8 }, (_type, signed) => own('descriptor/1', signed)),
    ]
    for (const attempt of attempts) {
      push(bed, 'n1', 'n2', attempt)
      bed.simulation.run(100)
    }
    assert.equal(count(bed, 'n2'), wire ? 0 : 4, 'unverified they all get through')
    assert.equal(bed.simulation.tally.get('signature'), wire ? 4 : 0)
    push(bed, 'n1', 'n2', wire ? genuine : forge(bed, { sequence: 9 }))
    bed.simulation.run(1000)
    assert.equal(count(bed, 'n2'), wire ? 1 : 5, 'the genuine one does, whoever passes it on')
  }
})

test('replays: as duplicates, after the buffer forgot them, and to a newcomer after the window', () => {
  for (const window of [120_000, Number.MAX_SAFE_INTEGER]) {
    const bed = network({ nodes: 3, seed: 1, wire: true, options: { window } })
    const genuine = forge(bed, {}, bed.signs.get('n0'))
    push(bed, 'n1', 'n2', genuine)
    bed.simulation.run(1000)
    push(bed, 'n1', 'n2', genuine)
    bed.simulation.run(90_000)
    assert.equal(bed.node('n2').status().stored.publications, 0)
    push(bed, 'n1', 'n2', genuine)
    bed.simulation.run(60_000)
    push(bed, 'n1', 'n2', genuine)
    bed.simulation.run(1000)
    assert.equal(count(bed, 'n2'), 1)
    assert.equal(bed.node('n2').status().done.duplicates, 1)
    assert.equal(refused(bed, 'n2', 'past'), 2)
    bed.simulation.restart('n2', bed.make('n2'))
    push(bed, 'n1', 'n2', genuine)
    bed.simulation.run(1000)
    const open = window > 120_000
    assert.equal(count(bed, 'n2'), open ? 1 : 0, 'without a window the newcomer takes it')
    assert.equal(refused(bed, 'n2', 'window'), open ? 0 : 1)
  }
})

test('forgetting publishers lets nothing in twice; while the window is open over all of them, newcomers are refused', () => {
  const bed = network({ nodes: 2, options: { publishers: 4, introduced: Number.POSITIVE_INFINITY } })
  const by = (i: number) => forge(bed, { publisher: `p${i}` })
  const first = Array.from({ length: 6 }, (_, i) => by(i))
  for (const publication of first) push(bed, 'n0', 'n1', publication)
  bed.simulation.run(1000)
  assert.equal(count(bed, 'n1'), 4)
  assert.equal(refused(bed, 'n1', 'too-many-publishers'), 2)
  bed.simulation.run(121_000)
  for (let i = 10; i < 13; i++) push(bed, 'n0', 'n1', by(i))
  for (const publication of first) push(bed, 'n0', 'n1', publication)
  bed.simulation.run(1000)
  assert.equal(count(bed, 'n1'), 7)
  assert.ok(bed.node('n1').status().publishers <= 4)
  assertOrdered(bed)
})

test('one peer with throw-away keys locks no new publisher out; without a share of the table it does, for all of whom it is the way', () => {
  const lockedOut = (introduced: number) => {
    const bed = network({ nodes: 12, options: { publishers: 64, introduced } })
    bed.simulation.run(2000)
    for (let i = 0; i < 200; i++) {
      const until = positionOf('n3') // all of the ring
      send(bed, 'n11', 'n3', { kind: 'data', publication: forge(bed, { publisher: `key${i}` }), until })
      bed.simulation.run(20)
    }
    assert.equal(bed.node('n7').publish(TOPIC, text('hello')).status, 'accepted', 'a node has a place for itself')
    bed.simulation.run(20_000)
    return bed.ids.filter((id) => !bed.got.get(id)?.some(({ from }) => from === 'n7'))
  }
  assert.deepEqual(lockedOut(0.5), [])
  assert.ok(lockedOut(Number.POSITIVE_INFINITY).length >= 10)
})

test('who has introduced its share costs no new publisher its message by being the first to bring it: epidemic', () => {
  const bed = network({ nodes: 12, options: { publishers: 64 } })
  bed.simulation.run(2000)
  const liar = bed.simulation.node('n11').environment
  const hurry = (publications: readonly Publication[]) => {
    const events = publications.map((publication) => ({ publication, age: 20 }))
    const message = { ask: false, events, claims: [], subscriptions: [] }
    for (const id of bed.ids.filter((id) => id !== 'n7'))
      liar.send(bed.simulation.node(id).self, { group: positionOf(TOPIC), delivery: 'epidemic', message })
  }
  const how = { delivery: 'epidemic' } as const
  hurry(Array.from({ length: 30 }, (_, i) => forge(bed, { publisher: `key${i}`, ...how })))
  bed.simulation.run(1000)
  const receipt = bed.node('n7').publish(TOPIC, text('hello'), how)
  assert.ok(receipt.status === 'accepted')
  hurry([forge(bed, { publisher: 'n7', sequence: receipt.sequence, payload: text('hello'), ...how })])
  bed.simulation.run(15_000)
  assert.equal(refused(bed, 'n3', 'introduced'), 9, 'of 30 keys 8, and what it hurried to bring')
  assert.equal(delivered(bed, [receipt.id]), 1)
})

test('who has introduced its share costs no new publisher its message by being the first to bring it: gravitational', () => {
  const bed = network({ nodes: 6, options: { publishers: 8 } })
  bed.simulation.run(2000)
  const how = { delivery: 'gravitational' } as const
  const say = (from: string, message: object) => {
    const wrapped = { group: positionOf(TOPIC), ...how, message: { ...message, version: 0 } }
    bed.simulation.node(from).environment.send(bed.simulation.node('n3').self, wrapped)
    bed.simulation.run(200)
  }
  const announce = (from: string, publisher: string) =>
    say(from, { kind: 'announce', publisher: positionOf(publisher), sequence: 5, after: 0, subgroup: 0 })
  const hand = (from: string, publisher: string) =>
    say(from, { kind: 'data', publication: forge(bed, { publisher, ...how }) })
  for (let i = 0; i < 4; i++) {
    announce('n5', `key${i}`)
    hand('n5', `key${i}`)
  }
  assert.equal(refused(bed, 'n3', 'introduced'), 1)
  announce('n5', 'p')
  announce('n4', 'p')
  hand('n5', 'p')
  assert.equal(refused(bed, 'n3', 'introduced'), 2)
  bed.simulation.run(1000)
  hand('n4', 'p')
  assert.deepEqual(
    bed.got.get('n3')?.map(({ from }) => from),
    ['key0', 'key1', 'key2', 'p'],
  )
})

test('what a node published before its restart does not come back to it as news', () => {
  const bed = network({ nodes: 2 })
  push(bed, 'n1', 'n0', forge(bed, { publisher: 'n0' }))
  bed.simulation.run(1000)
  assert.deepEqual([count(bed, 'n0'), refused(bed, 'n0', 'own')], [0, 1])
})

test('a publisher at 100 times its rate: held to it and named, memory bounded, the others undisturbed', () => {
  for (const rate of [20, 1e6]) {
    const named = new Map<string, string[]>()
    const init = (id: string) => ({
      on: { limited: ({ from, reason }: Limited) => named.set(id, [...(named.get(id) ?? []), `${from}: ${reason}`]) },
    })
    const limits = { publisherBytes: 256 * 1024, bufferBytes: 512 * 1024 }
    const bed = network({ nodes: 30, options: { ...limits, rate, burst: rate * 2, patience: 2000 }, init })
    const victims = bed.ids.slice(1)
    const published: string[] = []
    let sequence = 0
    for (let i = 0; i < 25; i++) {
      for (let k = 0; k < 200; k++) {
        sequence++
        const publication = forge(bed, { sequence, previous: sequence - 1, payload: new Uint8Array(500) })
        for (const to of victims.slice(k % 5, (k % 5) + 3)) send(bed, 'n0', to, { kind: 'data', publication, until: 0 })
      }
      published.push(...publishSteadily(bed, ['n3', 'n4'], 1, 100))
      for (const id of victims) {
        const { bytes } = bed.node(id).status().stored
        assert.ok(bytes <= limits.bufferBytes, `${id} stores ${bytes}`)
      }
    }
    bed.simulation.run(10_000)
    const abuse = Math.max(...victims.map((id) => bed.got.get(id)?.filter(({ from }) => from === 'n0').length ?? 0))
    if (rate === 20) {
      assert.equal(delivered(bed, published, victims), 1)
      assert.ok(abuse <= 20 * 6 + 40, `${abuse} in 2.5 s`)
      assert.ok(total(bed, 'refused', 'rate') > 5_000)
      assert.ok(victims.every((id) => bed.node(id).status().held < 300))
      const told = [...named.values()].flat()
      assert.ok(named.size >= 5 && told.length === named.size, 'once each')
      assert.deepEqual(
        [...new Set(told)],
        ['n0: it sends more than 20 messages a second and 40 at once; what is beyond that is refused'],
      )
    } else {
      assert.ok(abuse > 1000, 'without the rate they are flooded')
      assert.equal(named.size, 0)
    }
    assertOrdered(bed)
  }
})

test('a quarter of the nodes asleep, then three tenths dead, nobody told: the others get everything; without repair they do not', () => {
  const healthyShare = (fanout: number, fault: 'pause' | 'kill', share: number) => {
    const bed = network({ nodes: 32, options: { fanout } })
    publishSteadily(bed, bed.ids, 10, 50)
    const faulty = bed.simulation.random.sample(bed.ids, Math.round(32 * share))
    for (const id of faulty) bed.simulation[fault](id)
    const healthy = bed.ids.filter((id) => !faulty.includes(id))
    const published = publishSteadily(bed, healthy, 60, 25)
    bed.simulation.run(15_000)
    assertOrdered(bed, healthy)
    return delivered(bed, published, healthy)
  }
  for (const [fault, share] of [
    ['pause', 0.25],
    ['kill', 0.3],
  ] as const) {
    assert.equal(healthyShare(1, fault, share), 1, fault)
    const without = healthyShare(0, fault, share)
    assert.ok(without < 0.95, `${fault}, without repair: ${without}`)
  }
})

test('repair that nobody asked for is refused: data, pulls, replies, floods of digests', () => {
  const bed = network({ nodes: 3 })
  publishSteadily(bed, ['n2'], 3, 100)
  bed.simulation.run(5000)
  send(bed, 'n1', 'n2', { kind: 'data', publication: forge(bed), until: undefined })
  const holdings = [{ publisher: positionOf('n2'), settled: 0, runs: [{ first: 1, last: 200 }] }]
  const copies = total(bed, 'done', 'copies')
  for (let round = 900; round < 1000; round++) send(bed, 'n1', 'n2', { kind: 'pull', round, holdings })
  send(bed, 'n1', 'n2', { kind: 'digest', round: 1, answers: 999, partial: true, holdings })
  for (let i = 0; i < 20; i++)
    send(bed, 'n1', 'n2', { kind: 'digest', round: i, answers: undefined, partial: true, holdings })
  bed.simulation.run(300)
  assert.equal(refused(bed, 'n2', 'unasked'), 1)
  assert.equal(refused(bed, 'n2', 'unasked-pull'), 100)
  assert.equal(refused(bed, 'n2', 'unasked-reply'), 1)
  assert.ok(refused(bed, 'n2', 'digest-rate') >= 19)
  assert.equal(total(bed, 'done', 'copies'), copies + 1)
})

test('of one digest a pull is served once, and a reply heard once', () => {
  const bed = network({ nodes: 2 })
  const [n0, n1] = [bed.simulation.node('n0'), bed.simulation.node('n1')]
  let round = 0
  const send = n0.environment.send.bind(n0.environment)
  n0.environment.send = (to, message) => {
    const said = message.message as BimodalMessage
    if (said.kind === 'digest') round = said.round
    send(to, message)
  }
  bed.simulation.lose(1, { from: 'n0', to: 'n1' })
  publishSteadily(bed, ['n0'], 1, 0)
  bed.simulation.run(3000)
  assert.ok(round > 0)
  const of = (publisher: string, first: number, last: number) => [
    { publisher: positionOf(publisher), settled: 0, runs: [{ first, last }] },
  ]
  const twice = (message: BimodalMessage) => {
    for (let i = 0; i < 2; i++) n0.protocol.receive(n1.self, wrapped(message))
  }
  twice({ kind: 'pull', round, holdings: of('n0', 900, 1100) })
  assert.deepEqual([total(bed, 'done', 'repairs', ['n0']), refused(bed, 'n0', 'unasked-pull')], [1, 1])
  twice({ kind: 'digest', round: 1, answers: round, partial: true, holdings: of('n7', 1, 3) })
  assert.deepEqual([total(bed, 'done', 'pulls', ['n0']), refused(bed, 'n0', 'unasked-reply')], [1, 1])
})

test('announcements of what does not exist: bounded pulls, bounded memory', () => {
  const bed = network({ nodes: 3 })
  bed.simulation.run(4000)
  const runs = [{ first: 1, last: Number.MAX_SAFE_INTEGER }]
  for (let i = 0; i < 200; i++) {
    const holdings = Array.from({ length: 256 }, (_, k) => ({ publisher: i * 256 + k, settled: 0, runs }))
    const digest = { kind: 'digest', round: i, answers: undefined, partial: false, holdings } as const
    for (const from of ['n0', 'n2']) send(bed, from, 'n1', digest)
    bed.simulation.run(100)
    const { wanted, heard, sent, served } = bed.node('n1').status().most
    assert.ok((wanted as number) <= 4096 && (heard as number) <= 1024 && (sent as number) <= 256 && served === 0)
  }
  assert.equal(bed.node('n1').status().publishers, 0)
  assert.ok(bed.simulation.node('n1').sent.maxBytes < 64 * 1024)
})

test('nothing is retransmitted to one peer more often than the limit', () => {
  const sends = (retransmissions: number) => {
    const bed = network({ nodes: 2, options: { retransmissions } })
    bed.simulation.lose(1, { from: 'n0', to: 'n1' })
    publishSteadily(bed, ['n0'], 1, 0)
    bed.simulation.run(3000)
    // n1 hears digests of n0 and asks, but never gets what it asks for.
    for (let round = 1; round < 100; round++) {
      const { self } = bed.simulation.node('n1')
      const holdings = [{ publisher: positionOf('n0'), settled: 0, runs: [{ first: 900, last: 1100 }] }]
      bed.node('n0').receive(self, wrapped({ kind: 'pull', round, holdings }))
      if (round % 4 === 0) bed.simulation.run(400)
      for (let again = 1; again < 30; again++)
        bed.node('n0').receive(self, wrapped({ kind: 'pull', round: again, holdings }))
    }
    return total(bed, 'done', 'repairs', ['n0'])
  }
  assert.equal(sends(2), 2)
  assert.ok(sends(1000) > 2)
})

test('whatever interval a publication is sent with, a node passes it on once to a position', () => {
  const bed = network({ nodes: 60, options: { fanout: 0 } })
  const publication = forge(bed)
  for (let i = 0; i < 50; i++) {
    send(bed, 'n1', 'n2', { kind: 'data', publication, until: positionOf('n2') }) // the whole ring
    bed.simulation.run(20)
  }
  assert.ok((bed.node('n2').status().done.forwarded ?? 0) <= 16)
  bed.simulation.run(2000)
  assert.ok(total(bed, 'done', 'forwarded') < 2 * 60)
})

test('without budget nothing is said, and that is counted', () => {
  const bed = network({ nodes: 10, loss: 0.5, init: () => ({ budget: new TokenBucket(1, 10) }) })
  publishSteadily(bed, ['n0'], 10, 100)
  bed.simulation.run(5000)
  for (const message of ['digests', 'replies', 'pulls', 'repairs']) assert.equal(total(bed, 'done', message), 0)
  assert.ok(total(bed, 'refused', 'over-budget') > 50)
})

test('what waits for its turn in a full buffer is delivered before it is discarded', () => {
  const bed = network({ nodes: 2, options: { publisherBytes: 20_000, bufferBytes: 40_000, fanout: 0 } })
  const [n1] = ['n1']
  for (let sequence = 1; sequence <= 40; sequence++) {
    if (sequence === 2) continue // the gap that the others wait for
    push(bed, 'n0', n1, forge(bed, { sequence, previous: sequence - 1, payload: new Uint8Array(500) }))
    bed.simulation.run(100)
  }
  const { stored, held } = bed.node(n1).status()
  assert.ok(stored.bytes <= 20_000 && held <= stored.publications)
  assert.ok(count(bed, n1) >= 39 - held, 'released, not lost')
  assert.equal(bed.missed.get(n1)?.length, 1)
  assertOrdered(bed)
})
