import { TypedEventEmitter } from 'main-event'
import type { Attributes, Value } from '../../core/attributes.ts'
import type { PublishOptions, Receipt, SubscribeOptions } from '../../protocols/broadcast/broadcast.ts'
import type { Equivocation } from '../../protocols/broadcast/equivocation.ts'
import type { Message, Subscriber } from '../../protocols/broadcast/subscriptions.ts'
import { QueryError } from '../../protocols/query/language/query-error.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import { QueryRefused } from '../../protocols/query/wave/wave.ts'
import type { Contact } from '../peers.ts'
import type { TendrilEvents } from '../tendril.ts'
import type { ServedNode } from './served.ts'

/** A node without a network, for the tests of the admin API and of its clients. */
export class FakeNode extends TypedEventEmitter<TendrilEvents> implements ServedNode {
  readonly id = '12D3KooWFake'
  readonly network = 'tendril'
  readonly configured: Attributes = { region: 'eu' }
  readonly values = new Map<string, Value>(Object.entries(this.configured))
  readonly asked: string[] = []
  readonly published: { topic: string; data: Uint8Array | string; options: PublishOptions }[] = []
  readonly subscribed: {
    topic: string
    rating: number | undefined
    past: number | undefined
    subgroup: string | undefined
  }[] = []
  readonly equivocations: Equivocation[] = []
  readonly aborted: string[] = []
  readonly subscribers = new Map<string, Set<Subscriber>>()
  /** What who asks for the past gets at once. */
  readonly past: Message[] = []
  left = 0
  diskFull = false
  #sequence = 0

  async query(sql: string, { signal }: { timeout?: number; signal?: AbortSignal } = {}): Promise<Answer> {
    this.asked.push(sql)
    if (sql.includes('wrong')) throw new QueryError('unknown word wrong', sql, { start: 7, end: 12 })
    if (sql.includes('wrnog'))
      throw new QueryError('unknown word wrnog', sql, { start: 7, end: 12 }, 'did you mean wrong?')
    if (sql.includes('often')) throw new QueryRefused('more than 1 query a second')
    if (sql.includes('broken')) throw new Error('a mistake of ours')
    if (sql.includes('forever')) {
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      this.aborted.push(sql)
      throw signal?.reason
    }
    const missing = sql.includes('forming') ? null : sql.includes('partial') ? 2 : 0
    return {
      sql,
      columns: ['id', 'load', 'region'],
      rows: [
        ['a', 1.23456789, 'eu'],
        ['b', 2, null],
      ],
      coverage: {
        answered: 32 - (missing ?? 30),
        missing,
        silent: sql.includes('silent') ? 1 : 0,
        intervals: missing === 0 ? [] : [{ from: 10, to: 20, reason: 'no answer' }],
      },
      cost: { delegations: 31, messages: 94, bytes: 7270, hops: 3, ms: 18 },
      notes: [],
      unknown: [],
    }
  }

  publish(topic: string, data: Uint8Array | string, options: PublishOptions = {}): Receipt {
    if (topic === 'busy')
      return { status: 'delayed', until: Date.now() + 1500, rate: 20, reason: 'at most 20 a second' }
    if (data.length > 1000) return { status: 'refused', reason: 'a payload has at most 1000 bytes', limit: 1000 }
    this.published.push({ topic, data, options })
    const payload = typeof data === 'string' ? new TextEncoder().encode(data) : data
    const sequence = ++this.#sequence
    const message = { topic, from: this.id, sequence, payload, id: `m${sequence}`, published: 1_700_000_000_000 }
    for (const subscriber of this.subscribers.get(topic) ?? []) subscriber(message)
    return { status: 'accepted', id: message.id, sequence, rate: 20 }
  }

  subscribe(topic: string, how: Subscriber | SubscribeOptions): () => void {
    const { onMessage, rating, from, subgroup } = typeof how === 'function' ? { onMessage: how } : how
    if (topic === '') throw new RangeError('A topic has 1 to 128 characters.')
    if (rating !== undefined && !(rating > 0 && rating <= 1)) throw new RangeError(`a rating is above 0; not ${rating}`)
    this.subscribed.push({ topic, rating, past: from?.past, subgroup })
    if (from !== undefined) for (const message of this.past) onMessage(message)
    const subscribers = this.subscribers.get(topic) ?? new Set()
    this.subscribers.set(topic, subscribers.add(onMessage))
    return () => subscribers.delete(onMessage)
  }

  topics(): ReturnType<ServedNode['topics']> {
    const counts = { delivered: 7, repaired: 1, digests: 3 }
    const lane = {
      done: counts,
      refused: {},
      stored: { publications: 2, bytes: 2048 },
      publishers: 1,
      held: 0,
      waiting: 0,
      delivery: { handovers: 1 },
    }
    const epidemic = { ...lane, delivery: { admission: { rate: 3.25, age: 4 } } }
    return [{ topic: 'news', subscribers: 1, rating: 1, members: 3, rate: 20, lanes: { bimodal: lane, epidemic } }]
  }

  proofs(): Equivocation[] {
    return this.equivocations
  }

  async saved(): Promise<void> {
    if (this.diskFull) throw new Error('no space left on device')
  }

  set(name: string, value: Value): void {
    if (!/^[a-z_]+$/.test(name)) throw new RangeError(`${name} cannot name an attribute`)
    this.values.set(name, value ?? this.configured[name] ?? null)
  }

  get(name: string): Value | undefined {
    return this.values.get(name)
  }

  attributes(): Attributes {
    return Object.fromEntries(this.values)
  }

  peers(): Contact[] {
    const addresses = ['/ip4/127.0.0.1/tcp/4001']
    return [
      { id: 'a', addresses, role: 'successor', rtt: 1.5, structures: [], state: 'alive', since: 1_700_000_000_000 },
    ]
  }

  status(): object {
    return { id: this.id, network: 'tendril', peers: 1 }
  }

  async leave(): Promise<void> {
    this.left++
  }
}
