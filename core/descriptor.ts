import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { checkCount, checkFinite, checkId, checkInteger, checkText, parse } from './codec.ts'
import { type Descriptor, DescriptorBodySchema, DescriptorSchema } from './descriptor_pb.ts'
import { Malformed } from './malformed.ts'
import { positionOf } from './position.ts'
import type { Sign, Signed } from './signed.ts'

/** What nodes tell each other about a node. Made and signed by that node, passed on by everybody, never altered. */
export interface PeerDescriptor {
  readonly id: string
  /** On the ring; computed from the id by whoever receives the descriptor. */
  readonly position: number
  /** Multiaddrs, at most 4. */
  readonly addresses: readonly string[]
  /** The newer of two descriptors of a node has the higher sequence. */
  readonly sequence: number
  /** When its owner made it, ms since the epoch. */
  readonly issued: number
  /** Numbers that sorted structures rank by. */
  readonly attributes: Readonly<Record<string, number>>
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
  /** Bytes of the record, where they are known without making it: simulated nodes make theirs only when it travels as bytes. */
  readonly size?: number
}

export const DESCRIPTOR_TYPE = 'descriptor/1'
/** LIMITS: descriptors are at most 1 KiB, with at most 4 addresses and 8 ranked attributes, and at most 24 h old. */
export const MAX_DESCRIPTOR_BYTES = 1024
export const MAX_ADDRESSES = 4
export const MAX_DESCRIPTOR_AGE = 24 * 3600 * 1000
/** How far ahead of ours another node's clock may be. */
export const CLOCK_WINDOW = 120_000
export const MAX_ADDRESS_LENGTH = 200
export const MAX_RANKED_ATTRIBUTES = 8
/** Room for the largest RSA key that libp2p accepts; an Ed25519 signature takes 64. */
const MAX_SIGNATURE_BYTES = 512
/** Of a ranked attribute. */
export const RANKED_NAME = /^[a-z][a-z0-9_]{0,63}$/
const NO_SIGNATURE = new Uint8Array(0)

/**
 * Describes a node. Addresses longer than 200 characters are left out, and all after the fourth. Without `sign` the
 * signature is empty, which only simulated nodes accept.
 *
 * @throws RangeError when the ranked attributes, or the whole, exceed what other nodes accept
 */
export function describe(
  fields: Pick<PeerDescriptor, 'id' | 'addresses' | 'sequence' | 'issued'> &
    Partial<Pick<PeerDescriptor, 'attributes'>>,
  sign?: Sign,
): PeerDescriptor {
  const { id, sequence, attributes = {} } = fields
  const issued = Math.round(fields.issued)
  const addresses = fields.addresses.filter(({ length }) => length <= MAX_ADDRESS_LENGTH).slice(0, MAX_ADDRESSES)
  const names = Object.keys(attributes).sort()
  if (names.length > MAX_RANKED_ATTRIBUTES)
    throw new RangeError(`at most ${MAX_RANKED_ATTRIBUTES} attributes are ranked, got ${names.length}`)
  for (const name of names) {
    if (!RANKED_NAME.test(name) || !Number.isFinite(attributes[name])) {
      throw new RangeError(`ranked attribute ${name} is ${attributes[name]}: it needs a plain name and a finite number`)
    }
  }
  const body = toBinary(
    DescriptorBodySchema,
    create(DescriptorBodySchema, {
      id,
      addresses,
      sequence: BigInt(sequence),
      issued: BigInt(issued),
      attributes: names.map((name) => ({ name, value: attributes[name] as number })),
    }),
  )
  if (body.length > MAX_DESCRIPTOR_BYTES) {
    throw new RangeError(`a descriptor has at most ${MAX_DESCRIPTOR_BYTES} bytes, this one ${body.length}`)
  }
  const signature = sign === undefined ? NO_SIGNATURE : sign(DESCRIPTOR_TYPE, body)
  return { id, position: positionOf(id), addresses, sequence, issued, attributes, record: { body, signature } }
}

export function descriptorToWire(descriptor: PeerDescriptor): Descriptor {
  return create(DescriptorSchema, descriptor.record)
}

/** @throws Malformed. What the owner is said to have signed is added to `claims`. */
export function descriptorFromWire(wire: Descriptor, claims: Signed[]): PeerDescriptor {
  checkInteger(wire.body.length, 1, MAX_DESCRIPTOR_BYTES, 'descriptor-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'descriptor-signature')
  // Copies: the descriptor is kept, the frame it came in must not be. Not `slice`, which on a Buffer is a view.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('descriptor', () => fromBinary(DescriptorBodySchema, record.body))
  const id = checkId(body.id)
  checkCount(body.addresses, MAX_ADDRESSES, 'descriptor-addresses')
  for (const address of body.addresses) checkText(address, MAX_ADDRESS_LENGTH, 'descriptor-address')
  checkCount(body.attributes, MAX_RANKED_ATTRIBUTES, 'descriptor-attributes')
  const attributes: Record<string, number> = {}
  for (const { name, value } of body.attributes) {
    if (!RANKED_NAME.test(name)) throw new Malformed('descriptor-attribute')
    attributes[name] = checkFinite(value, 'descriptor-attribute')
  }
  claims.push({ signer: id, type: DESCRIPTOR_TYPE, ...record })
  return {
    id,
    position: positionOf(id),
    addresses: body.addresses,
    sequence: checkInteger(body.sequence, 0, Number.MAX_SAFE_INTEGER, 'descriptor-sequence'),
    issued: checkInteger(body.issued, 0, Number.MAX_SAFE_INTEGER, 'descriptor-issued'),
    attributes,
    record,
  }
}

/** Bytes that a descriptor takes inside a message, tag and length included. */
export function descriptorSize(descriptor: PeerDescriptor): number {
  return (descriptor.size ?? recordSize(descriptor.record)) + 12
}

function recordSize({ body, signature }: PeerDescriptor['record']): number {
  return body.length + signature.length
}

/** Neither too old to be passed on nor from a future that no honest clock shows. */
export function isFresh(descriptor: PeerDescriptor, now: number): boolean {
  return descriptor.issued > now - MAX_DESCRIPTOR_AGE && descriptor.issued < now + CLOCK_WINDOW
}
