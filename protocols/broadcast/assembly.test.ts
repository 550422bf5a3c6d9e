import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { positionOf } from '../../core/position.ts'
import { type Assembled, Assembly } from './assembly.ts'
import { network, TOPIC } from './network.fixture.ts'
import { compose } from './publication.ts'

const PART = 1000
const LIMIT = 8 * PART
const PATIENCE = 60_000

function part(publisher: string, part: number, parts: number) {
  return compose({
    publisher,
    sequence: 1 + part,
    previous: part,
    published: 0,
    topic: 't',
    payload: new Uint8Array(PART),
    part,
    parts,
  })
}

/** All parts of one message, one after the other; what came of the last. */
function send(assembly: Assembly, publisher: string, parts: number, now: number, count = parts): Assembled {
  let assembled: Assembled = 'wait'
  for (let i = 0; i < count; i++) assembled = assembly.add(part(publisher, i, parts), now)
  return assembled
}

test('publishers that die in the middle of a message cost others nothing: the longest idle makes room, and is forgotten', () => {
  const assembly = new Assembly(LIMIT, PATIENCE)
  for (let i = 0; i < 4; i++) send(assembly, `dead ${i}`, 3, i, 2)
  assert.equal(assembly.bytes, LIMIT)
  assert.ok(
    typeof send(assembly, 'alive', 6, 10) === 'object' && 'payload' in (send(assembly, 'alive', 6, 11) as object),
  )
  assert.ok(assembly.bytes <= LIMIT)
  assembly.turn(10 + PATIENCE)
  assert.deepEqual([assembly.bytes, assembly.size], [0, 0])
})

test('a message that had to make room is told as that, not as one with a lost part', () => {
  const assembly = new Assembly(LIMIT, PATIENCE)
  send(assembly, 'slow', 3, 0, 2)
  send(assembly, 'fast', 8, 1, 7)
  const crowdedOut = assembly.add(part('slow', 2, 3), 2)
  assert.match((crowdedOut as { broken: string }).broken, /no room/)
  const lost = assembly.add(part('other', 2, 3), 3)
  assert.match((lost as { broken: string }).broken, /is missing/)
})

test('of a message that had to make room nothing more is held, and parts of two messages never make one', () => {
  const assembly = new Assembly(LIMIT, PATIENCE)
  send(assembly, 'slow', 4, 0, 2)
  send(assembly, 'fast', 8, 1, 7)
  assert.equal(assembly.bytes, 7 * PART)
  assert.equal(assembly.add(part('slow', 2, 4), 2), 'wait')
  assert.equal(assembly.bytes, 7 * PART)
  assembly.add(part('other', 0, 2), 3)
  assert.match((assembly.add(part('other', 1, 3), 4) as { broken: string }).broken, /is missing/)
})

test('the head of one message and the tail of the next never make one, though place and number of parts fit', () => {
  const assembly = new Assembly(LIMIT, PATIENCE)
  const fields = { publisher: 'p', published: 0, topic: 't', parts: 2, payload: new Uint8Array(PART) }
  assert.equal(assembly.add(compose({ ...fields, sequence: 5, previous: 0, part: 0 }), 1), 'wait')
  // 6, the tail of the first, and 7, the head of the second, are lost.
  const tail = assembly.add(compose({ ...fields, sequence: 8, previous: 7, part: 1 }), 2)
  assert.match((tail as { broken: string }).broken, /is missing/)
  assert.equal(assembly.bytes, 0)
})

test('parts without a payload take room, too: of any number that one peer makes up no more is held than the limit', () => {
  const limit = 2 ** 20
  const assembly = new Assembly(limit, PATIENCE)
  const fields = { published: 0, topic: 't', parts: 32, payload: new Uint8Array(0) }
  for (let i = 0; i < 20_000; i++)
    assembly.add(compose({ ...fields, publisher: `key ${i}`, sequence: 1, part: 0 }), i / 1000)
  assert.ok(assembly.bytes > limit / 2 && assembly.bytes <= limit, `${assembly.bytes} bytes`)
  assert.equal(assembly.size, 16_384)
  for (let i = 0; i < 32; i++) {
    const payload = new Uint8Array(i % 3)
    const one = { ...fields, publisher: 'honest', sequence: 1 + i, previous: i, part: i, payload }
    const assembled = assembly.add(compose(one), 30)
    if (i === 31) assert.equal((assembled as { payload: Uint8Array }).payload.length, 31)
  }
})

test('whatever parts come: within the limit, and only whole messages are given out', () => {
  const parts = fc.record({
    publisher: fc.nat(5),
    part: fc.nat(9),
    parts: fc.integer({ min: 1, max: 10 }),
    pause: fc.nat(20_000),
  })
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 100 }), (script) => {
      const assembly = new Assembly(LIMIT, PATIENCE)
      let now = 0
      for (const one of script) {
        if (one.part >= one.parts) continue
        const assembled = assembly.add(part(`p${one.publisher}`, one.part, one.parts), now)
        assert.ok(assembly.bytes <= LIMIT)
        if (typeof assembled === 'object' && 'payload' in assembled)
          assert.equal(assembled.payload.length, one.parts * PART)
        now += one.pause
        assembly.turn(now)
      }
      assembly.turn(now + PATIENCE)
      assert.deepEqual([assembly.bytes, assembly.size], [0, 0])
    }),
  )
})

test('six publishers that stop in the middle of large messages do not keep a node from the large messages of others', () => {
  const bed = network({ nodes: 3 })
  bed.simulation.run(2000)
  const group = positionOf(TOPIC)
  const from = bed.simulation.node('n2').self
  for (let liar = 0; liar < 6; liar++) {
    for (let i = 0; i < 30; i++) {
      const fields = { publisher: `liar${liar}`, sequence: i + 1, previous: i, part: i, parts: 32, topic: TOPIC }
      const published = Math.round(bed.simulation.node('n1').environment.now())
      const publication = compose({ ...fields, published, payload: new Uint8Array(48 * 1024) })
      bed.node('n1').receive(from, { group, delivery: 'bimodal', message: { kind: 'data', publication, until: 0 } })
      bed.simulation.run(40)
    }
  }
  assert.ok(bed.node('n1').status().unfinished.bytes > 2 ** 22, 'the attack fills it')
  bed.node('n0').publish(TOPIC, new Uint8Array(2 ** 20))
  bed.simulation.run(30_000)
  assert.deepEqual(
    bed.got.get('n1')?.map(({ payload }) => payload.length),
    [2 ** 20],
  )
  bed.simulation.run(60_000)
  assert.deepEqual(bed.node('n1').status().unfinished, { messages: 0, bytes: 0 })
})
