import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, parse } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import { MAX_RANKED } from '../tman/tman.ts'
import { isCoordinate } from './coordinates.ts'
import type { Located } from './latency.ts'
import { LatencyMessageSchema } from './latency_pb.ts'

export type LatencyMessage = RoundMessage<Located, Located>

export const latencyCodec: Codec<LatencyMessage> = {
  encode({ kind, round, body: { coordinate, peers } }) {
    const answer = kind === 'answer'
    return toBinary(
      LatencyMessageSchema,
      create(LatencyMessageSchema, { round, answer, peers: peers.map(descriptorToWire), ...coordinate }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('latency', () => fromBinary(LatencyMessageSchema, bytes))
    const { x, y, height, error } = wire
    const coordinate = { x, y, height, error }
    if (!isCoordinate(coordinate)) throw new Malformed('latency-coordinate')
    const peers = checkCount(wire.peers, MAX_RANKED, 'latency-peers').map((peer) => descriptorFromWire(peer, claims))
    return { kind: wire.answer ? 'answer' : 'offer', round: wire.round, body: { coordinate, peers } }
  },
  size: ({ body }) => body.peers.reduce((sum, peer) => sum + descriptorSize(peer) + 4, 52),
}
