import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../../../core/descriptor.ts'
import { Neighbours } from './neighbours.ts'
import { MAX_CLAIMS } from './report.ts'

const PERIOD = 1000
const peer = (id: string) => describe({ id, addresses: [], sequence: 1, issued: 0 })

test('a neighbour is silent from the second period without a heartbeat on, and none any more after thirty', () => {
  const neighbours = new Neighbours('counters', PERIOD)
  neighbours.heard(peer('a'), 1, 0, 0, () => true)
  assert.deepEqual(neighbours.silent(1.4 * PERIOD), [])
  assert.deepEqual(neighbours.silent(2 * PERIOD), ['a'])
  assert.deepEqual(neighbours.silent(31 * PERIOD), ['a'])
  assert.deepEqual([neighbours.size, neighbours.changes], [1, 1])
  assert.deepEqual(neighbours.silent(32 * PERIOD), ['a'])
  assert.deepEqual([neighbours.size, neighbours.changes, neighbours.claims(32 * PERIOD)], [0, 2, []])
})

test('32 neighbours are measured: one that was chosen takes the place of one that was not, and nobody else does', () => {
  const neighbours = new Neighbours('counters', PERIOD)
  const chosen = (id: string) => id.startsWith('chosen')
  const hear = (id: string) => neighbours.heard(peer(id), 1, 0, 0, chosen)
  for (let i = 0; i < MAX_CLAIMS - 1; i++) assert.equal(hear(`chosen${i}`), undefined)
  assert.equal(hear('other'), undefined)
  assert.equal(hear('another'), 'too-many-neighbours')
  assert.equal(hear('chosen'), undefined)
  assert.equal(hear('chosen too'), 'too-many-neighbours')
  assert.equal(neighbours.size, MAX_CLAIMS)
  assert.ok(!neighbours.peers.some(({ id }) => id === 'other'))
})

test('a heartbeat that comes twice or late teaches nothing; of lost ones the link is blamed, of those never sent the process', () => {
  const neighbours = new Neighbours('counters', PERIOD)
  const hear = (sequence: number, at: number) => neighbours.heard(peer('a'), sequence, at, 0, () => true)
  hear(10, 0)
  assert.equal(hear(10, 10), 'late')
  assert.equal(hear(9, 10), 'late')
  assert.equal(hear(13, 3 * PERIOD), undefined) // two lost
  assert.equal(hear(14, 6 * PERIOD), undefined) // two not sent
  const [claim] = neighbours.claims(6 * PERIOD)
  assert.deepEqual([claim?.link.weight, claim?.process.weight], [4, 6])
  assert.ok(
    Math.abs((claim?.link.rate ?? 0) / 1e6 - 2 / 4) < 0.01 && Math.abs((claim?.process.rate ?? 0) / 1e6 - 2 / 6) < 0.01,
  )
})
