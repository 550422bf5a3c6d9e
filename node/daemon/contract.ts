// Stands in until node/service.ts exists; then this file goes.
import type { Attributes, Value } from '../../core/attributes.ts'
import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import type { Delivery, Subscriber } from '../../protocols/broadcast/subscriptions.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'

export type { Answer, Delivery, Receipt, Subscriber }

export interface Peer {
  id: string
  addresses: string[]
  role: 'successor' | 'predecessor' | 'long link' | 'random'
  rtt: number | undefined
  state: 'alive' | 'suspect'
  since: number
}
export interface Tendril extends EventTarget {
  readonly id: string
  query(sql: string, options?: { timeout?: number; signal?: AbortSignal }): Promise<Answer>
  publish(topic: string, data: Uint8Array | string): Receipt
  subscribe(topic: string, onMessage: Subscriber): () => void
  set(name: string, value: Value): void
  get(name: string): Value | undefined
  attributes(): Attributes
  peers(): Peer[]
  status(): object
  leave(): Promise<void>
}
