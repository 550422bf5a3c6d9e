import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Simulation } from '../../../testnet/simulator/simulation.ts'
import { type StackMessage, stackCodec } from '../../channels.ts'
import { Membership } from '../../membership/membership.ts'
import { Stack } from '../../stack.ts'
import type { BimodalMessage } from './codec.ts'

const NODES = 40
const TOPIC = 'news'
/** Two sites, 100 ms apart. */
const site = ({ id }: PeerDescriptor) => Number(id.slice(1)) % 2

/** Share of the digests that stay within a site, and whether everybody got everything. */
function repaired(): { near: number; complete: boolean } {
  const latency = (_: unknown, from: PeerDescriptor, to: PeerDescriptor) => (site(from) === site(to) ? 5 : 50)
  const simulation = new Simulation<StackMessage, Stack>({ seed: 3, latency, loss: 0.05, codec: stackCodec })
  const digests = [0, 0] as [number, number]
  let got = 0
  for (let i = 0; i < NODES; i++) {
    const { protocol } = simulation.add({ addresses: [`/sim/${i}`] }, (environment) => {
      let sequence = 0
      const stack = new Stack(environment, { attributes: () => ({}), sequences: { next: () => ++sequence } })
      const receive = stack.receive.bind(stack)
      stack.receive = (from, message) => {
        const said =
          message.channel === 'broadcast' ? (message.message.message as BimodalMessage | undefined) : undefined
        if (said?.kind === 'digest' && said.answers === undefined)
          digests[site(from) === site(environment.self) ? 1 : 0]++
        receive(from, message)
      }
      return stack
    })
    protocol.subscribe(TOPIC, () => got++)
    if (i > 0) protocol.introduce([simulation.nodes[0]?.self as PeerDescriptor])
  }
  simulation.run(20_000)
  const before = [...digests]
  for (let i = 0; i < 100; i++) {
    assert.equal(simulation.nodes[i % 5]?.protocol.publish(TOPIC, new Uint8Array(100)).status, 'accepted')
    simulation.run(100)
  }
  simulation.run(10_000)
  const [far, within] = digests.map((count, i) => count - (before[i] as number)) as [number, number]
  return { near: within / (far + within), complete: got === 100 * NODES }
}

test('near peers repair first, far ones now and then, and everybody gets everything', (t) => {
  const { near, complete } = repaired()
  assert.ok(complete)
  assert.ok(near > 0.55 && near < 0.9, `${near}`)

  t.mock.method(Membership.prototype, 'member', () => undefined) // nobody knows a round trip
  const anywhere = repaired()
  assert.ok(anywhere.complete)
  assert.ok(anywhere.near < 0.52, `${anywhere.near}`)
})
