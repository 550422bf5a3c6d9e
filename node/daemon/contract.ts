// Stands in until node/service.ts exists; then this file goes.
import type { Attributes, Value } from '../../core/attributes.ts'

export interface QueryResult {
  sql: string
  columns: string[]
  rows: Value[][]
  coverage: { answered: number; missing: number; intervals: { from: number; to: number; reason: string }[] }
  cost: { delegations: number; messages: number; bytes: number; hops: number; ms: number }
  notes: string[]
}
export type Receipt =
  | { status: 'accepted'; id: string; sequence: number }
  | { status: 'refused'; reason: string; limit?: number }
export interface Message {
  topic: string
  from: string
  sequence: number
  payload: Uint8Array
  id: string
  published: number
}
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
  query(sql: string, options?: { timeout?: number; signal?: AbortSignal }): Promise<QueryResult>
  publish(topic: string, data: Uint8Array | string): Receipt
  subscribe(topic: string, onMessage: (message: Message) => void): () => void
  set(name: string, value: Value): void
  get(name: string): Value | undefined
  attributes(): Attributes
  peers(): Peer[]
  status(): object
  leave(): Promise<void>
}
