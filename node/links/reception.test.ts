import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Logger, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Codec } from '../../core/codec.ts'
import { describe } from '../../core/descriptor.ts'
import { Tally } from '../../core/tally.ts'
import { createSign } from '../keys/signer.ts'
import { Verifier, type VerifierLimits } from '../keys/verifier.ts'
import { BufferBudget } from './budget.ts'
import { encodeHello, prefixed } from './frame.ts'
import { InboundRate } from './inbound.ts'
import { LINK_LIMITS } from './limits.ts'
import { Link } from './link.ts'
import { OutboundQueue } from './queue.ts'
import { Reception } from './reception.ts'

/** A reception that one peer opens streams to, at the hours the test says. */
async function receive(limits: Partial<VerifierLimits>) {
  const key = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(key)
  const sign = createSign(key, 'net')
  const clock = { time: 1_000_000 }
  const now = () => clock.time
  const verifier = new Verifier('net', now, limits)
  const queue = new OutboundQueue(LINK_LIMITS, new BufferBudget(), () => undefined)
  const link = new Link(peerId.toString(), peerId, queue, new InboundRate(LINK_LIMITS), now())
  const tally = new Tally()
  const greeted: number[] = []
  const reception = new Reception<never>({
    network: 'net',
    codec: {} as Codec<never>,
    verifier,
    limits: LINK_LIMITS,
    now,
    tally,
    log: Object.assign(() => undefined, { error: () => undefined }) as unknown as Logger,
    linkTo: () => link,
    greeted: (_, { sequence }) => greeted.push(sequence),
    message: () => undefined,
    disconnect: () => assert.fail('nobody is disconnected here'),
  })
  const open = () => {
    const told: Uint8Array[] = []
    const aborted: string[] = []
    const stream = Object.assign(new EventTarget(), {
      send: (bytes: Uint8Array) => told.push(bytes),
      abort: ({ message }: Error) => aborted.push(message),
      close: async () => undefined,
      readStatus: 'readable',
      readBufferLength: 0,
    })
    reception.accept(stream as unknown as Stream, { remotePeer: peerId } as unknown as Connection)
    const hello = (sequence: number) => {
      const descriptor = describe({ id: link.id, addresses: [], sequence, issued: now() }, sign)
      const data = prefixed([encodeHello('net', descriptor)])
      stream.dispatchEvent(Object.assign(new Event('message'), { data }))
    }
    return { told, aborted, hello }
  }
  /** Others, or the peer itself, use up what there is. */
  const exhaust = (peer: string) => {
    const claims = [
      { signer: link.id, type: 'x/1', body: Uint8Array.of(greeted.length), signature: new Uint8Array(64) },
    ]
    verifier.checkNow(peer, claims)
  }
  return { clock, exhaust, greeted, link, open, tally }
}

for (const [slug, limits] of [
  ['verify-rate-node', { perNode: 1 }],
  ['verify-rate-peer', { perPeer: 1, perPeerBurst: 1 }],
] as const) {
  test(`a hello that meets ${slug} is no mark against the peer, and is taken as soon as there is a token`, async () => {
    const { clock, exhaust, greeted, link, open, tally } = await receive(limits)
    exhaust(slug === 'verify-rate-node' ? 'somebody else' : link.id)
    const first = open()
    first.hello(1)
    assert.deepEqual(greeted, [])
    assert.deepEqual(tally.toJSON(), { [slug]: 1 })
    assert.deepEqual(first.aborted, [slug])
    assert.deepEqual(first.told, [], 'who is told a refusal stays away for a minute')
    assert.equal(link.avoided(clock.time), undefined)
    assert.equal(link.malformed(clock.time), 1, 'this is the first')
    clock.time += 1000
    open().hello(1)
    assert.deepEqual(greeted, [1])
  })

  test(`a peer that said hello before stays when its next one meets ${slug}`, async () => {
    const { clock, exhaust, greeted, link, open, tally } = await receive(limits)
    const { aborted, hello } = open()
    hello(1)
    clock.time += 1000
    exhaust(slug === 'verify-rate-node' ? 'somebody else' : link.id)
    hello(2)
    assert.deepEqual([greeted, aborted, tally.toJSON()], [[1], [], { [slug]: 1 }])
    assert.equal(link.inbound?.greeted, true)
    clock.time += 1000
    hello(2)
    assert.deepEqual(greeted, [1, 2])
  })
}
