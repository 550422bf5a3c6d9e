import type { SimulatedEnvironment, SimulatedTimer } from './environment.ts'
import type { EventQueue } from './events.ts'
import type { Traffic } from './traffic.ts'

/** Events looked at together: what they touch fits the cache beside the rest. */
const TOGETHER = 32
/** Nodes from which on it pays: fewer fit the cache. */
const MANY = 4096

interface Memory<Message> {
  readonly queue: EventQueue<SimulatedTimer<Message>>
  readonly environments: readonly SimulatedEnvironment<Message>[]
  readonly traffic: Traffic
  readonly states: Uint8Array
}

/**
 * Fetches the memory of events to come. Events happen to random nodes, and what a node is made of lies in a dozen places: read one
 * after the other, each is waited for. Read for many events in one loop, where no read depends on another event's, a processor
 * waits for ten or more at a time. It only reads, so nothing that happens depends on it.
 */
export class Ahead<Message> {
  readonly #memory: Memory<Message>
  readonly #events = new Int32Array(TOGETHER)
  /** Steps until it looks again. */
  #left = 0
  /** Keeps the reads from being optimised away. */
  seen = 0

  constructor(memory: Memory<Message>) {
    this.#memory = memory
  }

  /** Called before every event. */
  step(): void {
    if (--this.#left > 0) return
    this.#left = TOGETHER
    if (this.#memory.environments.length >= MANY) this.#look()
  }

  #look(): void {
    const count = this.#memory.queue.peek(this.#events)
    let seen = 0
    // Each loop comes to what the one before it has fetched.
    for (let i = 0; i < count; i++) seen += this.#event(this.#events[i] as number)
    for (let i = 0; i < count; i++) seen += this.#node(this.#events[i] as number)
    for (let i = 0; i < count; i++) if (typeof this.#place(this.#events[i] as number)?.protocol === 'object') seen++
    for (let i = 0; i < count; i++) seen += this.#place(this.#events[i] as number)?.protocol?.touch?.() ?? 0
    this.seen = seen
  }

  /** The event, and the object it carries. */
  #event(event: number): number {
    const { queue } = this.#memory
    const timer = queue.timer(event)
    if (timer !== undefined) return timer.period
    return typeof queue.payload(event) === 'object' && typeof queue.sender(event) === 'object' ? 1 : 0
  }

  #node(event: number): number {
    const { traffic, states } = this.#memory
    const index = this.#place(event)?.index ?? 0
    return (states[index] as number) + traffic.touch(index)
  }

  /** What it happens to; undefined when it is no node. */
  #place(event: number): SimulatedEnvironment<Message> | undefined {
    const { queue, environments } = this.#memory
    const timer = queue.timer(event)
    return timer === undefined ? environments[queue.target(event)] : timer.environment
  }
}
