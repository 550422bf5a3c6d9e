import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Codec } from './codec.ts'
import { Malformed } from './malformed.ts'
import type { Signed } from './signed.ts'

/**
 * What is encoded is decoded the same, within the size foretold, and exactly what is signed in it is claimed.
 *
 * @param signed type and signer of each signature in a message, in its order
 */
export function travels<Message>(
  codec: Codec<Message>,
  message: fc.Arbitrary<Message>,
  signed: (message: Message) => readonly string[],
): void {
  fc.assert(
    fc.property(message, (original) => {
      const bytes = codec.encode(original)
      assert.ok(bytes.length <= codec.size(original), `${bytes.length} > ${codec.size(original)}`)
      const claims: Signed[] = []
      assert.deepEqual(codec.decode(bytes, claims), structuredClone(original))
      for (const { body, signature } of claims) {
        assert.ok(
          [body, signature].every((part) => bytes.join().includes(part.join())),
          'claimed as it travels',
        )
      }
      assert.deepEqual(
        claims.map(({ type, signer }) => `${type} ${signer}`),
        signed(original),
      )
    }),
  )
}

/** Why these bytes are refused; 'accepted' when they are not. */
export function refusal<Message>(codec: Codec<Message>, bytes: Uint8Array): string {
  try {
    codec.decode(bytes, [])
  } catch (error) {
    assert.ok(error instanceof Malformed, String(error))
    return error.reason
  }
  return 'accepted'
}

/** Whatever arrives, the codec reads it as a message that can be passed on, or throws Malformed, and nothing else. */
export function survivesDamage<Message>(codec: Codec<Message>, message: fc.Arbitrary<Message>, random = 300): void {
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: random }),
    fc.tuple(message, fc.nat(), fc.nat(255)).map(([original, at, byte]) => {
      const bytes = codec.encode(original)
      bytes[at % Math.max(1, bytes.length)] = byte
      return bytes
    }),
    fc.tuple(message, fc.nat()).map(([original, at]) => {
      const bytes = codec.encode(original)
      return bytes.subarray(0, at % Math.max(1, bytes.length))
    }),
  )
  fc.assert(
    fc.property(damaged, (bytes) => {
      let decoded: Message
      try {
        decoded = codec.decode(bytes, [])
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error))
        return
      }
      assert.deepEqual(codec.decode(codec.encode(decoded), []), decoded)
    }),
    { numRuns: 1000 },
  )
}
