import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse, required } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire, type PeerDescriptor } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import { SPACE } from '../../core/position.ts'
import { type TManMessage, tmanCodec, tmanFromWire, tmanToWire } from '../../overlays/tman/codec.ts'
import { GroupsMessageSchema } from './groups_pb.ts'

/** Members that one answer of a registry holds. */
export const MAX_PEERS = 8
/** As many as a greedy walk over the ring's contacts takes in a network of a million, and again as many. */
export const MAX_HOPS = 32
/** Bytes around what a message holds, at most. */
export const FRAME = 16

/** What a message says of its group. */
export type GroupMessage =
  | { readonly kind: 'member'; readonly asks: boolean }
  | { readonly kind: 'stranger' }
  | { readonly kind: 'register'; readonly member: PeerDescriptor; readonly hops: number; readonly across: boolean }
  | { readonly kind: 'members'; readonly peers: readonly PeerDescriptor[] }
  | { readonly kind: 'ring'; readonly round: TManMessage }

export interface GroupsMessage {
  /** Ring position of the topic's name. */
  readonly group: number
  readonly message: GroupMessage
}

export const groupsCodec: Codec<GroupsMessage> = {
  encode({ group, message }) {
    return toBinary(
      GroupsMessageSchema,
      create(GroupsMessageSchema, { group: BigInt(group), message: messageToWire(message) }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('groups', () => fromBinary(GroupsMessageSchema, bytes))
    const group = checkInteger(wire.group, 0, SPACE - 1, 'groups-group')
    const { message } = wire
    switch (message.case) {
      case 'member':
        return { group, message: { kind: 'member', asks: message.value.asks } }
      case 'stranger':
        return { group, message: { kind: 'stranger' } }
      case 'register': {
        const hops = checkInteger(message.value.hops, 0, MAX_HOPS, 'groups-hops')
        const member = descriptorFromWire(required(message.value.member, 'groups-member'), claims)
        return { group, message: { kind: 'register', member, hops, across: message.value.across } }
      }
      case 'members': {
        const peers = checkCount(message.value.peers, MAX_PEERS, 'groups-peers')
        return { group, message: { kind: 'members', peers: peers.map((peer) => descriptorFromWire(peer, claims)) } }
      }
      case 'ring':
        return { group, message: { kind: 'ring', round: tmanFromWire(message.value, claims) } }
      case undefined:
        throw new Malformed('groups-kind')
    }
  },
  size({ message }) {
    switch (message.kind) {
      case 'member':
      case 'stranger':
        return FRAME
      case 'register':
        return 26 + descriptorSize(message.member)
      case 'members':
        return message.peers.reduce((sum, peer) => sum + descriptorSize(peer) + 4, FRAME)
      case 'ring':
        return FRAME + tmanCodec.size(message.round)
    }
  },
}

type WireMessage = NonNullable<Parameters<typeof create<typeof GroupsMessageSchema>>[1]>['message']

function messageToWire(message: GroupMessage): NonNullable<WireMessage> {
  switch (message.kind) {
    case 'member':
      return { case: 'member', value: { asks: message.asks } }
    case 'stranger':
      return { case: 'stranger', value: {} }
    case 'register': {
      const { member, hops, across } = message
      return { case: 'register', value: { member: descriptorToWire(member), hops, across } }
    }
    case 'members':
      return { case: 'members', value: { peers: message.peers.map(descriptorToWire) } }
    case 'ring':
      return { case: 'ring', value: tmanToWire(message.round) }
  }
}
