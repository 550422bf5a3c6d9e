import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse, required } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire } from '../../core/descriptor.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import { type Aged, MAX_AGE } from './held.ts'
import { MAX_SAMPLE } from './sampling.ts'
import { SamplingMessageSchema } from './sampling_pb.ts'

export type SamplingMessage = RoundMessage<readonly Aged[], readonly Aged[]>

export const samplingCodec: Codec<SamplingMessage> = {
  encode(message) {
    const entries = message.body.map(({ peer, age }) => ({ peer: descriptorToWire(peer), age }))
    return toBinary(
      SamplingMessageSchema,
      create(SamplingMessageSchema, { round: message.round, answer: message.kind === 'answer', entries }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('sampling', () => fromBinary(SamplingMessageSchema, bytes))
    const body = checkCount(wire.entries, MAX_SAMPLE, 'sampling-entries').map((entry) => {
      const peer = descriptorFromWire(required(entry.peer, 'sampling-peer'), claims)
      return { id: peer.id, peer, age: checkInteger(entry.age, 0, MAX_AGE, 'sampling-age') }
    })
    return { kind: wire.answer ? 'answer' : 'offer', round: wire.round, body }
  },
  size: ({ body }) => body.reduce((sum, { peer }) => sum + descriptorSize(peer) + 8, 16),
}
