import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkId, checkInteger, parse, required } from '../../core/codec.ts'
import { descriptorFromWire, descriptorSize, descriptorToWire, type PeerDescriptor } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import { MembershipMessageSchema, type Rumor as WireRumor } from './membership_pb.ts'

/** Somebody found this peer dead: a reason to look for oneself, never a verdict. */
export interface Rumor {
  readonly id: string
  readonly sequence: number
}

export type MembershipMessage =
  | { readonly kind: 'ping' | 'pong'; readonly nonce: number; readonly dead: readonly Rumor[] }
  | { readonly kind: 'request'; readonly nonce: number; readonly target: PeerDescriptor }
  | { readonly kind: 'result'; readonly nonce: number; readonly alive: boolean }
  | { readonly kind: 'goodbye' }

export const MAX_RUMORS = 8

export const membershipCodec: Codec<MembershipMessage> = {
  encode(message) {
    return toBinary(MembershipMessageSchema, create(MembershipMessageSchema, { kind: toWire(message) }))
  },
  decode(bytes, claims) {
    const { kind } = parse('membership', () => fromBinary(MembershipMessageSchema, bytes))
    switch (kind.case) {
      case 'ping':
      case 'pong':
        return { kind: kind.case, nonce: kind.value.nonce, dead: rumors(kind.value.dead) }
      case 'request': {
        const target = descriptorFromWire(required(kind.value.target, 'membership-target'), claims)
        return { kind: 'request', nonce: kind.value.nonce, target }
      }
      case 'result':
        return { kind: 'result', nonce: kind.value.nonce, alive: kind.value.alive }
      case 'goodbye':
        return { kind: 'goodbye' }
      default:
        throw new Malformed('membership-kind')
    }
  },
  size(message) {
    switch (message.kind) {
      case 'ping':
      case 'pong':
        return 16 + message.dead.reduce((sum, { id }) => sum + id.length + 16, 0)
      case 'request':
        return 16 + descriptorSize(message.target)
      default:
        return 16
    }
  },
}

function toWire(message: MembershipMessage): MessageInitShape<typeof MembershipMessageSchema>['kind'] & {} {
  switch (message.kind) {
    case 'ping':
      return { case: 'ping', value: { nonce: message.nonce, dead: toRumors(message.dead) } }
    case 'pong':
      return { case: 'pong', value: { nonce: message.nonce, dead: toRumors(message.dead) } }
    case 'request':
      return { case: 'request', value: { nonce: message.nonce, target: descriptorToWire(message.target) } }
    case 'result':
      return { case: 'result', value: { nonce: message.nonce, alive: message.alive } }
    case 'goodbye':
      return { case: 'goodbye', value: {} }
  }
}

function toRumors(dead: readonly Rumor[]) {
  return dead.map(({ id, sequence }) => ({ id, sequence: BigInt(sequence) }))
}

function rumors(wire: readonly WireRumor[]): Rumor[] {
  return checkCount(wire, MAX_RUMORS, 'membership-rumors').map(({ id, sequence }) => ({
    id: checkId(id),
    sequence: checkInteger(sequence, 0, Number.MAX_SAFE_INTEGER, 'membership-sequence'),
  }))
}
