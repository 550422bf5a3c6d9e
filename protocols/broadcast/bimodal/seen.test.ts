import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { numbersOf } from '../runs.ts'
import { Seen } from './seen.ts'

const steps = fc.array(fc.record({ publisher: fc.nat(3), pause: fc.nat(200) }), { maxLength: 80 })

test('has what came within the retention, and tells what of it is older than settle', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const seen = new Seen({ settle: 100, retention: 1000 })
      const came: { key: string; at: number }[] = []
      let now = 0
      for (const [i, { publisher, pause }] of script.entries()) {
        seen.add(`p${publisher}`, i + 1, now)
        came.push({ key: `p${publisher}/${i + 1}`, at: now })
        now += pause
        seen.turn(now)
        const told = seen.told().flatMap((one) => [...numbersOf(one.runs, 0)].map((n) => `${one.publisher}/${n}`))
        const old = came.filter(({ at }) => now - at >= 100 && now - at < 1000).map(({ key }) => key)
        assert.deepEqual(told.sort(), old.sort())
        for (const { key, at } of came) {
          const [id, sequence] = key.split('/') as [string, string]
          assert.equal(seen.has(id, Number(sequence)), now - at < 1000)
        }
      }
    }),
  )
})

test('a flood is forgotten from its oldest on', () => {
  const seen = new Seen({ settle: 0, retention: 1000 })
  for (let i = 1; i <= 70_000; i++) seen.add('p', i, 0)
  assert.equal(seen.size, 65_536)
  assert.ok(!seen.has('p', 70_000 - 65_536) && seen.has('p', 70_000 - 65_535))
})
