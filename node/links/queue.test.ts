import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BufferBudget } from './budget.ts'
import { OutboundQueue, type QueueClass } from './queue.ts'

const RANK = { control: 0, query: 1, data: 2 } as const
const cls = fc.constantFrom<QueueClass>('control', 'query', 'data')
type Item = { readonly cls: QueueClass; readonly bytes: Uint8Array }

test('the queue keeps what a plain sorted list would keep, and gives it in that order', () => {
  const push = fc.record({ cls, size: fc.integer({ min: 1, max: 40 }) })
  const steps = fc.array(fc.oneof(push, fc.record({ take: fc.integer({ min: 0, max: 120 }) })), { maxLength: 80 })
  fc.assert(
    fc.property(steps, (actions) => {
      const limits = { queueMessages: 8, queueBytes: 150 }
      const dropped: QueueClass[] = []
      const queue = new OutboundQueue(limits, new BufferBudget(), (which) => dropped.push(which))
      let model: Item[] = []
      const expectedDrops: QueueClass[] = []
      const bytesOf = () => model.reduce((sum, { bytes }) => sum + bytes.length, 0)
      for (const action of actions) {
        if ('cls' in action) {
          const bytes = new Uint8Array(action.size)
          queue.push(action.cls, bytes)
          model.push({ cls: action.cls, bytes })
          while (model.length > limits.queueMessages || bytesOf() > limits.queueBytes) {
            const lowest = Math.max(...model.map((item) => RANK[item.cls]))
            const victim = model.find((item) => RANK[item.cls] === lowest) as Item
            expectedDrops.push(victim.cls)
            model = model.filter((item) => item !== victim)
          }
        } else {
          const sorted = model.toSorted((a, b) => RANK[a.cls] - RANK[b.cls])
          const expected: Uint8Array[] = []
          for (const { bytes } of sorted) {
            const sum = expected.reduce((total, one) => total + one.length, 0)
            if (expected.length > 0 && sum + bytes.length > action.take) break
            expected.push(bytes)
          }
          const taken = queue.take(action.take)
          assert.equal(taken.length, expected.length)
          taken.forEach((bytes, i) => {
            assert.equal(bytes, expected[i])
          })
          model = model.filter(({ bytes }) => !taken.includes(bytes))
        }
        assert.equal(queue.length, model.length)
        assert.equal(queue.bytes, bytesOf())
        assert.deepEqual(dropped, expectedDrops)
      }
    }),
  )
})

test('a flood of data never costs a control message its place', () => {
  const queue = new OutboundQueue({ queueMessages: 100, queueBytes: 10_000 }, new BufferBudget())
  queue.push('control', Uint8Array.of(1))
  for (let i = 0; i < 10_000; i++) queue.push('data', new Uint8Array(50))
  queue.push('query', Uint8Array.of(2))
  assert.deepEqual(queue.take(2), [Uint8Array.of(1), Uint8Array.of(2)])
})

test('all queues together stay within the budget of the process, and the heaviest pays', () => {
  const budget = new BufferBudget(1000)
  const roomy = { queueMessages: 1e6, queueBytes: 1e6 }
  let lost = 0
  const light = new OutboundQueue(roomy, budget, () => assert.fail('the light one lost a message'))
  const heavy = new OutboundQueue(roomy, budget, () => {
    lost++
  })
  light.push('data', new Uint8Array(100))
  for (let i = 0; i < 500; i++) {
    heavy.push('data', new Uint8Array(10))
    assert.ok(budget.bytes <= 1000)
  }
  assert.ok(lost > 0)
  assert.equal(budget.bytes, light.bytes + heavy.bytes)
  heavy.clear('stopped')
  assert.equal(budget.bytes, 100)
})

test('without a budget the same flood grows without bound', () => {
  const off = new BufferBudget(Number.POSITIVE_INFINITY)
  const queue = new OutboundQueue({ queueMessages: Infinity, queueBytes: Infinity }, off)
  for (let i = 0; i < 500; i++) queue.push('data', new Uint8Array(10))
  assert.equal(off.bytes, 5000)
})
