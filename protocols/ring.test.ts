import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../core/bucket.ts'
import { sendingThrough } from '../core/sending.ts'
import type { SamplingMessage } from '../overlays/sampling/codec.ts'
import type { TManMessage } from '../overlays/tman/codec.ts'
import { Simulation } from '../testnet/simulator/simulation.ts'
import { Ring } from './ring.ts'

const TMAN_PERIOD = 5000

type Message = SamplingMessage | TManMessage

/** A ring among peers that never answer; when it offered T-Man's exchanges and sampling's, ms since its start. */
function network(alarmed: () => boolean, samplingPeriod = 60_000) {
  const simulation = new Simulation<Message>({ seed: 1, latency: 20 })
  const silent = { start() {}, stop() {}, receive() {} }
  const peers = Array.from({ length: 12 }, () => simulation.add({}, () => silent).self)
  const offers: { readonly at: number; readonly to: string }[] = []
  const sampled: number[] = []
  let ring = undefined as unknown as Ring
  simulation.add({}, (environment) => {
    const recording = sendingThrough<TManMessage>(environment, (to, message) => {
      if (message.kind === 'offer') offers.push({ at: simulation.now, to: to.id })
    })
    const sampling = sendingThrough<SamplingMessage>(environment, (_, message) => {
      if (message.kind === 'offer') sampled.push(simulation.now)
    })
    ring = new Ring(
      { sampling, tman: recording },
      {
        admits: () => 'yes',
        ask: () => false,
        refused: () => {},
        alarmed,
        changed: () => {},
        budget: new TokenBucket(2 ** 18, 2 ** 18),
        options: { samplingPeriod, tmanPeriod: TMAN_PERIOD },
      },
    )
    return { start: () => ring.start(), stop: () => ring.stop(), receive() {} }
  })
  return { simulation, peers, offers, sampled, ring }
}

test('in an alarm whoever came into the view is asked after 100 ms, and ten that come at once cost one exchange', () => {
  const { simulation, peers, offers, ring } = network(() => true)
  for (const peer of peers.slice(0, 10)) ring.consider(peer)
  simulation.run(99)
  assert.equal(offers.length, 0)
  simulation.run(1)
  assert.equal(offers.length, 1)
  // While that exchange is open there is no other; when it is over the next that comes is asked.
  ring.consider(peers[10] as (typeof peers)[number])
  simulation.run(200)
  assert.equal(offers.length, 1)
  ring.unreachable(offers[0]?.to as string)
  ring.consider(peers[11] as (typeof peers)[number])
  simulation.run(100)
  assert.equal(offers.length, 2)
})

test('without an alarm it waits for its round, and a ring that was stopped asks nobody', () => {
  const calm = network(() => false)
  calm.ring.consider(calm.peers[0] as (typeof calm.peers)[number])
  calm.simulation.run(200)
  assert.deepEqual(calm.offers, [])
  const stopped = network(() => true)
  stopped.ring.consider(stopped.peers[0] as (typeof stopped.peers)[number])
  stopped.ring.stop()
  stopped.ring.consider(stopped.peers[1] as (typeof stopped.peers)[number])
  stopped.ring.close()
  stopped.simulation.run(2 * TMAN_PERIOD)
  assert.deepEqual(stopped.offers, [])
})

test('a random partner that does not answer is waited for two rounds: each may cost a connection, which takes its time', () => {
  const { simulation, peers, sampled, ring } = network(() => false, 3000)
  ring.introduce(peers)
  simulation.run(60_000)
  assert.ok(sampled.length >= 5, 'it goes on')
  for (const [i, at] of sampled.entries()) if (i > 0) assert.ok(at - (sampled[i - 1] as number) >= 6000)
})
