import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../../core/bucket.ts'
import { describe } from '../../../core/descriptor.ts'
import { Tally } from '../../../core/tally.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { compose } from '../publication.ts'
import { type Data, type ReliableMessage, reliableCodec } from './codec.ts'
import { Copying } from './copying.ts'
import { DEFAULTS, type ReliableOptions } from './options.ts'

const TO = describe({ id: 'to', addresses: [], sequence: 1, issued: 0 })
const NOBODY = { start() {}, stop() {}, receive() {} }

function message(sequence: number): Data {
  const publication = compose({ publisher: 'p', sequence, published: 0, topic: 't', payload: new Uint8Array(1) })
  return { kind: 'data', publication, branch: { positions: [TO.position], copies: [1], sizes: [1] } }
}

function copying(options: Partial<ReliableOptions> = {}, bytes = 1e6) {
  const simulation = new Simulation<ReliableMessage>({ seed: 1, codec: reliableCodec })
  const { environment } = simulation.add({}, () => NOBODY)
  const tally = new Tally()
  const copies = new Copying(environment, new TokenBucket(bytes, bytes), { ...DEFAULTS, ...options }, tally)
  return { simulation, environment, tally, copies }
}

test('as many copies are sent over a link as the plan says, however often it is asked while they are under way', () => {
  const { simulation, environment, tally, copies } = copying()
  for (let i = 0; i < 4; i++) {
    copies.send(TO, message(1), 5, 7)
    simulation.run(DEFAULTS.spacing)
  }
  simulation.run(10_000)
  assert.deepEqual(tally.toJSON(), { resent: 4, sent: 5 })
  assert.deepEqual([copies.size, environment.timers], [0, 0])
})

test('nothing more is sent after an acknowledgement, to a peer that is down, or after a stop, and no timer is left', () => {
  const { simulation, environment, tally, copies } = copying()
  for (let sequence = 1; sequence <= 3; sequence++) copies.send(TO, message(sequence), 5, 7)
  copies.acknowledged('another', 7, 1)
  copies.acknowledged('to', 7, 1)
  assert.deepEqual([copies.size, environment.timers], [2, 2])
  copies.peerDown('to')
  assert.deepEqual([copies.size, environment.timers], [0, 0])
  copies.send(TO, message(4), 5, 7)
  copies.stop()
  assert.deepEqual([copies.size, environment.timers], [0, 0])
  simulation.run(10_000)
  assert.deepEqual(tally.toJSON(), { acknowledged: 1, 'peer-down': 2, sent: 4 })
})

test('so many wait at most, the oldest gives up its place; copies that the budget does not allow are counted, not made up for', () => {
  const full = copying({ pending: 2 })
  for (let sequence = 1; sequence <= 5; sequence++) full.copies.send(TO, message(sequence), 2, 7)
  assert.deepEqual([full.copies.size, full.environment.timers, full.tally.get('pending-full')], [2, 2, 3])
  const poor = copying({}, 1)
  poor.copies.send(TO, message(1), 4, 7)
  poor.simulation.run(10_000)
  assert.deepEqual(poor.tally.toJSON(), { 'over-budget': 3, sent: 1 })
})
