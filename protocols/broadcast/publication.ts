import { create, toBinary } from '@bufbuild/protobuf'
import type { Sign } from '../../core/signed.ts'
import { PublicationBodySchema } from './broadcast_pb.ts'

/** The ways in which a publication can travel; its number on the wire is its place here, up to 7: only ever append. */
export const DELIVERY_NAMES = ['bimodal', 'epidemic', 'reliable', 'gravitational', 'anonymous', 'ordered'] as const

export type DeliveryName = (typeof DELIVERY_NAMES)[number]

/** What leaves a full buffer last, and a crowded link first. Its number on the wire is its place here. */
export const PRIORITIES = ['normal', 'high', 'low'] as const

export type Priority = (typeof PRIORITIES)[number]

/** A signed message of a publisher, or a part of one, to the subscribers of a topic, as it travels and as it is kept. Immutable. */
export interface Publication {
  readonly publisher: string
  /** >= 1; grows with every publication of this publisher, whatever its topic. */
  readonly sequence: number
  /** Sequence of the publisher's publication before this one in the same topic and delivery, 0 for the first since it started. */
  readonly previous: number
  /** ms between that one and this one, on the publisher's clock. */
  readonly elapsed: number
  /** Its time to live, ms: nobody waits for it longer; 0: none. */
  readonly previousTtl: number
  /** ms since the epoch, the publisher's clock. */
  readonly published: number
  readonly topic: string
  /** Part of the topic's group that it is for; '': of none. */
  readonly subgroup: string
  readonly delivery: DeliveryName
  /** ms after `published` from which nobody wants it any more; 0: no such time. */
  readonly ttl: number
  readonly priority: Priority
  /** Of a message in several parts, from 0. */
  readonly part: number
  /** How many they are; 1 for a message that is one. */
  readonly parts: number
  readonly payload: Uint8Array
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

/** What a publication is composed of; what is left out has its default. */
export type PublicationFields = Pick<Publication, 'publisher' | 'sequence' | 'published' | 'topic' | 'payload'> &
  Partial<Omit<Publication, 'record'>>

export const PUBLICATION_TYPE = 'broadcast/2'
export const MAX_TOPIC_LENGTH = 128
export const MAX_SUBGROUP_LENGTH = 64
/** Chosen: with its record, its tree interval and a batch around it a publication stays under the frame of 64 KiB. */
export const MAX_PART_BYTES = 48 * 1024
/** Parts of a message: 1.5 MiB. */
export const MAX_PARTS = 32
export const MAX_ELAPSED = 0xffff_ffff
const NO_SIGNATURE = new Uint8Array(0)

/** The name of a publication in receipts and logs. */
export function publicationId(publication: Pick<Publication, 'publisher' | 'sequence'>): string {
  return `${publication.publisher}/${publication.sequence}`
}

/** Makes and signs a publication; the payload is copied. Without `sign` the signature is empty. */
export function compose(given: PublicationFields, sign?: Sign): Publication {
  const fields = {
    subgroup: '',
    previous: 0,
    previousTtl: 0,
    delivery: 'bimodal',
    ttl: 0,
    priority: 'normal',
    part: 0,
    parts: 1,
    ...given,
  } as const
  const { publisher, sequence, previous, published, topic, ttl, part, parts } = fields
  const elapsed = Math.min(fields.elapsed ?? 0, MAX_ELAPSED)
  const body = toBinary(
    PublicationBodySchema,
    create(PublicationBodySchema, {
      publisher,
      sequence: BigInt(sequence),
      published: BigInt(published),
      back: BigInt(previous === 0 ? 0 : sequence - previous),
      elapsed,
      backTtl: fields.previousTtl,
      topic,
      subgroup: fields.subgroup,
      payload: fields.payload,
      delivery: DELIVERY_NAMES.indexOf(fields.delivery),
      ttl,
      priority: PRIORITIES.indexOf(fields.priority),
      ...(parts > 1 && { part, parts }),
    }),
  )
  const signature = sign === undefined ? NO_SIGNATURE : sign(PUBLICATION_TYPE, body)
  return { ...fields, elapsed, payload: new Uint8Array(fields.payload), record: { body, signature } }
}

/** What keeping a publication costs, its bookkeeping included: tiny payloads must not make the buffer's bound a lie. */
export function footprint(publication: Publication): number {
  return publication.record.body.length + publication.record.signature.length + 512
}

/** Whether nobody wants it any more, by this clock. */
export function isExpired({ published, ttl }: Publication, now: number): boolean {
  return ttl > 0 && now > published + ttl
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
