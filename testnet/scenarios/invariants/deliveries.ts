import type { Delivery } from '../../testnet.ts'
import type { Invariant, World } from './invariant.ts'

/** No subscriber gets a message twice. A node that was restarted without its memory is another subscriber. */
export function deliveredOnce(world: World): Invariant {
  const seen = new Set<string>()
  const next = newcomers(world)
  return {
    name: 'delivered-once',
    async patrol() {
      for (const { index, incarnation, id } of await next()) {
        const key = `${index} ${incarnation} ${id}`
        if (seen.has(key)) return `node ${index} got ${id} twice`
        seen.add(key)
      }
      return undefined
    },
  }
}

/** What one sender publishes arrives at each subscriber in the order in which it was published. */
export function inOrder(world: World): Invariant {
  const last = new Map<string, number>()
  const next = newcomers(world)
  return {
    name: 'in-order',
    async patrol() {
      for (const { index, incarnation, publisher, id } of await next()) {
        const key = `${index} ${incarnation} ${publisher}`
        const sequence = Number(id.slice(id.lastIndexOf('/') + 1))
        const before = last.get(key) ?? 0
        if (sequence < before) return `node ${index} got ${id} after ${publisher}/${before}`
        last.set(key, sequence)
      }
      return undefined
    },
  }
}

/** The deliveries since the last call, in the order in which they came at each node. */
export function newcomers({ testnet, audience }: World): () => Promise<Delivery[]> {
  let known = 0
  return async () => {
    if ((await testnet.delivered(audience.topic)) === known) return []
    const all = await testnet.deliveries(audience.topic)
    const fresh = all.slice(known)
    known = all.length
    return fresh
  }
}
