import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, MAX_DESCRIPTOR_AGE } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { LostPeers } from './lost.ts'

const peer = (id: string) => describe({ id, addresses: [], sequence: 1, issued: 0 })

test('never more than 32, nobody twice, whatever is lost and found', () => {
  const operation = fc.record({ what: fc.constantFrom('add', 'add', 'remove'), id: fc.nat(60), wait: fc.nat(20_000) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200, size: 'max' }), (operations) => {
      const lost = new LostPeers(new Random(1))
      let now = 1
      for (const { what, id, wait } of operations) {
        now += wait
        const had = lost.has(`n${id}`)
        if (what === 'add') lost.add(peer(`n${id}`), now)
        else assert.equal(lost.remove(`n${id}`), had)
        if (what === 'remove') assert.ok(!lost.has(`n${id}`))
        const ids = lost.all(now).map((one) => one.id)
        assert.ok(ids.length <= 32)
        assert.equal(ids.length, lost.size)
        assert.equal(new Set(ids).size, ids.length)
      }
    }),
    { numRuns: 100 },
  )
})

test('a partition of long ago is remembered beside a later one and the deaths of every day', () => {
  const lost = new LostPeers(new Random(1))
  let now = 0
  for (let i = 0; i < 20; i++) lost.add(peer(`first${i}`), now)
  now += 3_600_000
  for (let i = 0; i < 20; i++) lost.add(peer(`second${i}`), now)
  for (let i = 0; i < 12; i++) {
    now += 60_000
    lost.add(peer(`single${i}`), now)
  }
  const of = (name: string) => lost.all(now).filter(({ id }) => id.startsWith(name)).length
  assert.ok(of('first') >= 5, `${of('first')}`)
  assert.ok(of('second') >= 5, `${of('second')}`)
})

test('whose descriptor nobody accepts any more is forgotten', () => {
  const lost = new LostPeers(new Random(1))
  lost.add(peer('old'), 0)
  assert.equal(lost.pick(MAX_DESCRIPTOR_AGE - 1)?.id, 'old')
  assert.equal(lost.pick(MAX_DESCRIPTOR_AGE + 1), undefined)
  assert.equal(lost.size, 0)
})
