import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf } from '../../../core/position.ts'
import { type Bed, delivered, network, TOPIC, text } from '../network.fixture.ts'
import type { DeliveryName } from '../publication.ts'
import { signClaim } from './claims.ts'

const NODES = 30
const GROUP = positionOf(TOPIC)
/** n0 to n4 have room for so many publications: at the 9 rounds that repair may need under loss, for 7.1 a second. */
const SHORT = 5
const ROOM = 32
/** Three times that, of ten publishers. */
const OFFERED = 24
const PUBLISHERS = 10

interface Settings {
  readonly nodes?: number
  readonly credulous?: boolean
  /** Whether a node is short of room. */
  readonly small?: (node: number) => boolean
  readonly congested?: number
  readonly short?: { shrunk: boolean }
  readonly loss?: number
}

function group(settings: Settings = {}): Bed {
  const { nodes = NODES, congested = 4, credulous = false, loss = 0.1 } = settings
  const { short = { shrunk: true }, small: isSmall = (node) => node < SHORT } = settings
  const bed = network({
    nodes,
    seed: 3,
    loss,
    init: (id) => {
      const small = short.shrunk && isSmall(Number(id.slice(1)))
      // Digests alone repair: with announcements, in round trips, so small buffers lose nothing at this rate.
      return { options: { congested, credulous, told: 0, ...(small && { bufferMessages: ROOM }) } }
    },
  })
  bed.simulation.run(3000)
  return bed
}

/** Publishers that publish what they may of what they have; the ids of what was accepted. */
function offer(bed: Bed, seconds: number, rate = OFFERED, delivery: DeliveryName = 'bimodal'): string[] {
  const accepted: string[] = []
  for (let i = 0; i < seconds * rate; i++) {
    const receipt = bed.node(`n${SHORT + (i % PUBLISHERS)}`).publish(TOPIC, text(`message ${i}`), { delivery })
    if (receipt.status === 'accepted') accepted.push(receipt.id)
    else
      assert.match(
        receipt.reason,
        /^Buffers are short in the group of news: this node may publish [0-9.]+ messages a|know the group/,
      )
    bed.simulation.run(1000 / rate)
  }
  return accepted
}

/** Claims of no room at all by these, or by keys that `liar` made up, told by it. */
function tell(bed: Bed, liar: string, to: string, owners: readonly string[]): void {
  const { self, environment } = bed.simulation.node(liar)
  const issued = environment.now()
  const claims = owners.map((id) => signClaim({ id, group: `bimodal/${TOPIC}`, buffer: 0, issued }))
  bed.node(to).receive(self, { group: GROUP, delivery: 'bimodal', message: undefined, claims })
}

const small = Array.from({ length: SHORT }, (_, i) => `n${i}`)
const admitted = (bed: Bed) => bed.node(`n${SHORT}`).topics()[0]?.rate as number

test('publishers who offer three times what five small buffers hold slow down until these lose nothing; without control they lose', () => {
  const with_ = group()
  offer(with_, 20)
  const published = offer(with_, 40)
  assert.ok(published.length / 40 > 5 && published.length / 40 < 9.5, `${published.length / 40} a second`)
  assert.ok(admitted(with_) < 2, `${admitted(with_)} a second and publisher`)
  with_.simulation.run(15_000)
  assert.ok(delivered(with_, published, small) >= 0.999, `${delivered(with_, published, small)}`)

  const without = group({ congested: 0 })
  offer(without, 20)
  const all = offer(without, 40)
  assert.equal(all.length, 40 * OFFERED)
  without.simulation.run(15_000)
  assert.ok(delivered(without, all, small) < 0.97, `${delivered(without, all, small)}`)
})

test('from the first message on, what slowing down takes time for included, small buffers get 99 %; a minute after they grew all may be sent', () => {
  const short = { shrunk: true }
  const bed = group({ short })
  const published = offer(bed, 90)
  bed.simulation.run(15_000)
  assert.ok(delivered(bed, published, small) >= 0.99, `${delivered(bed, published, small)}`)
  offer(bed, 10)
  assert.ok(admitted(bed) < 2)
  short.shrunk = false
  for (const id of small) bed.simulation.restart(id, bed.make(id))
  offer(bed, 60)
  const last = offer(bed, 10)
  assert.ok(last.length >= 0.98 * 10 * OFFERED, `${last.length / 10} a second`)
})

for (const delivery of ['reliable', 'gravitational', 'anonymous'] as const) {
  test(`${delivery}: publishers slow down as well while buffers are short, and do not without control`, () => {
    const rateWith = (congested: number) => {
      const bed = group({ congested, loss: 0 })
      // Reliable learns first who is in the group.
      offer(bed, 1, OFFERED, delivery)
      bed.simulation.run(10_000)
      offer(bed, 20, OFFERED, delivery)
      return bed.node(`n${SHORT}`).topics()[0]?.rate as number
    }
    assert.ok(rateWith(4) < 2, `${rateWith(4)} a second and publisher`)
    assert.equal(rateWith(0), 20)
  })
}

test('where nobody is short of room nothing is claimed, and publishers may send at their full rate at once', () => {
  const bed = group({ short: { shrunk: false }, loss: 0.05 })
  let claims = 0
  for (const id of bed.ids) {
    const { protocol } = bed.simulation.node(id)
    const receive = protocol.receive.bind(protocol)
    protocol.receive = (from, message) => {
      if (message.claims !== undefined) claims++
      receive(from, message)
    }
  }
  const published = offer(bed, 20, 60)
  assert.equal(published.length, 20 * 60)
  assert.equal(admitted(bed), 20)
  assert.equal(claims, 0)
})

test('three liars who claim to have no room slow nobody down; were one enough, they would', () => {
  const rateWith = (congested: number, liars: number) => {
    const bed = group({ congested, short: { shrunk: false } })
    const lying = Array.from({ length: liars }, (_, i) => `n${i}`)
    const lie = () => {
      for (const liar of lying) for (const id of bed.ids) if (!lying.includes(id)) tell(bed, liar, id, [liar])
    }
    for (let i = 0; i < 6; i++) {
      lie()
      offer(bed, 5)
    }
    return admitted(bed)
  }
  assert.equal(rateWith(4, 3), 20)
  assert.ok(rateWith(1, 1) < 2)
  assert.ok(rateWith(4, 4) < 2)
})

test('one peer that makes up keys slows nobody down, whether it tells one member of all of them or each of another; believed, it slows all', () => {
  const rateWith = (credulous: boolean, keysFor: (victim: number) => readonly string[]) => {
    const bed = group({ credulous, short: { shrunk: false } })
    for (let i = 0; i < 6; i++) {
      for (let victim = 0; victim < NODES - 1; victim++) tell(bed, `n${NODES - 1}`, `n${victim}`, keysFor(victim))
      offer(bed, 5)
    }
    return admitted(bed)
  }
  const keys = ['k0', 'k1', 'k2', 'k3']
  const toOne = (victim: number) => (victim === 7 ? keys : [])
  const toEach = (victim: number) => [keys[victim % 4] as string]
  assert.equal(rateWith(false, toOne), 20)
  assert.equal(rateWith(false, toEach), 20)
  assert.ok(rateWith(true, toOne) < 2)
})

test('a fifth is short in a group of which members know a sixth: all publishers learn of it within 20 s', () => {
  const bed = group({ nodes: 150, small: (node) => node >= SHORT + PUBLISHERS && node % 5 === 0 })
  offer(bed, 20)
  const rates = Array.from({ length: PUBLISHERS }, (_, i) => bed.node(`n${SHORT + i}`).topics()[0]?.rate as number)
  assert.ok(Math.max(...rates) < 6, `${rates}`)
})
