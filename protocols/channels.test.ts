import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { describe } from '../core/descriptor.ts'
import { Malformed } from '../core/malformed.ts'
import { queueClass, type StackMessage, stackCodec } from './channels.ts'
import { pose } from './query/wave/messages.ts'

const peer = describe({ id: 'a1', addresses: ['/ip4/192.0.2.1/tcp/1'], sequence: 3, issued: 5 })
const question = pose({ origin: 'a1', number: 1, text: 'SELECT count(*) FROM nodes', issued: 1, timeout: 1000 })
const samples: StackMessage[] = [
  { channel: 'sampling', message: { kind: 'offer', round: 7, body: [{ id: peer.id, peer, age: 2 }] } },
  { channel: 'tman', message: { kind: 'answer', round: 8, body: [peer, peer] } },
  { channel: 'membership', message: { kind: 'ping', nonce: 9, dead: [{ id: 'b2', sequence: 1 }] } },
  {
    channel: 'query',
    message: { kind: 'delegate', attempt: 1, question, interval: { from: 0, to: 9 }, depth: 1, remaining: 10 },
  },
]

suite('channels', () => {
  test('a message comes back on its channel, and its size is never understated', () => {
    for (const sent of samples) {
      const bytes = stackCodec.encode(sent)
      assert.deepEqual(stackCodec.decode(bytes, []), sent)
      assert.ok(stackCodec.size(sent) >= bytes.length, sent.channel)
    }
  })

  test('what a message has signed is claimed, whatever the channel', () => {
    const claimed = samples.map((sent) => {
      const claims: { signer: string }[] = []
      stackCodec.decode(stackCodec.encode(sent), claims as never)
      return claims.map(({ signer }) => signer)
    })
    assert.deepEqual(claimed, [['a1'], ['a1', 'a1'], [], ['a1']])
  })

  test('an unknown channel, and no channel at all, are refused under that name', () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(200), Uint8Array.of(255, 1, 2)]) {
      assert.throws(() => stackCodec.decode(bytes, []), { name: 'Malformed', reason: 'channel' })
    }
  })

  test('random, truncated and mutated frames of every channel give a message or Malformed, nothing else', () => {
    const attempt = (bytes: Uint8Array) => {
      try {
        stackCodec.decode(bytes, [])
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error))
      }
    }
    fc.assert(
      fc.property(fc.nat(15), fc.uint8Array({ maxLength: 200 }), (channel, body) => {
        attempt(Uint8Array.of(channel, ...body))
      }),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), fc.nat(255), (sent, where, what) => {
        const bytes = stackCodec.encode(sent).slice()
        attempt(bytes.slice(0, where % bytes.length))
        bytes[where % bytes.length] = what
        attempt(bytes)
      }),
      { numRuns: 3000 },
    )
  })

  test('when a link is slow, data waits behind queries, and both behind what keeps the overlay alive', () => {
    assert.deepEqual(samples.map(queueClass), ['control', 'control', 'control', 'query'])
    const pull = { channel: 'broadcast', message: { kind: 'pull', ids: [] } } as unknown as StackMessage
    assert.equal(queueClass(pull), 'data')
  })
})
