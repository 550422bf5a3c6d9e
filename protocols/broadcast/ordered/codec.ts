import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkId, checkInteger, parse, required } from '../../../core/codec.ts'
import { descriptorFromWire, descriptorToWire } from '../../../core/descriptor.ts'
import { Malformed } from '../../../core/malformed.ts'
import type { Signed } from '../../../core/signed.ts'
import { bimodalCodec } from '../bimodal/codec.ts'
import { publicationFromWire, recordToWire } from '../record.ts'
import {
  type Accepted,
  type Last,
  MAX_BATCH,
  MAX_FORMER,
  MAX_LOG,
  MAX_RECORDS,
  MAX_VIEW_BYTES,
  membersSize,
  type OrderedBody,
  type OrderedMessage,
  orderedSize,
} from './messages.ts'
import {
  OrderedFrameSchema,
  type Member as WireMember,
  type Placed as WirePlaced,
  type Propose as WirePropose,
  type Succession as WireSuccession,
} from './ordered_pb.ts'
import { MAX_JOINED, MAX_MEMBERS, type Member, type Placed, type Succession } from './view.ts'

const MAX = Number.MAX_SAFE_INTEGER
/** Numbers and ballots: room to count on from any that a peer names. */
const MAX_NUMBER = 2 ** 52

type FrameInit = NonNullable<MessageInitShape<typeof OrderedFrameSchema>['message']>

/** A byte that says whose message it is; then bimodal's own encoding, or a frame. */
export const orderedCodec: Codec<OrderedMessage> = {
  encode(message) {
    const bytes =
      'bimodal' in message
        ? bimodalCodec.encode(message.bimodal)
        : toBinary(
            OrderedFrameSchema,
            create(OrderedFrameSchema, {
              lineage: BigInt(message.lineage),
              view: BigInt(message.view),
              incarnation: BigInt(message.incarnation),
              message: bodyToWire(message.body),
            }),
          )
    const marked = new Uint8Array(1 + bytes.length)
    marked[0] = 'bimodal' in message ? 0 : 1
    marked.set(bytes, 1)
    return marked
  },

  decode(bytes, claims) {
    const kind = bytes[0]
    if (kind === 0) return { bimodal: bimodalCodec.decode(bytes.subarray(1), claims) }
    if (kind !== 1) throw new Malformed('ordered-kind')
    const wire = parse('ordered', () => fromBinary(OrderedFrameSchema, bytes.subarray(1)))
    const lineage = checkInteger(wire.lineage, 0, MAX, 'ordered-lineage')
    const view = number(wire.view, 'ordered-view')
    const incarnation = checkInteger(wire.incarnation, 0, MAX, 'ordered-incarnation')
    return { lineage, view, incarnation, body: bodyFromWire(wire.message, view, claims) }
  },

  size: orderedSize,
}

function bodyToWire(body: OrderedBody): FrameInit {
  switch (body.kind) {
    case 'hello':
      return { case: 'hello', value: { fresh: body.fresh } }
    case 'sync':
    case 'gone':
    case 'leave':
      return { case: body.kind, value: {} }
    case 'pointer':
      return { case: 'pointer', value: { leader: descriptorToWire(body.leader), live: body.live } }
    case 'order': {
      const { first, placed, commit, stable, live } = body
      const numbers = { first: BigInt(first), commit: BigInt(commit), stable: BigInt(stable) }
      return { case: 'order', value: { ...numbers, placed: placedToWire(placed), live } }
    }
    case 'ack':
      return { case: 'ack', value: { held: BigInt(body.held), sealed: body.sealed } }
    case 'fetch':
      return { case: 'fetch', value: { first: BigInt(body.first), last: BigInt(body.last) } }
    case 'records':
      return { case: 'records', value: { records: body.publications.map(recordToWire) } }
    case 'prepare':
      return { case: 'prepare', value: { ballot: BigInt(body.ballot), known: BigInt(body.known) } }
    case 'promise': {
      const { ballot, held, known, placed, accepted } = body
      const numbers = { ballot: BigInt(ballot), held: BigInt(held), known: BigInt(known) }
      const before = accepted === undefined ? {} : { accepted: acceptedToWire(accepted) }
      return { case: 'promise', value: { ...numbers, placed: placedToWire(placed), ...before } }
    }
    case 'reject':
    case 'accepted':
    case 'chosen':
      return { case: body.kind, value: BigInt(body.ballot) }
    case 'propose':
      return { case: 'propose', value: acceptedToWire(body) }
    case 'decided':
      return { case: 'decided', value: successionToWire(body.value) }
    case 'install': {
      const { view, last } = body
      const value = { members: view.members.map(memberToWire), start: BigInt(view.start) }
      const publishers = last.map(({ id, sequence, number }) => {
        return { id, sequence: BigInt(sequence), number: BigInt(number) }
      })
      return { case: 'install', value: { ...value, last: publishers } }
    }
  }
}

type WireBody = ReturnType<typeof fromBinary<typeof OrderedFrameSchema>>['message']

function bodyFromWire(wire: WireBody, view: number, claims: Signed[]): OrderedBody {
  switch (wire.case) {
    case 'hello':
      return { kind: 'hello', fresh: wire.value.fresh }
    case 'sync':
    case 'gone':
    case 'leave':
      return { kind: wire.case }
    case 'pointer': {
      const leader = descriptorFromWire(required(wire.value.leader, 'ordered-leader'), claims)
      return { kind: 'pointer', leader, live: wire.value.live }
    }
    case 'order': {
      const { first, placed, commit, stable, live } = wire.value
      const numbers = { first: number(first), commit: number(commit), stable: number(stable) }
      return { kind: 'order', ...numbers, placed: placedFromWire(placed, MAX_BATCH), live }
    }
    case 'ack':
      return { kind: 'ack', held: number(wire.value.held), sealed: wire.value.sealed }
    case 'fetch': {
      const first = number(wire.value.first)
      return { kind: 'fetch', first, last: checkInteger(wire.value.last, first, first + MAX_LOG - 1, 'ordered-fetch') }
    }
    case 'records': {
      const { records } = wire.value
      checkCount(records, MAX_RECORDS, 'ordered-records')
      return { kind: 'records', publications: records.map((record) => publicationFromWire(record, claims)) }
    }
    case 'prepare':
      return { kind: 'prepare', ballot: number(wire.value.ballot), known: number(wire.value.known) }
    case 'promise': {
      const { ballot, held, known, placed, accepted } = wire.value
      const numbers = { ballot: number(ballot), held: number(held), known: number(known) }
      const before = accepted === undefined ? undefined : acceptedFromWire(accepted, claims)
      return { kind: 'promise', ...numbers, placed: placedFromWire(placed, MAX_LOG), accepted: before }
    }
    case 'reject':
    case 'accepted':
    case 'chosen':
      return { kind: wire.case, ballot: number(wire.value) }
    case 'propose':
      return { kind: 'propose', ...acceptedFromWire(wire.value, claims) }
    case 'decided':
      return { kind: 'decided', value: successionFromWire(wire.value, claims) }
    case 'install': {
      const { members, start, last } = wire.value
      checkCount(last, MAX_MEMBERS + MAX_FORMER, 'ordered-last')
      return {
        kind: 'install',
        view: { number: view, members: viewFromWire(members, claims), start: number(start) },
        last: last.map((one): Last => {
          const sequence = checkInteger(one.sequence, 1, MAX, 'ordered-sequence')
          return { id: checkId(one.id), sequence, number: number(one.number) }
        }),
      }
    }
    case undefined:
      throw new Malformed('ordered-kind')
  }
}

function number(value: bigint, reason = 'ordered-number'): number {
  return checkInteger(value, 0, MAX_NUMBER, reason)
}

function placedToWire(placed: readonly Placed[]) {
  return { members: placed.map(({ member }) => member), sequences: placed.map(({ sequence }) => BigInt(sequence)) }
}

function placedFromWire(wire: WirePlaced | undefined, limit: number): Placed[] {
  const { members, sequences } = required(wire, 'ordered-placed')
  checkCount(members, limit, 'ordered-placed')
  if (members.length !== sequences.length) throw new Malformed('ordered-placed', 'of two lengths')
  return members.map((member, i) => ({
    member: place(member),
    sequence: checkInteger(sequences[i] as bigint, 1, MAX, 'ordered-sequence'),
  }))
}

function place(value: number): number {
  return checkInteger(value, 0, MAX_MEMBERS - 1, 'ordered-place')
}

function memberToWire({ peer, incarnation }: Member) {
  return { peer: descriptorToWire(peer), incarnation: BigInt(incarnation) }
}

function memberFromWire(wire: WireMember, claims: Signed[]): Member {
  const peer = descriptorFromWire(required(wire.peer, 'ordered-member'), claims)
  return { peer, incarnation: checkInteger(wire.incarnation, 1, MAX, 'ordered-incarnation') }
}

/** Each id once. */
function membersFromWire(wire: readonly WireMember[], limit: number, claims: Signed[]): Member[] {
  checkCount(wire, limit, 'ordered-members')
  const members = wire.map((member) => memberFromWire(member, claims))
  if (new Set(members.map(({ peer }) => peer.id)).size < members.length) throw new Malformed('ordered-members', 'twice')
  return members
}

/** By ring position, as every member has them: a place must mean the same everywhere. */
function viewFromWire(wire: readonly WireMember[], claims: Signed[]): Member[] {
  const members = membersFromWire(wire, MAX_MEMBERS, claims)
  if (members.length === 0 || membersSize(members) > MAX_VIEW_BYTES) throw new Malformed('ordered-members')
  const sorted = members.every((one, i) => i === 0 || (members[i - 1] as Member).peer.position < one.peer.position)
  if (!sorted) throw new Malformed('ordered-members', 'not by position')
  return members
}

function acceptedToWire({ ballot, value }: Accepted) {
  return { ballot: BigInt(ballot), value: successionToWire(value) }
}

function acceptedFromWire({ ballot, value }: WirePropose, claims: Signed[]): Accepted {
  return { ballot: number(ballot), value: successionFromWire(required(value, 'ordered-value'), claims) }
}

function successionToWire({ removed, joined, first, tail }: Succession) {
  return {
    removed: [...removed],
    joined: joined.map(memberToWire),
    first: BigInt(first),
    tail: placedToWire(tail),
  }
}

function successionFromWire(wire: WireSuccession, claims: Signed[]): Succession {
  checkCount(wire.removed, MAX_MEMBERS, 'ordered-removed')
  return {
    removed: wire.removed.map(place),
    joined: membersFromWire(wire.joined, MAX_JOINED, claims),
    first: checkInteger(wire.first, 1, MAX_NUMBER, 'ordered-number'),
    tail: placedFromWire(wire.tail, MAX_LOG),
  }
}
