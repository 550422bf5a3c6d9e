import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkText, parse } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import { KINDS } from './kinds.ts'
import type { Kind } from './structure.ts'
import { StructureMessageSchema } from './structures_pb.ts'

/** A message of one structure. */
export interface StructuresMessage {
  /** Kind, or kind:argument. */
  readonly name: string
  /** What the kind's codec encodes. */
  readonly message: unknown
}

/** A kind, a colon and the name of an attribute. */
export const MAX_NAME = 80

export const structuresCodec: Codec<StructuresMessage> = {
  encode({ name, message }) {
    const body = kindOf(name).codec.encode(message)
    return toBinary(StructureMessageSchema, create(StructureMessageSchema, { name, body }))
  },
  decode(bytes, claims) {
    const { name, body } = parse('structures', () => fromBinary(StructureMessageSchema, bytes))
    checkText(name, MAX_NAME, 'structures-name')
    return { name, message: kindOf(name).codec.decode(body, claims) }
  },
  size: ({ name, message }) => kindOf(name).codec.size(message) + frameSize(name),
}

/** Bytes that a structure's name puts around each of its messages, at most. */
export function frameSize(name: string): number {
  return name.length * 3 + 8
}

function kindOf(name: string): Kind {
  const colon = name.indexOf(':')
  const kind = colon < 0 ? name : name.slice(0, colon)
  const found = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (found === undefined) throw new Malformed('structures-kind', name)
  return found
}
