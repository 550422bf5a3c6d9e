import type { Invariant, World } from './invariant.ts'

/** ms that a message can be under way or wait at a paused node's, at most: whoever is heard of later has been dead for so long. */
const FLIGHT = 10_000
/**
 * ms within which a node finds out that a contact is dead, in a calm network, and for which it believes in a peer that it has not
 * heard of (membership's STALE): for so long gossip can bring a dead peer back into a view, from where it is probed away.
 */
const DETECTION = 20_000
const BELIEF = 60_000

/**
 * Who died or left does not come back to life in anybody's eyes: a node takes a peer for alive only while it lives, or as long
 * after as its last messages were under way.
 */
export function noResurrection({ testnet, chronicle }: World): Invariant {
  const indices = new Map<string, number>()
  return {
    name: 'no-resurrection',
    up(index, id) {
      if (!indices.has(id)) for (const node of testnet.nodes) indices.set(node.id, node.index)
      const peer = indices.get(id)
      const died = peer === undefined ? undefined : chronicle.deadSince(peer)
      const now = testnet.now()
      if (died === undefined || now - died <= FLIGHT) return undefined
      // It has just gone on, and reads what came while it was paused.
      if (now - (chronicle.runsSince(index) ?? now) < FLIGHT) return undefined
      return `node ${index} took node ${peer} for alive ${Math.round(now - died)} ms after its death`
    },
  }
}

/** Who died or left is nobody's contact 80 s later, of those that ran undisturbed for the last 20. */
export function forgotten({ testnet, simulated, chronicle }: World): Invariant {
  return {
    name: 'forgotten',
    patrol() {
      const now = testnet.now()
      if (now - chronicle.calmSince < DETECTION) return undefined
      const gone = new Map<string, number>()
      for (const { index, id } of testnet.nodes) {
        const died = chronicle.deadSince(index)
        if (died !== undefined && now - died >= BELIEF + DETECTION) gone.set(id, index)
      }
      if (gone.size === 0) return undefined
      for (const { index, id } of testnet.nodes) {
        const since = chronicle.runsSince(index)
        if (since === undefined || now - since < DETECTION) continue
        if (now - chronicle.standsUntil(index) < BELIEF + DETECTION) continue
        const contacts = simulated?.testnet.simulation.node(id).protocol.contacts()
        const ghost = contacts?.find((peer) => gone.has(peer.id))
        if (ghost !== undefined) {
          const dead = Math.round((now - (chronicle.deadSince(gone.get(ghost.id) as number) ?? now)) / 1000)
          return `node ${gone.get(ghost.id)} has been dead for ${dead} s, and is a contact of node ${index}`
        }
      }
      return undefined
    },
  }
}

/** ms after its death within which nobody's root is a dead node any more: three rounds of the tree, and its last words' way. */
const ROOTLESS = 15_000

/** A tree does not stand on a dead root. */
export function noDeadRoot({ testnet, simulated, chronicle }: World): Invariant {
  return {
    name: 'no-dead-root',
    patrol() {
      const now = testnet.now()
      const dead = new Map<string, number>()
      for (const { index, id } of testnet.nodes) {
        const died = chronicle.deadSince(index)
        if (died !== undefined && now - died >= ROOTLESS) dead.set(id, index)
      }
      if (dead.size === 0) return undefined
      for (const { index, id } of testnet.nodes) {
        const since = chronicle.runsSince(index)
        if (since === undefined || now - since < ROOTLESS || now - chronicle.standsUntil(index) < ROOTLESS) continue
        const { structures } = simulated?.testnet.simulation.node(id).protocol.status() ?? {}
        const root = (structures?.['spanning-tree'] as { readonly root: string } | undefined)?.root
        if (root !== undefined && dead.has(root)) {
          return `node ${dead.get(root)} is dead, and node ${index} takes it for the root of the tree`
        }
      }
      return undefined
    },
  }
}
