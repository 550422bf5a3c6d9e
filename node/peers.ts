import type { PeerDescriptor } from '../core/descriptor.ts'
import type { Stack } from '../protocols/stack.ts'

/** A peer that this node keeps, and what for. */
export interface Contact {
  readonly id: string
  /** Multiaddrs without the id. */
  readonly addresses: readonly string[]
  /** On the ring: successor, predecessor or long link; else in the first of its structures: `line:load neighbour`; else random. */
  readonly role: string
  /** What it is in each structure beside the ring that both take part in. */
  readonly structures: readonly { readonly name: string; readonly role: string }[]
  /** Smoothed round trip in ms; undefined until one was measured. */
  readonly rtt: number | undefined
  readonly state: 'alive' | 'suspect'
  /** Since when it is in this state, ms since the epoch; undefined when it was never in touch. */
  readonly since: number | undefined
}

/** Of the ring neighbours, those that a ring needs on each side; further ones are long links. */
const NEIGHBOURS = 4
const RANDOM = 16

/**
 * Each peer once: neighbours on both sides, nearest first, long links, members of structures, and random peers that are
 * connected.
 */
export function contactsOf(stack: Stack, isConnected: (id: string) => boolean): Contact[] {
  const { successors, predecessors } = stack.neighbours()
  const roles = new Map<string, { readonly peer: PeerDescriptor; readonly role: Contact['role'] }>()
  const add = (peers: readonly PeerDescriptor[], role: Contact['role']) => {
    for (const peer of peers) if (!roles.has(peer.id)) roles.set(peer.id, { peer, role })
  }
  // In a small network a peer is near on both sides: taken in turn, each side keeps its nearest.
  for (let i = 0; i < NEIGHBOURS; i++) {
    add(successors.slice(i, i + 1), 'successor')
    add(predecessors.slice(i, i + 1), 'predecessor')
  }
  add(stack.contacts(), 'long link')
  const structures = new Map<string, { name: string; role: string }[]>()
  for (const [name, members] of stack.structures()) {
    for (const { peer, role } of members) {
      add([peer], `${name} ${role}`)
      structures.set(peer.id, [...(structures.get(peer.id) ?? []), { name, role }])
    }
  }
  add(
    stack.sample(RANDOM).filter(({ id }) => isConnected(id)),
    'random',
  )
  return [...roles.values()].map(({ peer, role }) => {
    const member = stack.member(peer.id)
    const state = member?.state === 'suspect' ? 'suspect' : 'alive'
    return {
      id: peer.id,
      addresses: peer.addresses,
      role,
      structures: structures.get(peer.id) ?? [],
      rtt: member?.rtt,
      state,
      since: member?.since,
    }
  })
}
