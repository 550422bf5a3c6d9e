import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse } from '../../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire, type PeerDescriptor } from '../../../core/descriptor.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import type { Signed } from '../../../core/signed.ts'
import { MAX_PARTS, type Publication } from '../publication.ts'
import { publicationFromWire, recordSize, recordToWire } from '../record.ts'
import { GravitationalFrameSchema, type Ratings as WireRatings } from './gravitational_pb.ts'
import { FULL, MAX_SUBGROUPS, NOTHING, type Standing } from './standing.ts'

/** Its sender holds this publication, and reckons that the receiver wants it. */
export interface Announce {
  readonly kind: 'announce'
  /** Its ring position. */
  readonly publisher: number
  readonly sequence: number
  /** Parts of the same message after this one. */
  readonly after: number
  readonly subgroup: number
}

export interface Want {
  readonly kind: 'want'
  readonly publisher: number
  readonly sequence: number
}

export interface Data {
  readonly kind: 'data'
  readonly publication: Publication
}

/** What its sender wants. */
export interface Ratings {
  readonly kind: 'ratings'
  readonly ask: boolean
  /** Left out when the receiver was told those of this version. */
  readonly standing: Standing | undefined
  /** Version of the receiver's ratings that its sender knows. */
  readonly have: number | undefined
  /** Subgroups in which it knows too few others; at most MAX_POOR. */
  readonly poor: readonly number[]
  /** Others who rate what the receiver knew too few others in; at most MAX_MATES. */
  readonly mates: readonly PeerDescriptor[]
}

export type GravitationalMessage = (Announce | Want | Data | Ratings) & {
  /** Of its sender's ratings, modulo 256. */
  readonly version: number
}

export const MAX_POOR = 32
export const MAX_MATES = 8
export const VERSIONS = 256
const MAX = Number.MAX_SAFE_INTEGER

export const gravitationalCodec: Codec<GravitationalMessage> = {
  encode(message) {
    return toBinary(GravitationalFrameSchema, create(GravitationalFrameSchema, toWire(message)))
  },

  decode(bytes, claims) {
    const { version: said, message } = parse('gravitational', () => fromBinary(GravitationalFrameSchema, bytes))
    const version = checkInteger(said, 0, VERSIONS - 1, 'gravitational-version')
    switch (message.case) {
      case 'announce': {
        const { after, subgroup } = message.value
        checkInteger(after, 0, MAX_PARTS - 1, 'announce-parts')
        return { kind: 'announce', version, ...nameFromWire(message.value), after, subgroup }
      }
      case 'want':
        return { kind: 'want', version, ...nameFromWire(message.value) }
      case 'data':
        return { kind: 'data', version, publication: publicationFromWire(message.value.record, claims) }
      case 'ratings':
        return { ...ratingsFromWire(message.value, claims), version }
      case undefined:
        throw new Malformed('gravitational-kind')
    }
  },

  size(message) {
    if (message.kind === 'announce') return 12 + numberSize(message.publisher) + numberSize(message.sequence)
    if (message.kind === 'want') return 7 + numberSize(message.publisher) + numberSize(message.sequence)
    if (message.kind === 'data') return recordSize(message.publication) + 12
    const { standing, poor, mates } = message
    return mates.reduce(
      (sum, mate) => sum + descriptorSize(mate),
      35 + 5 * (standing?.named.size ?? 0) + 4 * poor.length,
    )
  },
}

type Frame = NonNullable<Parameters<typeof create<typeof GravitationalFrameSchema>>[1]>

function toWire(message: GravitationalMessage): Frame {
  const { version } = message
  switch (message.kind) {
    case 'announce': {
      const { after, subgroup } = message
      return { version, message: { case: 'announce', value: { ...nameToWire(message), after, subgroup } } }
    }
    case 'want':
      return { version, message: { case: 'want', value: nameToWire(message) } }
    case 'data':
      return { version, message: { case: 'data', value: { record: recordToWire(message.publication) } } }
    case 'ratings': {
      const { ask, standing, poor, mates, have } = message
      const { rest, named } = standing ?? NOTHING
      const value = {
        ask,
        told: standing === undefined,
        ...(have !== undefined && { have }),
        rest,
        subgroups: [...named.keys()],
        named: Uint8Array.from(named.values()),
        poor: [...poor],
        mates: mates.map(descriptorToWire),
      }
      return { version, message: { case: 'ratings', value } }
    }
  }
}

type Name = Pick<Want, 'publisher' | 'sequence'>

function nameToWire({ publisher, sequence }: Name): { publisher: bigint; sequence: bigint } {
  return { publisher: BigInt(publisher), sequence: BigInt(sequence) }
}

function nameFromWire({ publisher, sequence }: { publisher: bigint; sequence: bigint }): Name {
  return {
    publisher: checkInteger(publisher, 0, SPACE - 1, 'gravitational-publisher'),
    sequence: checkInteger(sequence, 1, MAX - MAX_PARTS, 'gravitational-sequence'),
  }
}

function ratingsFromWire(wire: WireRatings, claims: Signed[]): Omit<Ratings, 'version'> {
  const rest = checkInteger(wire.rest, 0, FULL, 'ratings-rest')
  checkCount(wire.subgroups, MAX_SUBGROUPS, 'ratings-subgroups')
  if (wire.named.length !== wire.subgroups.length) throw new Malformed('ratings-subgroups', `${wire.named.length}`)
  const named = new Map<number, number>()
  let before = -1
  wire.subgroups.forEach((subgroup, i) => {
    if (subgroup <= before) throw new Malformed('ratings-order')
    before = subgroup
    named.set(subgroup, wire.named[i] as number)
  })
  const standing = wire.told ? undefined : { rest, named }
  if (wire.told && rest + named.size > 0) throw new Malformed('ratings-told')
  const have = wire.have === undefined ? undefined : checkInteger(wire.have, 0, VERSIONS - 1, 'ratings-version')
  checkCount(wire.poor, MAX_POOR, 'ratings-poor')
  checkCount(wire.mates, MAX_MATES, 'ratings-mates')
  const mates = wire.mates.map((mate) => descriptorFromWire(mate, claims))
  return { kind: 'ratings', ask: wire.ask, standing, have, poor: [...wire.poor], mates }
}

/** Of a varint and its tag. */
function numberSize(number: number): number {
  let bytes = 2
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) bytes++
  return bytes
}
