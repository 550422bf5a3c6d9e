import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkInteger, parse, required } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import { beaconFromWire, beaconToWire } from './beacon.ts'
import { type Announcement, MAX_DEPTH, type TreeMessage } from './messages.ts'
import { Kind, TreeMessageSchema } from './tree_pb.ts'

const KINDS: Readonly<Record<TreeMessage['kind'], Kind>> = {
  hello: Kind.HELLO,
  reply: Kind.REPLY,
  join: Kind.JOIN,
  accepted: Kind.ACCEPTED,
  refused: Kind.REFUSED,
  news: Kind.NEWS,
  leave: Kind.LEAVE,
}

const NAMES = new Map(Object.entries(KINDS).map(([name, kind]) => [kind, name as TreeMessage['kind']]))

export const treeCodec: Codec<TreeMessage> = {
  encode(message) {
    const { kind, at } = message
    const fields = kind === 'leave' ? {} : announced(message)
    return toBinary(TreeMessageSchema, create(TreeMessageSchema, { kind: KINDS[kind], at: BigInt(at), ...fields }))
  },
  decode(bytes, claims) {
    const wire = parse('tree', () => fromBinary(TreeMessageSchema, bytes))
    const kind = NAMES.get(wire.kind)
    if (kind === undefined) throw new Malformed('tree-kind')
    const at = checkInteger(wire.at, 0, Number.MAX_SAFE_INTEGER, 'tree-at')
    if (kind === 'leave') return { kind, at }
    const beacon = beaconFromWire(required(wire.beacon, 'tree-beacon'), claims)
    const distance = checkInteger(wire.distance, 0, MAX_DEPTH, 'tree-distance')
    return { kind, at, position: { beacon, distance }, room: wire.room }
  },
  size(message) {
    if (message.kind === 'leave') return 12
    const { body, signature } = message.position.beacon.record
    return body.length + signature.length + 24
  },
}

function announced({ position, room }: Announcement) {
  return { beacon: beaconToWire(position.beacon), distance: position.distance, room }
}
