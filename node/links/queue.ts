import type { BufferBudget } from './budget.ts'

/** What is sent first and dropped last: control, then query, then data. */
export type QueueClass = 'control' | 'query' | 'data'
const CLASSES = ['control', 'query', 'data'] as const

export interface QueueLimits {
  /** Messages that wait for one peer. @default 1024 */
  readonly queueMessages: number
  /**
   * Bytes that wait for one peer. @default 1572864: the largest message, 32 parts of 48 KiB, whose parts come at their pace however
   * slow the peer is. What all queues hold together is bounded by the process's 64 MiB.
   */
  readonly queueBytes: number
}

export const QUEUE_LIMITS: QueueLimits = { queueMessages: 1024, queueBytes: 1536 * 1024 }

/**
 * What waits for one peer. Nobody ever waits for room: a message that does not fit pushes out the oldest of the lowest class.
 *
 * Invariants: (1) never more than the limits, whatever is pushed; (2) within a class first in, first out; (3) nothing of a
 * class is dropped while something of a lower class waits, and nothing of a class is taken while a higher class waits.
 */
export class OutboundQueue {
  readonly #limits: QueueLimits
  readonly #budget: BufferBudget
  readonly #dropped: (cls: QueueClass, reason: string) => void
  readonly #fifos: Record<QueueClass, Fifo> = { control: new Fifo(), query: new Fifo(), data: new Fifo() }
  #length = 0
  #bytes = 0

  /** @param dropped called once for every message that is pushed out, with the reason as a slug */
  constructor(
    limits: QueueLimits,
    budget: BufferBudget,
    dropped: (cls: QueueClass, reason: string) => void = () => undefined,
  ) {
    this.#limits = limits
    this.#budget = budget
    this.#dropped = dropped
  }

  get length(): number {
    return this.#length
  }

  get bytes(): number {
    return this.#bytes
  }

  push(cls: QueueClass, message: Uint8Array): void {
    this.#fifos[cls].push(message)
    this.#length++
    this.#bytes += message.length
    this.#budget.grew(this, message.length)
    while (this.#length > this.#limits.queueMessages || this.#bytes > this.#limits.queueBytes) this.drop('queue-full')
    this.#budget.enforce()
  }

  /** The next messages to send, at least one if there is any and then as long as they fit into `maxBytes`. */
  take(maxBytes: number): Uint8Array[] {
    const taken: Uint8Array[] = []
    let bytes = 0
    for (const cls of CLASSES) {
      const fifo = this.#fifos[cls]
      for (let next = fifo.peek(); next !== undefined; next = fifo.peek()) {
        if (taken.length > 0 && bytes + next.length > maxBytes) return this.#took(taken, bytes)
        fifo.shift()
        taken.push(next)
        bytes += next.length
      }
    }
    return this.#took(taken, bytes)
  }

  /** Drops the oldest message of the lowest class. */
  drop(reason: string): void {
    for (let i = CLASSES.length - 1; i >= 0; i--) {
      const cls = CLASSES[i] as QueueClass
      const message = this.#fifos[cls].shift()
      if (message === undefined) continue
      this.#took([message], message.length)
      this.#dropped(cls, reason)
      return
    }
  }

  /** Drops everything. Returns how many messages that were. */
  clear(reason: string): number {
    const count = this.#length
    while (this.#length > 0) this.drop(reason)
    return count
  }

  #took(messages: Uint8Array[], bytes: number): Uint8Array[] {
    this.#length -= messages.length
    this.#bytes -= bytes
    this.#budget.shrank(this, bytes)
    return messages
  }
}

/** First in, first out, without the cost of Array.shift on a long array. */
class Fifo {
  #items: Uint8Array[] = []
  #head = 0

  push(item: Uint8Array): void {
    this.#items.push(item)
  }

  peek(): Uint8Array | undefined {
    return this.#items[this.#head]
  }

  shift(): Uint8Array | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = NOTHING // lets go of it before the array is cut
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}

const NOTHING = new Uint8Array(0)
