import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tally } from '../../core/tally.ts'
import { Simulation } from '../../testnet/simulator/simulation.ts'
import { FailureDetector } from './failure-detector.ts'
import { Members } from './members.ts'
import type { MembershipMessage } from './messages.ts'
import { MEMBERSHIP_DEFAULTS } from './options.ts'
import { Pings } from './pings.ts'
import { Rumors } from './rumors.ts'

test('who was in doubt when it was forgotten, and speaks again, is in doubt no more', () => {
  const simulation = new Simulation<MembershipMessage>({ seed: 1 })
  const { self: peer } = simulation.add({}, () => ({ start() {}, stop() {}, receive() {} }))
  const members = new Members(() => [])
  let detector = undefined as unknown as FailureDetector
  const { environment } = simulation.add({}, (own) => {
    detector = new FailureDetector(own, {
      contacts: () => [],
      members,
      pings: new Pings(own, new Rumors()),
      options: MEMBERSHIP_DEFAULTS,
      tally: new Tally(),
      doubted: () => {},
      alarm: () => {},
      dead: () => assert.fail('it speaks before its time is over'),
    })
    return { start: () => detector.start(), stop: () => detector.stop(), receive() {} }
  })
  const now = environment.now()
  members.remember({ peer, state: 'alive', since: now, heardAt: now, rtt: undefined, reason: undefined, reprieves: 0 })
  assert.ok(detector.probe(peer, 'no answer to a ping'))
  simulation.run(MEMBERSHIP_DEFAULTS.pingTimeout + 1)
  assert.ok(detector.isDoubted(peer.id))
  members.delete(peer.id)
  assert.equal(detector.heard(peer.id), false, 'it is not up')
  assert.equal(detector.isDoubted(peer.id), false)
})
