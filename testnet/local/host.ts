import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import type { Delivery, QueryOptions, Stats, View } from '../testnet.ts'

/** How to start one node. */
export interface NodePlan {
  readonly index: number
  /** Name of the network; every testnet has its own. */
  readonly network: string
  /** The node's key follows from it and the index, so its place on the ring does too. */
  readonly seed: number
  /** The one address that it knows; undefined for node 0. */
  readonly bootstrap: string | undefined
  /** Find the network through the DHT as well. */
  readonly dht: boolean
  /** To take part in beside the ring. */
  readonly structures: readonly string[]
  /** ms between two rounds of aggregation. */
  readonly gossipPeriod: number | undefined
  /** Messages a second that it lets a publisher make, itself included; undefined: the stack's. */
  readonly publishRate?: number | undefined
}

/** Who was told of a publisher that sends more than its rate. */
export interface Told {
  readonly index: number
  readonly topic: string
  readonly from: string
  readonly reason: string
}

export interface Started {
  readonly id: string
  /** Multiaddr with the id. */
  readonly address: string
}

export type Fault = 'kill' | 'silence' | 'pause' | 'trickle' | 'resume' | 'leave'

/** An admin API in front of one node. */
export interface Served {
  readonly url: string
  readonly token: string
  readonly data: string
}

/** What holds nodes: this process, or a child. Indices are those of the whole testnet. */
export interface Host {
  start(plan: NodePlan): Promise<Started>
  fault(index: number, fault: Fault): Promise<void>
  query(index: number, sql: string, options: QueryOptions): Promise<Answer>
  publish(index: number, topic: string, bytes: number): Promise<Receipt>
  flood(index: number, topic: string, rate: number, seconds: number): Promise<number>
  limited(): Promise<Told[]>
  used(): Promise<number>
  subscribe(topic: string): Promise<void>
  delivered(topic: string): Promise<number>
  deliveries(topic: string): Promise<Delivery[]>
  views(structure?: string): Promise<View[]>
  stats(): Promise<Stats>
  serve(index: number): Promise<Served>
  stop(): Promise<void>
}

/** What can be called in a child. */
export const CALLS = [
  'start',
  'fault',
  'query',
  'publish',
  'flood',
  'limited',
  'used',
  'subscribe',
  'delivered',
  'deliveries',
  'views',
  'stats',
  'serve',
  'stop',
] as const satisfies readonly (keyof Host)[]

export interface Call {
  readonly call: number
  readonly method: (typeof CALLS)[number]
  readonly args: readonly unknown[]
}

/** An error keeps what a QueryError needs to be one again. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly text?: string
  readonly position?: number
  readonly length?: number
  readonly hint?: string | undefined
}

export type Reply =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly failure: Failure }
