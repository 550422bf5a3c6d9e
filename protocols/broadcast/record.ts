import { fromBinary } from '@bufbuild/protobuf'
import { checkId, checkInteger, parse } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Signed } from '../../core/signed.ts'
import { PublicationBodySchema, type Record } from './broadcast_pb.ts'
import {
  DELIVERY_NAMES,
  MAX_PART_BYTES,
  MAX_PARTS,
  MAX_SUBGROUP_LENGTH,
  MAX_TOPIC_LENGTH,
  PRIORITIES,
  PUBLICATION_TYPE,
  type Publication,
} from './publication.ts'

const MAX_BODY_BYTES = MAX_PART_BYTES + 1024
const MAX_SIGNATURE_BYTES = 512 // RSA 4096
/** ms: longer than anybody keeps anything. */
export const MAX_TTL = 3_600_000
const MAX = Number.MAX_SAFE_INTEGER

/** What a message's protobuf holds of a publication. */
export function recordToWire({ record }: Publication): Pick<Record, 'body' | 'signature'> {
  return record
}

/** Upper bound of a record's bytes inside a message. */
export function recordSize({ record }: Publication): number {
  return record.body.length + record.signature.length + 16
}

/**
 * The publication in a record; its signature is left to whoever verifies the claims.
 * @throws Malformed when it is none, or exceeds a limit
 */
export function publicationFromWire(
  wire: Pick<Record, 'body' | 'signature'> | undefined,
  claims: Signed[],
): Publication {
  if (wire === undefined) throw new Malformed('publication-record', 'missing')
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'publication-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'publication-signature')
  // Copies: a publication is kept for a minute, the batch of frames it came in must not be.
  // (Not slice(): of a Node Buffer that is a view.)
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('publication', () => fromBinary(PublicationBodySchema, record.body))
  const publisher = checkId(body.publisher)
  if (!isTopic(body.topic)) throw new Malformed('publication-topic', `${body.topic.length} characters`)
  checkInteger(body.payload.length, 0, MAX_PART_BYTES, 'publication-payload')
  const sequence = checkInteger(body.sequence, 1, MAX, 'publication-sequence')
  const back = checkInteger(body.back, 0, sequence - 1, 'publication-previous')
  const published = checkInteger(body.published, 0, MAX, 'publication-time')
  const delivery = DELIVERY_NAMES[checkInteger(body.delivery, 0, DELIVERY_NAMES.length - 1, 'publication-delivery')]
  const priority = PRIORITIES[checkInteger(body.priority, 0, PRIORITIES.length - 1, 'publication-priority')]
  const ttl = checkInteger(body.ttl, 0, MAX_TTL, 'publication-ttl')
  const previousTtl = checkInteger(body.backTtl, 0, MAX_TTL, 'publication-ttl')
  const parts = body.parts === 0 ? 1 : checkInteger(body.parts, 2, MAX_PARTS, 'publication-parts')
  const part = checkInteger(body.part, 0, parts - 1, 'publication-parts')
  claims.push({ signer: publisher, type: PUBLICATION_TYPE, ...record })
  const { elapsed, topic, payload } = body
  const { subgroup } = body
  if (!isSubgroup(subgroup)) throw new Malformed('publication-subgroup', `${subgroup.length} characters`)
  const previous = back === 0 ? 0 : sequence - back
  const how = { delivery, priority, ttl, part, parts } as Pick<
    Publication,
    'delivery' | 'priority' | 'ttl' | 'part' | 'parts'
  >
  return { publisher, sequence, previous, previousTtl, elapsed, published, topic, subgroup, ...how, payload, record }
}

/** Up to 64 characters of well-formed Unicode; '' for none. */
export function isSubgroup(subgroup: string): boolean {
  return subgroup.length <= MAX_SUBGROUP_LENGTH && subgroup.isWellFormed()
}

/** 1-128 characters of well-formed Unicode. */
export function isTopic(topic: string): boolean {
  return topic.length > 0 && topic.length <= MAX_TOPIC_LENGTH && topic.isWellFormed()
}
