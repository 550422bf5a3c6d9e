import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Limited, Named } from './limited.ts'
import { network, TOPIC, text } from './network.fixture.ts'

test('a publisher is named once a minute, and a flood of names is cut off until a minute is over', () => {
  const named = new Named()
  assert.ok(named.name('a', 0))
  assert.ok(!named.name('a', 59_999))
  assert.ok(named.name('a', 60_000))
  const heard = Array.from({ length: 1000 }, (_, i) => named.name(`p${i}`, 70_000)).filter(Boolean).length
  assert.equal(heard, 255)
  assert.ok(named.name('b', 120_000), 'there is room again when the earliest is forgotten')
  assert.ok(named.name('p999', 130_000))
})

test('who slept and reads all at once names no honest publisher for it', () => {
  const named: string[] = []
  const init = (id: string) => ({ on: { limited: ({ from }: Limited) => named.push(`${id} names ${from}`) } })
  const bed = network({ nodes: 8, init })
  const publish = (seconds: number) => {
    for (let i = 0; i < 10 * seconds; i++) {
      bed.node('n0').publish(TOPIC, text('x'))
      bed.simulation.run(100)
    }
  }
  publish(5)
  bed.simulation.pause('n3')
  publish(20)
  bed.simulation.resume('n3')
  publish(10)
  bed.simulation.run(10_000)
  assert.ok((bed.node('n3').status().refused.rate ?? 0) > 0, 'more came at once than may')
  assert.deepEqual(named, [])
  assert.equal(bed.got.get('n3')?.length, bed.got.get('n1')?.length, 'what was refused is repaired')
})
