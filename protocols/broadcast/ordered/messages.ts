import { descriptorSize, type PeerDescriptor } from '../../../core/descriptor.ts'
import type { BimodalMessage } from '../bimodal/codec.ts'
import { bimodalCodec } from '../bimodal/codec.ts'
import type { Publication } from '../publication.ts'
import { recordSize } from '../record.ts'
import type { Member, Placed, Succession, View } from './view.ts'

/** Publications in one log, and so in one flush. */
export const MAX_LOG = 2048
/** Numbers in one message of the leader. */
export const MAX_BATCH = 256
/** Publications in one answer to a request. */
export const MAX_RECORDS = 64
/** Publishers that are no members any more, whose last number is remembered. */
export const MAX_FORMER = 64
/** Bytes of a view's descriptors: with a flush they fit into a frame of 64 KiB. */
export const MAX_VIEW_BYTES = 40 * 1024

/** A ballot with the succession that was accepted in it. */
export interface Accepted {
  readonly ballot: number
  readonly value: Succession
}

/** Of a publisher, the last publication that has a number, and that number. */
export interface Last {
  readonly id: string
  readonly sequence: number
  readonly number: number
}

export type OrderedBody =
  /** An outsider wants to be let in; `fresh`: it was in no group yet, so that one can be founded with it. */
  | { readonly kind: 'hello'; readonly fresh: boolean }
  /** There is a group, and who leads it; `live` when a majority of it answers. */
  | { readonly kind: 'pointer'; readonly leader: PeerDescriptor; readonly live: boolean }
  /** Leader to member: numbers from `first` on; all up to `commit` are decided, all up to `stable` are with everybody. */
  | {
      readonly kind: 'order'
      readonly first: number
      readonly placed: readonly Placed[]
      readonly commit: number
      readonly stable: number
      readonly live: boolean
    }
  /** Member to leader: all up to `held` is here, payloads too. `sealed`: it takes no more numbers in this view. */
  | { readonly kind: 'ack'; readonly held: number; readonly sealed: boolean }
  /** Wants the payloads of these numbers. */
  | { readonly kind: 'fetch'; readonly first: number; readonly last: number }
  /** Answers that; or brings the leader publications of the sender that have no number yet. */
  | { readonly kind: 'records'; readonly publications: readonly Publication[] }
  /** Ends the view, if enough agree. Its sender knows the names of all numbers up to `known`. */
  | { readonly kind: 'prepare'; readonly ballot: number; readonly known: number }
  | {
      readonly kind: 'promise'
      readonly ballot: number
      readonly held: number
      readonly known: number
      /** The names from the `known` of the prepare, exclusive, to `held`. */
      readonly placed: readonly Placed[]
      readonly accepted: Accepted | undefined
    }
  /** A higher ballot was promised. */
  | { readonly kind: 'reject'; readonly ballot: number }
  | { readonly kind: 'propose'; readonly ballot: number; readonly value: Succession }
  | { readonly kind: 'accepted'; readonly ballot: number }
  /** The succession that the receiver accepted in this ballot followed the view of the frame. */
  | { readonly kind: 'chosen'; readonly ballot: number }
  /** What followed the view of the frame. */
  | { readonly kind: 'decided'; readonly value: Succession }
  /** For one who joined: the view of the frame, and who published what last before it. */
  | { readonly kind: 'install'; readonly view: View; readonly last: readonly Last[] }
  /** The sender is still in the view of the frame and hears of a later one. */
  | { readonly kind: 'sync' }
  /** The receiver is not in the view of the frame, nor can the sender say how that came. */
  | { readonly kind: 'gone' }
  /** The sender stops. */
  | { readonly kind: 'leave' }

export interface OrderedFrame {
  /** Which founding the group goes back to; 0 of an outsider. The older one is the lower. */
  readonly lineage: number
  /** The number of a view; 0 of an outsider. */
  readonly view: number
  /** The sender's. */
  readonly incarnation: number
  readonly body: OrderedBody
}

export type OrderedMessage = { readonly bimodal: BimodalMessage } | OrderedFrame

const HEAD = 40

/** Upper bound of the encoded length. */
export function orderedSize(message: OrderedMessage): number {
  if ('bimodal' in message) return 1 + bimodalCodec.size(message.bimodal)
  return HEAD + bodySize(message.body)
}

function bodySize(body: OrderedBody): number {
  switch (body.kind) {
    case 'pointer':
      return descriptorSize(body.leader) + 2
    case 'order':
      return 44 + placedSize(body.placed)
    case 'records':
      return body.publications.reduce((sum, publication) => sum + recordSize(publication) + 8, 0)
    case 'promise':
      return 64 + placedSize(body.placed) + (body.accepted === undefined ? 0 : successionSize(body.accepted.value))
    case 'propose':
    case 'decided':
      return 16 + successionSize(body.value)
    case 'install':
      return 32 + membersSize(body.view.members) + body.last.length * 92
    default:
      return 24
  }
}

function placedSize(placed: readonly Placed[]): number {
  return 16 + placed.reduce((sum, { sequence }) => sum + (sequence < 2 ** 28 ? 6 : 10), 0)
}

export function membersSize(members: readonly Member[]): number {
  return members.reduce((sum, { peer }) => sum + descriptorSize(peer) + 16, 0)
}

function successionSize({ removed, joined, tail }: Succession): number {
  return 32 + 2 * removed.length + membersSize(joined) + placedSize(tail)
}
