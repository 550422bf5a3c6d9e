import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describe as descriptor, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { matrix, placeOf, plane, siteOf } from './geography.ts'
import type { Latency } from './latency.ts'

const peers = Array.from({ length: 2000 }, (_, i) => descriptor({ id: `n${i}`, addresses: [], sequence: 1, issued: 0 }))

function between(latency: Latency, from: number, to: number, random = new Random(1)): number {
  return latency(random, peers[from] as PeerDescriptor, peers[to] as PeerDescriptor)
}

describe('a latency matrix', () => {
  const ms = [
    [1, 80, 120],
    [85, 2, 200],
    [120, 210, 3],
  ]

  test('is the ms from the site of the sender to that of the receiver, by table or by function', () => {
    const sites: Record<string, number> = { n0: 0, n1: 1, n2: 2, n3: 2 }
    for (const placing of [sites, ({ id }: PeerDescriptor) => sites[id] as number]) {
      const latency = matrix(ms, { sites: placing })
      for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) assert.equal(between(latency, i, j), ms[i]?.[j])
      assert.equal(between(latency, 2, 3), 3)
    }
  })

  test('spreads nodes that nobody placed evenly over the sites, and ring neighbours independently of each other', () => {
    const ring = peers.toSorted((a, b) => a.position - b.position)
    const sites = ring.map((peer) => siteOf(peer, 4))
    for (let site = 0; site < 4; site++) {
      const share = sites.filter((each) => each === site).length / sites.length
      assert.ok(Math.abs(share - 0.25) < 0.04, `site ${site}: ${share}`)
    }
    const alike = sites.filter((site, i) => site === sites[i - 1]).length / sites.length
    assert.ok(Math.abs(alike - 0.25) < 0.04, `${alike} of the neighbours on the ring share a site`)
    const latency = matrix(ms, { sites: { n0: 1 } })
    assert.equal(between(latency, 0, 7), ms[1]?.[siteOf(peers[7] as PeerDescriptor, 3)])
  })

  test('with jitter takes up to that share longer, never less', () => {
    const latency = matrix([[100]], { jitter: 0.2 })
    const random = new Random(1)
    const draws = Array.from({ length: 1000 }, () => between(latency, 0, 1, random))
    assert.ok(Math.min(...draws) >= 100 && Math.min(...draws) < 101)
    assert.ok(Math.max(...draws) < 120 && Math.max(...draws) > 119)
  })

  test('that is none is refused with the reason', () => {
    assert.throws(() => matrix([]), /a row for every site/)
    assert.throws(() => matrix([[1, 2], [3]]), /row 1 of the latency matrix has 1 of 2 entries/)
    for (const entry of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => matrix([[entry]]), /from site 0/)
    for (const jitter of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => matrix([[1]], { jitter }), /jitter/)
    }
    for (const site of [1, -1, 0.5]) {
      assert.throws(() => between(matrix([[1]], { sites: { n1: site } }), 0, 1), /n1 is at site/)
    }
  })
})

describe('a plane', () => {
  test('takes the base and the distance in ms, the same both ways', () => {
    const latency = plane({ base: 2, jitter: 0, places: { n0: [0, 0], n1: [30, 40], n2: [0, 40] } })
    assert.deepEqual([between(latency, 0, 1), between(latency, 1, 0), between(latency, 2, 1)], [52, 52, 32])
    assert.equal(between(latency, 0, 0), 2)
  })

  test('keeps the triangle inequality, which a matrix need not', () => {
    const latency = plane({ base: 0, jitter: 0 })
    for (let i = 0; i < 1000; i++) {
      const [a, b, c] = [i, i + 1, (i * 7) % 2000] as const
      assert.ok(between(latency, a, c) <= between(latency, a, b) + between(latency, b, c) + 1e-9)
    }
  })

  test('spreads nodes evenly over its square: the mean distance is 0.52 of the side', () => {
    const points = peers.map((peer) => placeOf(peer, 200))
    for (const axis of [0, 1] as const) {
      const mean = points.reduce((sum, point) => sum + point[axis], 0) / points.length
      assert.ok(Math.abs(mean - 100) < 5, `${mean}`)
      assert.ok(points.every((point) => point[axis] >= 0 && point[axis] < 200))
    }
    const latency = plane({ side: 200, base: 0, jitter: 0 })
    let sum = 0
    for (let i = 0; i < 1000; i++) sum += between(latency, i, 1000 + i)
    assert.ok(Math.abs(sum / 1000 - 0.5214 * 200) < 6, `${sum / 1000}`)
  })

  test('with jitter takes up to that share longer: 10 % by default', () => {
    const latency = plane({ base: 0, places: { n0: [0, 0], n1: [0, 50] } })
    const random = new Random(1)
    const draws = Array.from({ length: 1000 }, () => between(latency, 0, 1, random))
    assert.ok(Math.min(...draws) >= 50 && Math.max(...draws) < 55 && Math.max(...draws) > 54.9)
  })

  test('of impossible size is refused', () => {
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => plane({ side: ms }), /the side of the plane/)
      assert.throws(() => plane({ base: ms }), /the base latency/)
      assert.throws(() => plane({ jitter: ms }), /jitter/)
    }
  })
})
