import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { isAttributeName } from '../../core/attributes.ts'
import { checkFinite, checkId, checkInteger, parse } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Sign, Signed } from '../../core/signed.ts'
import { type Value, ValueBodySchema, ValueSchema } from './slices_pb.ts'

/** The value of one attribute as the node that has it signed it. */
export interface SignedValue {
  /** Whose it is. */
  readonly id: string
  readonly attribute: string
  readonly value: number
  /** ms since the epoch, by its owner's clock. */
  readonly issued: number
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

export const VALUE_TYPE = 'slice-value/1'
const MAX_BODY_BYTES = 192
const MAX_SIGNATURE_BYTES = 512
const NO_SIGNATURE = new Uint8Array(0)

export function signValue(fields: Omit<SignedValue, 'record'>, sign?: Sign): SignedValue {
  const issued = Math.round(fields.issued)
  const body = toBinary(ValueBodySchema, create(ValueBodySchema, { ...fields, issued: BigInt(issued) }))
  return { ...fields, issued, record: { body, signature: sign?.(VALUE_TYPE, body) ?? NO_SIGNATURE } }
}

export function valueToWire({ record }: SignedValue): Value {
  return create(ValueSchema, record)
}

/** @throws Malformed. What the owner is said to have signed is added to `claims`. */
export function valueFromWire(wire: Value, claims: Signed[]): SignedValue {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'slices-value-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'slices-signature')
  // Copies: the value is kept and passed on, the frame it came in must not be.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const { id, attribute, value, issued } = parse('slices-value', () => fromBinary(ValueBodySchema, record.body))
  if (!isAttributeName(attribute)) throw new Malformed('slices-attribute')
  claims.push({ signer: checkId(id), type: VALUE_TYPE, ...record })
  return {
    id,
    attribute,
    value: checkFinite(value, 'slices-value'),
    issued: checkInteger(issued, 0, Number.MAX_SAFE_INTEGER, 'slices-issued'),
    record,
  }
}

/** Bytes that a value takes inside a message, tags and lengths included. */
export function valueSize({ record }: SignedValue): number {
  return record.body.length + record.signature.length + 12
}
