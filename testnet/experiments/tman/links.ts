import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Member } from './network.ts'

/** Target links: node `from[k]` should have node `to[k]` in its view. Indices of members. */
export interface Links {
  readonly from: Int32Array
  readonly to: Int32Array
}

/** From each of `nodes` members to those that `targets` names. */
export function linksBetween(nodes: number, targets: (index: number) => readonly number[]): Links {
  const from: number[] = []
  const to: number[] = []
  for (let i = 0; i < nodes; i++) {
    for (const target of targets(i)) {
      from.push(i)
      to.push(target)
    }
  }
  return { from: Int32Array.from(from), to: Int32Array.from(to) }
}

/**
 * Everybody to the next and to the one before in this order: 2N links on a ring, 2N - 2 on a line.
 * @param order indices of members, those that live
 */
export function chain(order: readonly number[], closed: boolean): Links {
  const from: number[] = []
  const to: number[] = []
  for (let i = 0; i < order.length; i++) {
    const next = i + 1 < order.length ? order[i + 1] : closed && order.length > 1 ? order[0] : undefined
    if (next === undefined) continue
    from.push(order[i] as number, next)
    to.push(next, order[i] as number)
  }
  return { from: Int32Array.from(from), to: Int32Array.from(to) }
}

/** Indices of the members that `compare` puts in order; those for which `takesPart` is false are left out. */
export function inOrder(
  members: readonly Member[],
  compare: (a: PeerDescriptor, b: PeerDescriptor) => number,
  takesPart: (member: Member) => boolean = () => true,
): number[] {
  const indices = members.flatMap((member, i) => (takesPart(member) ? [i] : []))
  return indices.sort((a, b) => compare((members[a] as Member).self, (members[b] as Member).self))
}

export function byPosition(a: PeerDescriptor, b: PeerDescriptor): number {
  return a.position - b.position
}

/** The paper's measure: how many target links are in nobody's view. Costs O(links) when nearly all are there. */
export function missing(members: readonly Member[], { from, to }: Links): number {
  let count = 0
  for (let k = 0; k < from.length; k++) {
    const { view } = (members[from[k] as number] as Member).tman
    if (!view.includes((members[to[k] as number] as Member).self)) count++
  }
  return count
}
