import type { Invariant, World } from './invariant.ts'

/** ms that a message can be under way or wait at a paused node's, at most: whoever is heard of later has been dead for so long. */
const FLIGHT = 10_000
/** ms within which the living have let go of a node that died or left, once the network is calm. */
const FORGETTING = 45_000

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

/** Who died or left is nobody's contact 45 s later, of those that ran all that time in an undisturbed network. */
export function forgotten({ testnet, simulated, chronicle }: World): Invariant {
  return {
    name: 'forgotten',
    patrol() {
      const now = testnet.now()
      if (now - chronicle.calmSince < FORGETTING) return undefined
      const gone = new Map<string, number>()
      for (const { index, id } of testnet.nodes) {
        const died = chronicle.deadSince(index)
        if (died !== undefined && now - died >= FORGETTING) gone.set(id, index)
      }
      if (gone.size === 0) return undefined
      for (const { index, id } of testnet.nodes) {
        const since = chronicle.runsSince(index)
        if (since === undefined || now - since < FORGETTING) continue
        const ghost = simulated?.testnet.simulation
          .node(id)
          .protocol.contacts()
          .find((peer) => gone.has(peer.id))
        if (ghost !== undefined)
          return `node ${gone.get(ghost.id)} is dead for 45 s, and still a contact of node ${index}`
      }
      return undefined
    },
  }
}
