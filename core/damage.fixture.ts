import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Codec } from './codec.ts'
import { Malformed } from './malformed.ts'

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
    { numRuns: 500 },
  )
}
