import type { PeerDescriptor } from '../../core/descriptor.ts'
import { SimulatedDescriptor } from './descriptor.ts'
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

  /**
   * Loop by loop, each of them short, so that many rounds of it are under way at a time, and each coming to what the one before
   * it has fetched. An object may lie in two lines of the cache: what is read of it are its first and its last field of use. The
   * arrays are new ones: writing objects into old ones costs a look at each object's page.
   */
  #look(): void {
    const { queue, environments, states, traffic } = this.#memory
    const events = this.#events
    const count = queue.peek(events)
    const timers = new Array<SimulatedTimer<Message> | undefined>(count)
    const messages = new Array<Message | undefined>(count)
    const senders = new Array<PeerDescriptor | undefined>(count)
    const places = new Array<SimulatedEnvironment<Message> | undefined>(count)
    let seen = 0
    for (let i = 0; i < count; i++) {
      const event = events[i] as number
      const timer = queue.timer(event)
      timers[i] = timer
      if (timer !== undefined) continue
      messages[i] = queue.payload(event) as Message
      senders[i] = queue.sender(event)
      places[i] = environments[queue.target(event)]
    }
    for (let i = 0; i < count; i++) {
      const timer = timers[i]
      if (timer !== undefined) {
        places[i] = timer.environment
        if (timer.period > 0) seen++
        continue
      }
      const sender = senders[i]
      if (sender instanceof SimulatedDescriptor && sender.home !== undefined) seen ^= sender.index
      if (typeof messages[i] === 'object') seen++
    }
    for (let i = 0; i < count; i++) seen ^= places[i]?.touch() ?? 0
    for (let i = 0; i < count; i++) {
      const place = places[i]
      if (place === undefined) continue
      seen ^= (states[place.index] as number) ^ traffic.touch(place.index)
      if (typeof place.protocol === 'object') seen++
    }
    for (let i = 0; i < count; i++) seen ^= places[i]?.protocol?.touch?.(messages[i]) ?? 0
    this.seen = seen
  }
}
