import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { branchesBelow, isBranch, planOf } from './plan.ts'
import { type Graph, type Link, maximumReliabilityTree, transmissionFailure } from './tree.ts'

const graph: fc.Arbitrary<Graph> = fc.integer({ min: 1, max: 14 }).chain((nodes) => {
  const rate = fc.integer({ min: 0, max: 90 }).map((percent) => percent / 100)
  const link = fc.record({ a: fc.nat(nodes - 1), b: fc.nat(nodes - 1), loss: rate })
  return fc
    .record({
      failures: fc.array(rate, { minLength: nodes, maxLength: nodes }),
      links: fc.uniqueArray(link, { maxLength: 40, selector: ({ a, b }) => `${Math.min(a, b)} ${Math.max(a, b)}` }),
    })
    .map(({ failures, links }) => {
      const neighbours: Link[][] = failures.map(() => [])
      for (const { a, b, loss } of links) {
        if (a === b) continue
        neighbours[a]?.push({ to: b, loss })
        neighbours[b]?.push({ to: a, loss })
      }
      return { failures, links: neighbours }
    })
})

test('the tree has everybody who can be reached, and is as reliable as the best of all spanning trees', () => {
  fc.assert(
    fc.property(graph, (network) => {
      const { nodes, failures } = maximumReliabilityTree(network, 0)
      const { component, reliability } = kruskal(network)
      assert.deepEqual([...nodes].sort(byNumber), component)
      const product = failures.reduce((all, failure) => all * (1 - failure), 1)
      assert.ok(Math.abs(product - reliability) <= 1e-9 * Math.max(1, reliability), `${product} of ${reliability}`)
    }),
  )
})

test('a plan is one branch, cut into branches until nothing is left, each node in exactly one place', () => {
  fc.assert(
    fc.property(graph, (network) => {
      const { branch } = planOf({ ...network, positions: network.failures.map((_, i) => 1000 + i) }, 0.9)
      const seen: number[] = []
      const walk = (next: typeof branch) => {
        assert.ok(isBranch(next.sizes))
        assert.equal(next.copies.length, next.sizes.length)
        seen.push(next.positions[0] as number)
        for (const below of branchesBelow(next)) walk(below)
      }
      walk(branch)
      assert.deepEqual(seen, [...branch.positions])
    }),
  )
})

test('sizes that overlap or leave a place outside are no branch', () => {
  assert.ok(isBranch([4, 2, 1, 1]))
  for (const sizes of [[], [0], [2], [1, 1], [3, 3, 1], [3, 2, 2], [4, 2, 2, 1], [2, 1, 1], [3, 1, 0]]) {
    assert.ok(!isBranch(sizes), `${sizes}`)
  }
})

/** The component of node 0 and the product of reliabilities of its maximum spanning tree, by Kruskal's algorithm. */
function kruskal({ failures, links }: Graph): { component: number[]; reliability: number } {
  const edges = links.flatMap((all, a) =>
    all.map(({ to, loss }) => ({
      a,
      to,
      works: 1 - transmissionFailure(failures[a] as number, loss, failures[to] as number),
    })),
  )
  edges.sort((one, other) => other.works - one.works)
  const parts = failures.map((_, i) => new Set([i]))
  const chosen: typeof edges = []
  for (const edge of edges) {
    const [one, other] = [parts[edge.a] as Set<number>, parts[edge.to] as Set<number>]
    if (one === other) continue
    chosen.push(edge)
    for (const node of other) {
      one.add(node)
      parts[node] = one
    }
  }
  const component = parts[0] as Set<number>
  const reliability = chosen.filter(({ a }) => component.has(a)).reduce((all, { works }) => all * works, 1)
  return { component: [...component].sort(byNumber), reliability }
}

function byNumber(a: number, b: number): number {
  return a - b
}
