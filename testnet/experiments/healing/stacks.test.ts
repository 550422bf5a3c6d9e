import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROUND, Stacks } from './stacks.ts'

test('the load in a report is that of nodes that live, over the time for which they did', () => {
  const stacks = new Stacks(1)
  stacks.settle(20)
  const { simulation } = stacks
  for (const { id } of simulation.nodes.slice(2)) simulation.kill(id)
  simulation.run(10_000)
  const rounds = simulation.now / ROUND
  const survivors = simulation.nodes.slice(0, 2).map(({ sent }) => sent.messages / rounds)
  const mean = (survivors.reduce((sum, one) => sum + one, 0) / 2).toPrecision(4)
  const [messages] = stacks.loadRows('two of twenty')
  assert.equal(messages?.measured, `${Number(mean)} / ${Number(Math.max(...survivors).toPrecision(4))}`)

  stacks.add([(simulation.nodes[0] as (typeof simulation.nodes)[number]).self])
  const before = simulation.now
  simulation.run(2000)
  const [one, other, late] = [0, 1, 20].map((index) => simulation.nodes[index]?.sent.messages ?? 0) as [
    number,
    number,
    number,
  ]
  const all = simulation.now / ROUND
  const each = [one / all, other / all, late / ((simulation.now - before) / ROUND)]
  const [busy] = stacks.loadRows('and one that has just come')
  assert.equal(
    `${busy?.measured}`.split(' ')[0],
    `${Number((each.reduce((sum, rate) => sum + rate, 0) / 3).toPrecision(4))}`,
  )
})
