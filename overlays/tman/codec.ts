import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, parse } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire, type PeerDescriptor } from '../../core/descriptor.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import type { Signed } from '../../core/signed.ts'
import { MAX_RANKED } from './tman.ts'
import { TManMessageSchema, type TManMessage as WireMessage } from './tman_pb.ts'

export type TManMessage = RoundMessage<readonly PeerDescriptor[], readonly PeerDescriptor[]>

export const tmanCodec: Codec<TManMessage> = {
  encode(message) {
    return toBinary(TManMessageSchema, create(TManMessageSchema, tmanToWire(message)))
  },
  decode(bytes, claims) {
    return tmanFromWire(
      parse('tman', () => fromBinary(TManMessageSchema, bytes)),
      claims,
    )
  },
  size: ({ body }) => body.reduce((sum, peer) => sum + descriptorSize(peer) + 4, 16),
}

/** What a message that carries one of T-Man's holds of it. */
export function tmanToWire({ kind, round, body }: TManMessage) {
  return { round, answer: kind === 'answer', peers: body.map(descriptorToWire) }
}

/** @throws Malformed when it exceeds a limit */
export function tmanFromWire(wire: WireMessage, claims: Signed[]): TManMessage {
  const body = checkCount(wire.peers, MAX_RANKED, 'tman-peers').map((peer) => descriptorFromWire(peer, claims))
  return { kind: wire.answer ? 'answer' : 'offer', round: wire.round, body }
}
