import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../../core/random.ts'
import { network, publishSteadily, TOPIC, text, total } from '../network.fixture.ts'
import { Haste } from './haste.ts'

const PERIOD = 500

test('of twenty publications that the tree brings after the first word nineteen come before anybody asks', () => {
  const random = new Random(1)
  for (const [least, most] of [
    [0, 100],
    [50, 450],
  ] as const) {
    const haste = new Haste()
    let late = 0
    for (let i = 0; i < 20_000; i++) {
      const after = least + random.float() * (most - least)
      if (i >= 10_000 && after > haste.wait) late++
      if (after > haste.wait) haste.overtaken(i, after, PERIOD)
      else haste.inTime(after)
    }
    assert.ok(late > 10_000 * 0.02 && late < 10_000 * 0.08, `${late} of 10,000 between ${least} and ${most} ms`)
  }
})

test('one that was asked for and came from the tree as well does no harm, two do for seconds, one that slept does for longer', () => {
  const haste = new Haste()
  haste.overtaken(0)
  assert.equal(haste.isTooMuch(0), false)
  haste.overtaken(0)
  assert.equal(haste.isTooMuch(0), true)
  assert.equal(haste.isTooMuch(10_000), false)
  haste.overtaken(20_000, 2 * PERIOD, PERIOD)
  assert.equal(haste.isTooMuch(40_000), true)
  assert.equal(haste.isTooMuch(50_000), false)
  for (let i = 0; i < 5; i++) haste.overtaken(50_000, 2 * PERIOD, PERIOD)
  for (let i = 0; i < 30; i++) haste.asked(50_000, 100)
  assert.equal(haste.isTooMuch(50_000), false, 'what asking brings counts as well')
})

test('another is asked after what answers took of late, and never before three round trips', () => {
  const haste = new Haste()
  assert.equal(haste.timeout(200), 600)
  for (let i = 0; i < 100; i++) haste.asked(i, 20)
  assert.ok(haste.timeout() >= 20 && haste.timeout() < 40, `${haste.timeout()}`)
  for (let i = 0; i < 100; i++) haste.asked(i, 900)
  assert.ok(haste.timeout() >= 900)
})

/** A publication after twenty silent seconds: who of the living has it 1.5 s later, and what was told of it, and of twenty more. */
function afterSilence({ dead, told, seed }: { dead: number; told: number; seed: number }) {
  const bed = network({ nodes: 30, seed, options: { told } })
  publishSteadily(bed, ['n0'], 5, 100)
  bed.simulation.run(20_000)
  for (let i = 0; i < dead; i++) bed.simulation.kill(`n${5 * i + 3}`)
  const living = bed.ids.filter((id) => bed.simulation.node(id).alive)
  const tellings = () => total(bed, 'done', 'told', living)
  const before = tellings()
  bed.node('n0').publish(TOPIC, text('anybody there?'))
  bed.simulation.run(1500)
  const got = living.filter((id) => bed.got.get(id)?.length === 6).length / living.length
  const first = tellings() - before
  publishSteadily(bed, ['n0'], 20, 100)
  return { got, first, more: tellings() - before - first }
}

test('the first publication after a silence finds out a tree that lost a part, long before digests do', () => {
  const share = (told: number) => {
    const runs = Array.from({ length: 10 }, (_, seed) => afterSilence({ dead: 6, told, seed }).got)
    return runs.reduce((sum, got) => sum + got) / runs.length
  }
  const [without, announced] = [share(0), share(4)]
  assert.ok(
    announced > 0.96 && 1 - announced < (1 - without) / 3,
    `${announced} of the living have it after 1.5 s; ${without} by digests`,
  )
})

test('where the tree lost nothing that costs a small message a node, and what follows costs nothing', () => {
  assert.deepEqual(afterSilence({ dead: 0, told: 4, seed: 2 }), { got: 1, first: 30, more: 0 })
})
