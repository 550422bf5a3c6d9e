import fc from 'fast-check'
import { describe } from './descriptor.ts'

/** Any descriptor that may travel; its signature is one of nobody. */
export const anyDescriptor = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    addresses: fc.array(fc.string({ maxLength: 60 }), { maxLength: 4 }),
    sequence: fc.maxSafeNat(),
    issued: fc.maxSafeNat(),
    attributes: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), fc.integer(), {
      maxKeys: 8,
      noNullPrototype: true,
    }),
  })
  .map((fields) => describe(fields, () => new Uint8Array(64).fill(7)))
