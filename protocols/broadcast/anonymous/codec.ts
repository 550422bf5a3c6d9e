import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkInteger, parse } from '../../../core/codec.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import { type Holding, holdingsFromWire, holdingToWire, MAX_RUNS } from '../bimodal/codec.ts'
import type { Publication } from '../publication.ts'
import { publicationFromWire, recordSize, recordToWire } from '../record.ts'
import { AnonymousFrameSchema } from './anonymous_pb.ts'

/** A publication on its way to everybody, from neighbour to neighbour. */
export interface Flood {
  readonly kind: 'flood'
  readonly publication: Publication
}

/** Somebody asks whoever can: what it needs is what these holdings lack. */
export interface Walk {
  readonly kind: 'walk'
  /** Names the way back. */
  readonly number: number
  /** Still to go, at most MAX_HOPS. */
  readonly hops: number
  /** It knows of more publishers than it lists: of others it needs nothing. */
  readonly partial: boolean
  readonly holdings: readonly Holding[]
}

/** A publication on its way back to who asked. */
export interface Answer {
  readonly kind: 'answer'
  readonly walk: number
  readonly publication: Publication
}

export type AnonymousMessage = Flood | Walk | Answer

export const MAX_HOPS = 16

export const anonymousCodec: Codec<AnonymousMessage> = {
  encode(message) {
    switch (message.kind) {
      case 'flood':
        return frame({ case: 'flood', value: { record: recordToWire(message.publication) } })
      case 'walk': {
        const { number, hops, partial, holdings } = message
        const value = { number: BigInt(number), hops, partial, holdings: holdings.map(holdingToWire) }
        return frame({ case: 'walk', value })
      }
      case 'answer': {
        const value = { walk: BigInt(message.walk), record: recordToWire(message.publication) }
        return frame({ case: 'answer', value })
      }
    }
  },

  decode(bytes, claims) {
    const { message } = parse('anonymous', () => fromBinary(AnonymousFrameSchema, bytes))
    switch (message.case) {
      case 'flood':
        return { kind: 'flood', publication: publicationFromWire(message.value.record, claims) }
      case 'walk': {
        const { partial } = message.value
        const number = checkInteger(message.value.number, 0, SPACE - 1, 'walk-number')
        const hops = checkInteger(message.value.hops, 0, MAX_HOPS, 'walk-hops')
        const holdings = holdingsFromWire(message.value.holdings, 'walk')
        let runs = 0
        for (const holding of holdings) runs += holding.runs.length
        checkInteger(runs, 0, MAX_RUNS, 'walk-runs')
        return { kind: 'walk', number, hops, partial, holdings }
      }
      case 'answer': {
        const walk = checkInteger(message.value.walk, 0, SPACE - 1, 'walk-number')
        return { kind: 'answer', walk, publication: publicationFromWire(message.value.record, claims) }
      }
      case undefined:
        throw new Malformed('anonymous-kind')
    }
  },

  size(message) {
    if (message.kind !== 'walk') return recordSize(message.publication) + 16
    let size = 24
    for (const { runs } of message.holdings) size += 28 + 16 * runs.length
    return size
  },
}

type FrameInit = NonNullable<Parameters<typeof create<typeof AnonymousFrameSchema>>[1]>['message']

function frame(message: FrameInit): Uint8Array {
  return toBinary(AnonymousFrameSchema, create(AnonymousFrameSchema, message === undefined ? {} : { message }))
}
