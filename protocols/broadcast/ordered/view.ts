import type { PeerDescriptor } from '../../../core/descriptor.ts'

/** A node for as long as it remembers: one that restarts, or leaves, comes back as another member of the same id. */
export interface Member {
  readonly peer: PeerDescriptor
  readonly incarnation: number
}

/** Who belongs to the group, as a majority of the view before agreed. */
export interface View {
  /** From 1; one more with each change. */
  readonly number: number
  /** By ring position, each id once; at most MAX_MEMBERS. The first leads. */
  readonly members: readonly Member[]
  /** All numbers up to here were given in earlier views. */
  readonly start: number
}

/** A publication in the order, named by the place of its publisher among the view's members. */
export interface Placed {
  readonly member: number
  readonly sequence: number
}

/** What ends a view and makes the next: agreed by a majority of its members. */
export interface Succession {
  /** Places of those who do not come along. */
  readonly removed: readonly number[]
  readonly joined: readonly Member[]
  /** The number of the first publication in `tail`: no member lacks an earlier one's name. */
  readonly first: number
  /** The flush: the view's publications from `first` to its last. */
  readonly tail: readonly Placed[]
}

export const MAX_MEMBERS = 128
/** Members that one change takes in: each is sent the whole view. */
export const MAX_JOINED = 16

/** Whether these places are enough of a view to decide for it. */
export type Quorum = (members: number, places: ReadonlySet<number>) => boolean

/** More than half, or exactly half with the leader among them: two such sets of one view always meet. */
export const majority: Quorum = (members, places) =>
  places.size * 2 > members || (places.size * 2 === members && places.has(0))

/** The number of the last publication of the view that it ends. */
export function endOf({ first, tail }: Succession): number {
  return first - 1 + tail.length
}

export function succeed({ number, members }: View, succession: Succession): View {
  const removed = new Set(succession.removed)
  const joined = new Set(succession.joined.map(({ peer }) => peer.id))
  const stay = members.filter(({ peer }, place) => !removed.has(place) && !joined.has(peer.id))
  const next = [...stay, ...succession.joined].sort((a, b) => a.peer.position - b.peer.position)
  return { number: number + 1, members: next, start: endOf(succession) }
}

/** Its place, or -1. */
export function placeOf({ members }: View, id: string, incarnation?: number): number {
  return members.findIndex(
    (member) => member.peer.id === id && (incarnation === undefined || member.incarnation === incarnation),
  )
}
