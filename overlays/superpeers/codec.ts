import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse, required } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire, type PeerDescriptor } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Signed } from '../../core/signed.ts'
import { type Known, MAX_CAPACITY, MAX_KNOWN_AGE, MAX_KNOWN_SENT, type SuperPeersMessage } from './messages.ts'
import { Kind, SuperPeersMessageSchema, type SuperPeersMessage as Wire } from './superpeers_pb.ts'

const KINDS: Readonly<Record<SuperPeersMessage['kind'], Kind>> = {
  gossip: Kind.GOSSIP,
  answer: Kind.ANSWER,
  join: Kind.JOIN,
  accepted: Kind.ACCEPTED,
  refused: Kind.REFUSED,
  move: Kind.MOVE,
  leave: Kind.LEAVE,
  promote: Kind.PROMOTE,
}

export const superPeersCodec: Codec<SuperPeersMessage> = {
  encode(message) {
    const peer = peerOf(message)
    return toBinary(
      SuperPeersMessageSchema,
      create(SuperPeersMessageSchema, {
        kind: KINDS[message.kind],
        known: knownOf(message).map(({ peer: one, room, age }) => ({ peer: descriptorToWire(one), room, age })),
        ...('superPeer' in message && { superPeer: message.superPeer }),
        ...('clients' in message && { clients: message.clients }),
        ...(peer !== undefined && { peer: descriptorToWire(peer) }),
      }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('superpeers', () => fromBinary(SuperPeersMessageSchema, bytes))
    checkCount(wire.known, MAX_KNOWN_SENT, 'superpeers-known')
    switch (wire.kind) {
      case Kind.GOSSIP:
      case Kind.ANSWER:
        return {
          kind: wire.kind === Kind.GOSSIP ? 'gossip' : 'answer',
          superPeer: wire.superPeer,
          clients: clientsOf(wire),
          known: knownFrom(wire, claims),
          spare: wire.peer === undefined ? undefined : descriptorFromWire(wire.peer, claims),
        }
      case Kind.ACCEPTED:
        return { kind: 'accepted', clients: clientsOf(wire), known: knownFrom(wire, claims) }
      case Kind.REFUSED:
        return { kind: 'refused', clients: clientsOf(wire), known: knownFrom(wire, claims) }
      case Kind.MOVE:
        return { kind: 'move', to: descriptorFromWire(required(wire.peer, 'superpeers-move'), claims) }
      case Kind.JOIN:
        return { kind: 'join' }
      case Kind.LEAVE:
        return { kind: 'leave' }
      case Kind.PROMOTE:
        return { kind: 'promote' }
      default:
        throw new Malformed('superpeers-kind')
    }
  },
  size(message) {
    const peer = peerOf(message)
    const known = knownOf(message).reduce((sum, one) => sum + descriptorSize(one.peer) + 12, 16)
    return known + (peer === undefined ? 0 : descriptorSize(peer))
  },
}

function knownOf(message: SuperPeersMessage): readonly Known[] {
  return 'known' in message ? message.known : []
}

function peerOf(message: SuperPeersMessage): PeerDescriptor | undefined {
  if (message.kind === 'move') return message.to
  return 'spare' in message ? message.spare : undefined
}

function clientsOf({ clients }: Wire): number {
  return checkInteger(clients, 0, MAX_CAPACITY, 'superpeers-clients')
}

function knownFrom({ known }: Wire, claims: Signed[]): readonly Known[] {
  return known.map((one) => {
    const peer = descriptorFromWire(required(one.peer, 'superpeers-peer'), claims)
    const room = checkInteger(one.room, 0, MAX_CAPACITY, 'superpeers-room')
    return { id: peer.id, peer, room, age: checkInteger(one.age, 0, MAX_KNOWN_AGE, 'superpeers-age') }
  })
}
