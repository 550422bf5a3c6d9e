import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { checkCount, checkId, checkInteger, checkText, parse } from '../../../core/codec.ts'
import type { Sign, Signed } from '../../../core/signed.ts'
import { BufferBodySchema, BufferSchema, type Buffer as BufferWire, ClaimsSchema } from './adaptive_pb.ts'

/** How many events a node has room for in a group, as it signed it. */
export interface BufferClaim {
  /** Whose buffer it is. */
  readonly id: string
  /** Of which delivery and topic. */
  readonly group: string
  /** Events. */
  readonly buffer: number
  /** ms since the epoch, by its owner's clock. */
  readonly issued: number
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

export const CLAIM_TYPE = 'buffer/1'
/** Claims a message carries at most. */
export const MAX_CLAIMS = 16
export const MAX_BUFFER = 2 ** 20
/** The delivery, a stroke and the topic. */
const MAX_GROUP_LENGTH = 160
const MAX_BODY_BYTES = 512
const MAX_SIGNATURE_BYTES = 512
const NO_SIGNATURE = new Uint8Array(0)

export function signClaim(fields: Omit<BufferClaim, 'record'>, sign?: Sign): BufferClaim {
  const issued = Math.round(fields.issued)
  const body = toBinary(BufferBodySchema, create(BufferBodySchema, { ...fields, issued: BigInt(issued) }))
  return { ...fields, issued, record: { body, signature: sign?.(CLAIM_TYPE, body) ?? NO_SIGNATURE } }
}

export function claimToWire({ record }: BufferClaim): BufferWire {
  return create(BufferSchema, record)
}

/** @throws Malformed. What the owner is said to have signed is added to `claims`. */
export function claimFromWire(wire: BufferWire, claims: Signed[]): BufferClaim {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'buffer-claim-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'buffer-claim-signature')
  // Copies: the claim is kept and passed on, the frame it came in must not be.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const { id, group, buffer, issued } = parse('buffer-claim', () => fromBinary(BufferBodySchema, record.body))
  claims.push({ signer: checkId(id), type: CLAIM_TYPE, ...record })
  return {
    id,
    group: checkText(group, MAX_GROUP_LENGTH, 'buffer-claim-group'),
    buffer: checkInteger(buffer, 0, MAX_BUFFER, 'buffer-claim-buffer'),
    issued: checkInteger(issued, 0, Number.MAX_SAFE_INTEGER, 'buffer-claim-issued'),
    record,
  }
}

/** Bytes that a claim takes inside a message, tags and lengths included. */
export function claimSize({ record }: BufferClaim): number {
  return record.body.length + record.signature.length + 12
}

export function encodeClaims(claims: readonly BufferClaim[]): Uint8Array {
  return toBinary(ClaimsSchema, create(ClaimsSchema, { buffers: claims.map(claimToWire) }))
}

/** @throws Malformed */
export function decodeClaims(bytes: Uint8Array, signed: Signed[]): BufferClaim[] {
  const { buffers } = parse('buffer-claims', () => fromBinary(ClaimsSchema, bytes))
  return checkCount(buffers, MAX_CLAIMS, 'buffer-claims').map((buffer) => claimFromWire(buffer, signed))
}

export function claimsSize(claims: readonly BufferClaim[]): number {
  return claims.reduce((size, claim) => size + claimSize(claim), 0)
}
