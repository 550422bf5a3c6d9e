import type { OutboundQueue } from './queue.ts'

/** LIMITS: what all queues of a process hold together. */
export const PROCESS_BUFFER_BYTES = 64 * 1024 * 1024

/**
 * Bounds what the queues of many peers hold together. When they exceed it, the heaviest gives up half of what it holds,
 * the oldest of its lowest class first: so one search among the queues pays for many messages.
 */
export class BufferBudget {
  readonly #limit: number
  readonly #queues = new Set<OutboundQueue>()
  #bytes = 0

  constructor(limit = PROCESS_BUFFER_BYTES) {
    this.#limit = limit
  }

  get bytes(): number {
    return this.#bytes
  }

  grew(queue: OutboundQueue, bytes: number): void {
    this.#queues.add(queue)
    this.#bytes += bytes
  }

  shrank(queue: OutboundQueue, bytes: number): void {
    this.#bytes -= bytes
    if (queue.length === 0) this.#queues.delete(queue)
  }

  enforce(): void {
    while (this.#bytes > this.#limit) {
      let heaviest: OutboundQueue | undefined
      for (const queue of this.#queues) {
        if (heaviest === undefined || queue.bytes > heaviest.bytes) heaviest = queue
      }
      if (heaviest === undefined) return
      const half = heaviest.bytes / 2
      while (heaviest.bytes > half) heaviest.drop('process-buffers-full')
    }
  }
}

/** One for all nodes of this process: memory is what they share. */
export const processBuffers = new BufferBudget()
