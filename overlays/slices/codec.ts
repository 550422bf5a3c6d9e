import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, parse } from '../../core/codec.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import { MAX_VALUES } from './slices.ts'
import { SlicesMessageSchema } from './slices_pb.ts'
import { type SignedValue, valueFromWire, valueSize, valueToWire } from './value.ts'

export type SlicesMessage = RoundMessage<null, readonly SignedValue[]>

export const slicesCodec: Codec<SlicesMessage> = {
  encode(message) {
    const values = (message.body ?? []).map(valueToWire)
    return toBinary(
      SlicesMessageSchema,
      create(SlicesMessageSchema, { round: message.round, answer: message.kind === 'answer', values }),
    )
  },
  decode(bytes, claims) {
    const { round, answer, values } = parse('slices', () => fromBinary(SlicesMessageSchema, bytes))
    checkCount(values, answer ? MAX_VALUES : 0, 'slices-values')
    if (!answer) return { kind: 'offer', round, body: null }
    return { kind: 'answer', round, body: values.map((value) => valueFromWire(value, claims)) }
  },
  size: ({ body }) => (body ?? []).reduce((sum, value) => sum + valueSize(value), 16),
}
