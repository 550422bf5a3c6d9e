import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOrdered, type Bed, network, publishSteadily } from '../network.fixture.ts'

const NODES = 30
const digests = ({ ids, node }: Bed) => ids.reduce((sum, id) => sum + (node(id).status().done.digests ?? 0), 0)

/** Digests a node and round while messages are published for ten seconds. */
function pace(bed: Bed): number {
  const before = digests(bed)
  publishSteadily(bed, ['n1', 'n2'], 50, 200)
  return (digests(bed) - before) / NODES / 20
}

test('while the tree loses nothing a digest goes out every fourth round, with trouble every round, and all get everything', () => {
  const bed = network({ nodes: NODES })
  assert.ok(pace(bed) > 0.7, 'who has just started does not know yet')
  const calm = pace(bed)
  assert.ok(calm > 0.2 && calm < 0.3, `${calm}`)

  bed.simulation.lose(0.1)
  publishSteadily(bed, ['n1', 'n2'], 20, 200)
  bed.simulation.lose(0)
  const alert = pace(bed)
  assert.ok(alert > 0.7, `${alert}`)
  bed.simulation.run(20_000)
  for (const id of bed.ids) assert.equal(bed.got.get(id)?.length, 170, id)
  assertOrdered(bed)
})
