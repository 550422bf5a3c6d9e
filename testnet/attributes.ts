import { type Labels, labelsOf } from './testnet.ts'

/** What a query finds of a simulated node, besides its id and what the stack adds from gossip. */
export interface SimulatedAttributes extends Labels {
  readonly load: number
  readonly memory_free: number
}

export function attributesOf(index: number): SimulatedAttributes {
  return { load: ((index * 7) % 16) / 16, memory_free: 2 ** 30 + index, ...labelsOf(index) }
}
