import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { Simulation } from '../../testnet/simulator/simulation.ts'
import { type StackMessage, stackCodec } from '../channels.ts'
import { Stack } from '../stack.ts'

interface TreeStatus {
  readonly root: string
  readonly distance: number
  readonly parent: string | null
  readonly children: number
}

interface SlicesStatus {
  readonly rank: number | null
  readonly error: number | null
  readonly values: number
}

interface SuperPeersStatus {
  readonly role: string
  readonly superPeer: string | null
  readonly clients: number
  readonly capacity: number
}

/** Full stacks that know n0 alone and run these structures; load falls with the index, one in ten can serve 12. */
function network(count: number, structures: readonly string[], { seed = 1, wire = false } = {}) {
  const simulation = new Simulation<StackMessage, Stack>({ seed, latency: 20, codec: stackCodec, wire, notices: true })
  for (let i = 0; i < count; i++) {
    const capacity = i % 10 === 0 ? 12 : 1
    const node = simulation.add({ addresses: [`/sim/${i}`] }, (environment, sign) => {
      return new Stack(environment, {
        attributes: () => ({ load: (count - i) / count, name: `x${i}`, capacity }),
        sequences: { next: () => 1 },
        ...(wire && { sign }),
        options: { structures },
      })
    })
    node.describe({ attributes: node.protocol.ranked() })
  }
  const [first, ...others] = simulation.nodes
  for (const { protocol } of others) protocol.introduce([first?.self as (typeof others)[0]['self']])
  const live = () => simulation.nodes.filter(({ alive }) => alive)
  const status = <T>(name: string) =>
    new Map(live().map(({ id, protocol }) => [id, protocol.status().structures[name] as T]))
  return { simulation, live, status }
}

/** Why the tree is not one; nothing when it is. */
function treeFaults(status: ReadonlyMap<string, TreeStatus>): string[] {
  const roots = new Set([...status.values()].map(({ root }) => root))
  if (roots.size !== 1) return [`${roots.size} roots`]
  return [...status].flatMap(([id, { root, parent, distance }]) => {
    if (id === root) return parent === null && distance === 0 ? [] : ['the root has a parent']
    const above = parent === null ? undefined : status.get(parent)
    return above !== undefined && above.distance < distance ? [] : [`${id} hangs on ${parent}`]
  })
}

suite('structures that emerge, in a stack', () => {
  test('a spanning tree over all, signed on the wire; when the root dies another within seconds', () => {
    const { simulation, status, live } = network(40, ['spanning-tree'], { wire: true })
    const isTree = () => treeFaults(status<TreeStatus>('spanning-tree')).length === 0
    assert.ok(simulation.runUntil(isTree, 15_000), `${treeFaults(status('spanning-tree'))}`)
    simulation.run(5000)
    assert.deepEqual(treeFaults(status('spanning-tree')), [])
    const { root } = [...status<TreeStatus>('spanning-tree').values()][0] as TreeStatus
    const members = simulation.node(root).protocol.structures().get('spanning-tree') ?? []
    assert.ok(members.length > 0 && members.every(({ role, kept }) => role === 'child' && kept))
    simulation.kill(root)
    assert.ok(simulation.runUntil(isTree, 15_000))
    assert.ok([...status<TreeStatus>('spanning-tree').values()].every((one) => one.root !== root))
    assert.ok(live().every(({ protocol }) => (protocol.structures().get('spanning-tree')?.length ?? 0) <= 17))
    assert.equal(simulation.tally.get('signature'), 0)
  })

  test('every node knows its quantile within the error it states; who lacks the attribute takes no part', () => {
    const { simulation, status } = network(40, ['slices:load', 'slices:absent', 'slices:name'], { wire: true })
    simulation.run(60_000)
    const ranks = [...status<SlicesStatus>('slices:load').values()]
    for (const [i, { rank, error, values }] of ranks.entries()) {
      const truth = (ranks.length - i - 0.5) / ranks.length
      assert.ok(values >= 25, `${values} values`)
      assert.ok(Math.abs((rank ?? -1) - truth) <= 3 * (error ?? 0), `${i}: ${rank} for ${truth}`)
    }
    for (const name of ['slices:absent', 'slices:name']) {
      for (const { rank, values } of status<SlicesStatus>(name).values()) assert.deepEqual([rank, values], [null, 0])
    }
  })

  test('few capable nodes serve everybody; when they die others do', () => {
    const { simulation, status, live } = network(40, ['superpeers'], { wire: true })
    const assigned = () => {
      const all = status<SuperPeersStatus>('superpeers')
      const clients = [...all.values()].filter(({ role }) => role === 'client')
      const places = [...all.values()].reduce((sum, one) => sum + one.clients, 0)
      const lost = clients.filter(({ superPeer }) => all.get(superPeer ?? '')?.role !== 'super-peer')
      return { superPeers: all.size - clients.length, lost: lost.length, surplus: places - clients.length }
    }
    // Three serve 36 and are three: the fortieth takes a fourth.
    const settled = () => JSON.stringify(assigned()) === JSON.stringify({ superPeers: 4, lost: 0, surplus: 0 })
    assert.ok(simulation.runUntil(settled, 60_000, 1000), JSON.stringify(assigned()))
    const serving = live().filter(({ id }) => status<SuperPeersStatus>('superpeers').get(id)?.role === 'super-peer')
    assert.ok(serving.filter(({ protocol }) => (protocol.structures().get('superpeers')?.length ?? 0) > 0).length >= 3)
    for (const { id } of serving.slice(0, 2)) simulation.kill(id)
    const whole = () => assigned().lost === 0 && assigned().surplus === 0
    simulation.run(1000)
    assert.ok(simulation.runUntil(whole, 30_000, 500), JSON.stringify(assigned()))
  })

  test('names that are none are refused with what there is', () => {
    for (const [name, reason] of [
      ['slices', /needs a colon/],
      ['slices:No name', /does not name an attribute/],
      ['superpeers:5', /takes nothing after a colon/],
      ['spanning-tree:x', /takes nothing after a colon/],
    ] as const) {
      assert.throws(() => network(1, [name]), reason)
    }
  })
})
