// What waits for its number for so long that it is given up: whoever is told so does not get it later.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../../core/position.ts'
import { type Bed, misled, network, TOPIC, text } from '../network.fixture.ts'
import { compose } from '../publication.ts'
import { WaitingRoom } from './waiting.ts'

const WINDOW = 120_000

function publish(bed: Bed, id: string, payload: string): string {
  const receipt = bed.node(id).publish(TOPIC, text(payload), { delivery: 'ordered' })
  return receipt.status === 'accepted' ? receipt.id : assert.fail(JSON.stringify(receipt))
}

test('it has its number, and no majority for three minutes: it is delivered after them, and nobody was told that it will not be', () => {
  const bed = network({ nodes: 5, seed: 3 })
  const ring = bed.ids.toSorted((a, b) => positionOf(a) - positionOf(b)) as [string, string, string, string, string]
  const said = [publish(bed, 'n0', 'the first opens the group')]
  bed.simulation.run(15_000)
  bed.simulation.partition([ring.slice(0, 2), ring.slice(2, 4), ring.slice(4)])
  said.push(publish(bed, ring[1], 'numbered, and not decided'))
  bed.simulation.run(180_000)
  bed.simulation.heal()
  bed.simulation.run(30_000)
  for (const id of ring.slice(0, 2)) {
    assert.deepEqual([bed.got.get(id)?.length, misled(bed, id, said)], [2, []], id)
  }
})

test('by when it was published, not by when it came: first it gets no number any more, and a while later it is given up', () => {
  const publication = compose({ publisher: 'a', sequence: 1, published: 0, topic: TOPIC, payload: new Uint8Array(1) })
  const skew = 5000
  const room = new WaitingRoom(8, 1024, WINDOW, ({ published }) => published + skew)
  room.add(publication, skew + 110_000)
  const [one] = room.all()
  assert.ok(one)
  const late = 1.125 * WINDOW + skew
  assert.deepEqual([room.isLate(one, late - 1), room.isLate(one, late)], [false, true])
  const over = 1.25 * WINDOW + skew
  assert.deepEqual([room.expire(over - 1), room.expire(over), room.size], [[], [publication], 0])
})
