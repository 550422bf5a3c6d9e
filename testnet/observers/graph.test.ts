import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../core/random.ts'
import { clustering, components, type Graph, inDegrees, pathLength, randomGraph } from './graph.ts'

function graphOf(rows: readonly (readonly number[])[]): Graph {
  return { nodes: rows.length, out: (node) => rows[node] ?? [] }
}

test('a triangle with a tail and a pair apart: degrees, components, clustering and path lengths by hand', () => {
  const graph = graphOf([[1], [2], [0, 3], [], [5], []])
  assert.deepEqual([...inDegrees(graph)], [1, 1, 1, 1, 0, 1])
  assert.deepEqual(components(graph), [4, 2])
  // 0 and 1: 1 of 1 pair; 2: 1 of 3 pairs; 3, 4, 5: no pair
  assert.ok(Math.abs(clustering(graph, new Random(1)) - (1 + 1 + 1 / 3) / 6) < 1e-12)
  // from 0: 1, 1, 2; from 1: 1, 1, 2; from 2: 1, 1, 1; from 3: 1, 2, 2; from 4: 1; from 5: 1
  assert.ok(Math.abs(pathLength(graph, new Random(1)) - 18 / 14) < 1e-12)
})

test('a random graph of degree k has mean in-degree k, clustering near 2k/n, and no node that knows itself', () => {
  const graph = randomGraph(2000, 20, new Random(7))
  for (let node = 0; node < 2000; node++) {
    assert.equal(new Set(graph.out(node)).size, 20)
    assert.ok(!graph.out(node).includes(node))
  }
  assert.equal(
    inDegrees(graph).reduce((sum, degree) => sum + degree),
    40_000,
  )
  assert.deepEqual(components(graph), [2000])
  const measured = clustering(graph, new Random(1), 300)
  assert.ok(Math.abs(measured - 40 / 2000) < 0.003, `clustering ${measured}`)
})

test('measured over no node, or over nodes without links, everything is 0', () => {
  assert.equal(clustering(graphOf([]), new Random(1)), 0)
  assert.equal(pathLength(graphOf([[], []]), new Random(1)), 0)
  assert.deepEqual(components(graphOf([])), [])
})
