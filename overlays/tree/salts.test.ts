import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOCK_WINDOW, describe } from '../../core/descriptor.ts'
import { issueBeacon } from './beacon.ts'
import { type Bed, best, network, PERIOD, roundsUntilPerfect } from './bed.fixture.ts'

/** Longer than clocks may be apart. */
const EPOCH = 3 * CLOCK_WINDOW

/** Runs to so many ms before the salt changes. */
function runTo({ net }: Bed, before: number): void {
  net.run(2 * EPOCH - (net.now % EPOCH) - before)
}

/** Who ought to be root when the salt is the next. */
const next = ({ net, edges }: Bed) => best([...edges.keys()], net.now + EPOCH, EPOCH)

test('one that dates its beacons into the next hour does not become root by it: at once the one does that will be', () => {
  const bed = network(40, { epoch: EPOCH })
  const { net } = bed
  runTo(bed, CLOCK_WINDOW - 5 * PERIOD)
  const before = best([...bed.edges.keys()], net.now, EPOCH)
  const root = next(bed)
  assert.notEqual(root, before)
  assert.ok(net.live.every(({ protocol }) => protocol.root === before))
  const liar = describe({ id: 'liar', addresses: [], sequence: 1, issued: net.now })
  assert.notEqual(best([root, 'liar'], net.now + EPOCH, EPOCH), 'liar', 'not the best root itself')
  net.nodes.set('liar', { ...net.node('n0'), id: 'liar', self: liar, alive: false })
  for (const contacts of bed.edges.values()) contacts.add('liar')
  let changes = 0
  let last = ''
  for (let round = 0; round < 100; round++) {
    for (const { id } of net.live) {
      const position = { beacon: issueBeacon('liar', net.now + CLOCK_WINDOW - PERIOD), distance: 0 }
      net.inject(liar, id, { kind: 'news', at: net.now, room: true, position })
    }
    net.run(PERIOD)
    const roots = net.live.map(({ protocol }) => protocol.root).join()
    if (roots !== last) changes++
    last = roots
    if (round > 12)
      assert.ok(
        net.live.every(({ protocol }) => protocol.root === root),
        `round ${round}: ${roots}`,
      )
  }
  assert.ok(changes < 12, `${changes}`)
  net.run(2 * CLOCK_WINDOW)
  assert.ok(net.live.every(({ protocol }) => protocol.root === root))
})

test('whoever’s clock is ahead begins the next hour for all: nobody goes back to the root of the old one', () => {
  for (const skew of [10_000, 60_000]) {
    for (const who of ['next', 'n7']) {
      const bed = network(40, { epoch: EPOCH })
      const { net } = bed
      runTo(bed, skew + 10 * PERIOD)
      net.skews.set(who === 'next' ? next(bed) : who, skew)
      // It has to be better than its contacts to begin.
      const root = next(bed)
      net.run(18 * PERIOD)
      let lost = 0
      for (let now = 0; now < skew; now += PERIOD) {
        net.run(PERIOD)
        lost += net.live.filter(({ id, protocol }) => id !== protocol.root && protocol.parent === undefined).length
      }
      assert.ok(lost <= 4, `${lost} times a node had no parent while clocks were ${skew} ms apart`)
      roundsUntilPerfect(bed, 20, EPOCH)
      assert.ok(net.live.every(({ protocol }) => protocol.root === root))
    }
  }
})
