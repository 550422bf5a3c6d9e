import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../core/random.ts'
import type { StackMessage } from '../../protocols/channels.ts'
import { DISGUISE } from './disguises.ts'

test('who spreads rumours says of everybody that it is dead, of a few in each message', () => {
  const random = new Random(1)
  for (const nodes of [3, 8, 64, 100]) {
    const all = Array.from({ length: nodes }, (_, i) => `n${i}`)
    const named = new Set<string>()
    for (let i = 0; i < 10 * nodes; i++) {
      const said: StackMessage = { channel: 'membership', message: { kind: 'pong', nonce: random.word(), dead: [] } }
      const told = DISGUISE.rumours(said, 'n0', () => all)
      assert.ok(told?.channel === 'membership' && told.message.kind === 'pong')
      const ids = told.message.dead.map(({ id }) => id)
      assert.ok(ids.length === Math.min(8, nodes) && new Set(ids).size === ids.length)
      for (const id of ids) named.add(id)
    }
    assert.deepEqual(
      all.filter((id) => !named.has(id)),
      [],
    )
  }
})
