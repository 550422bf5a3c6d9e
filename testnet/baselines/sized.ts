import type { Codec } from '../../core/codec.ts'
import type { Publication } from '../../protocols/broadcast/publication.ts'

/** A codec that counts bytes and nothing else: baselines live in the simulator only and never travel as bytes. */
export function sized<Message>(size: (message: Message) => number): Codec<Message> {
  const refuse = () => {
    throw new Error('a baseline has no wire format')
  }
  return { encode: refuse, decode: refuse, size }
}

/** What a publication takes in a frame, as every delivery counts it. */
export function publicationSize({ record }: Publication): number {
  return record.body.length + record.signature.length + 24
}
