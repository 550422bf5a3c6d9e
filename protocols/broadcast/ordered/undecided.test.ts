// What becomes of publications whose numbers were never decided.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../../core/position.ts'
import { type Bed, network, TOPIC, text } from '../network.fixture.ts'
import type { Publication } from '../publication.ts'
import type { OrderedMessage } from './messages.ts'

function publish(bed: Bed, id: string, payload: string): void {
  const receipt = bed.node(id).publish(TOPIC, text(payload), { delivery: 'ordered' })
  assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
}

function gotten(bed: Bed, id: string): string[] {
  return (bed.got.get(id) ?? []).map(({ payload }) => new TextDecoder().decode(payload))
}

/** Publications that a message brings. */
function brought(message: OrderedMessage): readonly Publication[] {
  if (!('bimodal' in message)) return message.body.kind === 'records' ? message.body.publications : []
  return 'publication' in message.bimodal ? [message.bimodal.publication] : []
}

/** What `drops` says never comes to this node. */
function deaf(
  bed: Bed,
  id: string,
  drops: (publications: readonly Publication[], message: OrderedMessage) => boolean,
): void {
  const node = bed.node(id)
  const receive = node.receive.bind(node)
  node.receive = (from, message) => {
    const ordered = message.message as OrderedMessage
    if (!drops(brought(ordered), ordered)) receive(from, message)
  }
}

/** A group of five, by their places: the first leads. */
function founded(): { readonly bed: Bed; readonly ring: readonly [string, string, string, string, string] } {
  const bed = network({ nodes: 5, seed: 3 })
  publish(bed, 'n0', 'the first opens the group')
  bed.simulation.run(15_000)
  const ring = bed.ids.toSorted((a, b) => positionOf(a) - positionOf(b))
  return { bed, ring: ring as unknown as readonly [string, string, string, string, string] }
}

test('the number is known before the payload comes, and ends with the view: its publisher and a majority live, so everybody gets it', () => {
  const { bed, ring } = founded()
  const [leader, next, , , publisher] = ring
  const others = ring.slice(1)
  let late = true
  for (const id of others) {
    deaf(bed, id, (publications, message) => {
      if (publications.some((one) => one.publisher === leader)) return true
      return late && id === next && ('bimodal' in message || publications.length > 0)
    })
  }
  publish(bed, leader, 'lost with its publisher, and all numbers after it')
  bed.simulation.run(60)
  publish(bed, publisher, 'numbered')
  bed.simulation.run(500)
  late = false
  bed.simulation.run(1500)
  bed.simulation.kill(leader)
  bed.simulation.run(15_000)
  publish(bed, publisher, 'after')
  bed.simulation.run(5000)
  for (const id of others) assert.deepEqual(gotten(bed, id), ['the first opens the group', 'numbered', 'after'], id)
})

test('it is known before the payload comes, and the member is left behind with it: it is told that it will not come', () => {
  const { bed, ring } = founded()
  const [leader, other, ...rest] = ring
  let late = true
  deaf(bed, other, (publications, message) => late && ('bimodal' in message || publications.length > 0))
  bed.simulation.partition([[leader, other], rest])
  publish(bed, leader, 'numbered')
  bed.simulation.run(500)
  late = false
  bed.simulation.run(10_000)
  bed.simulation.kill(leader)
  bed.simulation.heal()
  bed.simulation.run(170_000)
  publish(bed, rest[0] as string, 'after')
  bed.simulation.run(5000)
  assert.deepEqual(gotten(bed, other), ['the first opens the group', 'after'])
  assert.deepEqual(
    bed.missed.get(other)?.map(({ from }) => from),
    [leader],
  )
})
