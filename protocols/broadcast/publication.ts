import { create, toBinary } from '@bufbuild/protobuf'
import type { Sign } from '../../core/signed.ts'
import { PublicationBodySchema } from './broadcast_pb.ts'

/** A signed message of a publisher to the subscribers of a topic, as it travels and as it is kept. Immutable. */
export interface Publication {
  readonly publisher: string
  /** >= 1; grows with every publication of this publisher. */
  readonly sequence: number
  /** Sequence of the publisher's publication before this one, 0 for the first since it started. */
  readonly previous: number
  /** ms between that one and this one, on the publisher's clock. */
  readonly elapsed: number
  /** ms since the epoch, the publisher's clock. */
  readonly published: number
  readonly topic: string
  readonly payload: Uint8Array
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

export const PUBLICATION_TYPE = 'broadcast/1'
export const MAX_TOPIC_LENGTH = 128
/** Chosen: with its record, its tree interval and a batch around it a publication stays under the frame of 64 KiB. */
export const MAX_PAYLOAD_BYTES = 48 * 1024
export const MAX_ELAPSED = 0xffff_ffff
const NO_SIGNATURE = new Uint8Array(0)

/** The name of a publication in receipts and logs. */
export function publicationId(publication: Pick<Publication, 'publisher' | 'sequence'>): string {
  return `${publication.publisher}/${publication.sequence}`
}

/** Makes and signs a publication; the payload is copied. Without `sign` the signature is empty. */
export function compose(fields: Omit<Publication, 'record'>, sign?: Sign): Publication {
  const { publisher, sequence, previous, published, topic } = fields
  const elapsed = Math.min(fields.elapsed, MAX_ELAPSED)
  const body = toBinary(
    PublicationBodySchema,
    create(PublicationBodySchema, {
      publisher,
      sequence: BigInt(sequence),
      published: BigInt(published),
      back: BigInt(previous === 0 ? 0 : sequence - previous),
      elapsed,
      topic,
      payload: fields.payload,
    }),
  )
  const signature = sign === undefined ? NO_SIGNATURE : sign(PUBLICATION_TYPE, body)
  return { ...fields, elapsed, payload: new Uint8Array(fields.payload), record: { body, signature } }
}

/** What keeping a publication costs, its bookkeeping included: tiny payloads must not make the buffer's bound a lie. */
export function footprint(publication: Publication): number {
  return publication.record.body.length + publication.record.signature.length + 512
}

/** Two publications under one sequence number, each signed by the same publisher: whoever verifies both knows it lied. */
export interface Equivocation {
  readonly publisher: string
  readonly sequence: number
  readonly records: readonly [Publication['record'], Publication['record']]
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
