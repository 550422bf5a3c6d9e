import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, parse } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire, type PeerDescriptor } from '../../core/descriptor.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import { MAX_RANKED } from './tman.ts'
import { TManMessageSchema } from './tman_pb.ts'

export type TManMessage = RoundMessage<readonly PeerDescriptor[], readonly PeerDescriptor[]>

export const tmanCodec: Codec<TManMessage> = {
  encode(message) {
    const peers = message.body.map(descriptorToWire)
    return toBinary(
      TManMessageSchema,
      create(TManMessageSchema, { round: message.round, answer: message.kind === 'answer', peers }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('tman', () => fromBinary(TManMessageSchema, bytes))
    const body = checkCount(wire.peers, MAX_RANKED, 'tman-peers').map((peer) => descriptorFromWire(peer, claims))
    return { kind: wire.answer ? 'answer' : 'offer', round: wire.round, body }
  },
  size: ({ body }) => body.reduce((sum, peer) => sum + descriptorSize(peer) + 4, 16),
}
