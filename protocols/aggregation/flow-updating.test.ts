import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Flow, FlowUpdating } from './flow-updating.ts'
import { peer } from './nodes.fixture.ts'

const PEERS = ['a', 'b', 'c', 'd'].map(peer)

test('after any loss, repetition and reordering, one undisturbed exchange a link makes flows opposite and sums right', () => {
  const message = fc.record({ from: fc.nat(3), to: fc.nat(3), lost: fc.boolean(), late: fc.nat(5) })
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 80 }),
      fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 4, maxLength: 4 }),
      (messages, values) => {
        const nodes = values.map((value) => new FlowUpdating(value, () => undefined))
        const answers: { to: number; from: number; flow: Flow }[] = []
        const exchange = (from: number, to: number) => {
          const [a, b] = [nodes[from], nodes[to]]
          if (from === to || a === undefined || b === undefined) return undefined
          return b.answer(PEERS[from]!, a.offer(PEERS[to]!))
        }
        for (const { from, to, lost, late } of messages) {
          const flow = exchange(from, to)
          nodes[from]?.missed()
          if (flow !== undefined && !lost) answers.push({ to: from, from: to, flow })
          const arriving = answers[late]
          if (arriving !== undefined) nodes[arriving.to]?.absorb(PEERS[arriving.from]!, arriving.flow)
        }
        for (let from = 0; from < 4; from++) {
          for (let to = 0; to < from; to++) {
            const flow = exchange(from, to)
            if (flow !== undefined) nodes[from]?.absorb(PEERS[to]!, flow)
            assert.ok(nodes[from]!.flowTo(PEERS[to]!.id) + nodes[to]!.flowTo(PEERS[from]!.id) === 0)
          }
        }
        const sum = nodes.reduce((total, node) => total + node.estimate, 0)
        assert.ok(Math.abs(sum - values.reduce((a, b) => a + b, 0)) < 1e-6, 'estimates add up to the values')
      },
    ),
  )
})

test('a neighbour that does not answer is asked again, eight times; two who ask each other at once do not answer', () => {
  const others = PEERS.values()
  const node = new FlowUpdating(1, () => others.next().value)
  for (let i = 0; i < 8; i++) {
    node.offer(node.partner()!)
    node.missed()
    if (i < 7) assert.equal(node.partner()?.id, 'a')
  }
  assert.equal(node.partner()?.id, 'b')
  node.offer(PEERS[1]!)
  assert.equal(node.answer(PEERS[1]!, { flow: 0, estimate: 3 }), undefined)
  assert.ok(node.answer(PEERS[2]!, { flow: 0, estimate: 3 }))
})

test('a neighbour that is gone takes back what it gave', () => {
  const [a, b] = [new FlowUpdating(0, () => undefined), new FlowUpdating(10, () => undefined)]
  a.absorb(PEERS[1]!, b.answer(PEERS[0]!, a.offer(PEERS[1]!)) as Flow)
  assert.deepEqual([a.estimate, b.estimate], [5, 5])
  a.remove('b')
  assert.equal(a.estimate, 0)
})

test('flows are kept of 256 neighbours, and only finite ones', () => {
  const node = new FlowUpdating(1, () => undefined)
  for (let i = 0; i < 300; i++) node.answer(peer(`p${i}`), { flow: 0, estimate: 1 })
  assert.equal(node.tally.get('neighbours'), 44)
  assert.equal(node.answer(peer('p0'), { flow: NaN, estimate: 1 }), undefined)
  node.absorb(peer('p1'), { flow: Infinity, estimate: 1 })
  assert.equal(node.estimate, 1)
})
